"""What the API refuses, with its own words and status."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.redact import Secret
from batchdub.sandbox.calls import Upload
from tests.sandbox.driving import AUDIO, GENERATE, HEADERS, REQUESTS, VIDEO, Driver, error_of

MEDIA = f"{GENERATE}-with-media"
BAD_BODY = (400, "invalid request body")
VIDEO_FILE, AUDIO_FILE = Upload("v.mp4", "aa"), Upload("a.wav", "bb")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        {},
        {"inputs": "both"},
        {"inputs": [VIDEO, "audio"]},
        {"inputs": [VIDEO, {"type": "audio"}]},
        {"inputs": [VIDEO, {"type": "audio", "url": ""}]},
        {"inputs": [VIDEO, {"type": "audio", "url": 7}]},
        {"inputs": [VIDEO, AUDIO | {"language": "ja"}]},
        {"inputs": [VIDEO, AUDIO], "webhook": "https://a.example"},
        {"inputs": [VIDEO, AUDIO], "reference_id": 42},
        {"inputs": [VIDEO, AUDIO], "reference_id": None},
        {"inputs": [VIDEO, AUDIO], "reference_id": "\ud800"},
        {"inputs": [VIDEO, AUDIO], "disable_active_speaker_detection": "true"},
    ],
)
def test_a_body_of_another_shape_is_refused(body):
    """Unknown fields and wrong types too; nothing is ordered and nothing is spent."""
    driver = Driver()
    assert error_of(driver.post(body)) == BAD_BODY
    assert driver.books.orders == []


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([AUDIO], "expected exactly one video input"),
        ([VIDEO, VIDEO, AUDIO], "expected exactly one video input"),
        ([VIDEO], "expected exactly one audio input"),
        ([VIDEO, AUDIO, AUDIO], "expected exactly one audio input"),
        ([], "expected exactly one video input"),
        ([VIDEO, AUDIO | {"type": "srt"}], 'input type must be "video" or "audio"'),
    ],
)
def test_inputs_are_one_video_and_one_audio(inputs, text):
    """Each documented text for what is not."""
    assert error_of(Driver().post({"inputs": inputs})) == (400, text)


def test_inputs_come_in_any_order():
    """So says the reference."""
    driver = Driver()
    assert driver.post({"inputs": [AUDIO, VIDEO]}).status == 200
    assert [medium.type for medium in driver.books.orders[0].inputs] == ["audio", "video"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_body_breaks_the_api(value):
    """Whatever JSON comes, the answer is one of the documented ones."""
    for body in (value, {"inputs": value}, {"inputs": [value, value]}):
        status, _ = error_of(Driver().post(body))
        assert status == 400


def test_an_empty_reference_id_is_none():
    """As a field that was left out."""
    driver = Driver()
    driver.order("")
    assert driver.books.orders[0].reference_id is None


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data"])
def test_generate_takes_json_alone(content_type):
    """The type is checked before the body."""
    headers = HEADERS | {"Content-Type": content_type}
    answer = Driver().call("POST", GENERATE, headers=headers, body=b"{}")
    assert error_of(answer) == (400, "content-type must be application/json")


def test_a_content_type_may_have_parameters_and_capitals():
    """`Application/JSON; charset=utf-8` is JSON."""
    headers = HEADERS | {"Content-Type": "Application/JSON; charset=utf-8"}
    body = json.dumps({"inputs": [VIDEO, AUDIO]}).encode()
    assert Driver().call("POST", GENERATE, headers=headers, body=body).status == 200


def upload(form, content_type="multipart/form-data; boundary=x"):
    driver = Driver()
    headers = HEADERS | {"Content-Type": content_type}
    return driver, driver.call("POST", MEDIA, headers=headers, form=form)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"audio": AUDIO_FILE}, "video file is required"),
        ({"video": "https://a.example/v.mp4", "audio": AUDIO_FILE}, "video file is required"),
        ({"video": VIDEO_FILE}, "audio file is required"),
        (None, "invalid request body"),
        ({"video": VIDEO_FILE, "audio": AUDIO_FILE, "model": "x"}, "invalid request body"),
        (
            {"video": VIDEO_FILE, "audio": AUDIO_FILE, "disable_active_speaker_detection": "yes"},
            "invalid request body",
        ),
        (
            {"video": VIDEO_FILE, "audio": AUDIO_FILE, "reference_id": AUDIO_FILE},
            "invalid request body",
        ),
    ],
)
def test_an_upload_is_two_files_and_known_fields(form, text):
    """Each documented text for what is not."""
    driver, answer = upload(form)
    assert error_of(answer) == (400, text)
    assert driver.books.orders == []


def test_an_upload_is_multipart():
    """JSON belongs on the other path."""
    _, answer = upload(None, "application/json")
    assert error_of(answer) == (400, "content-type must be multipart/form-data")


def test_an_upload_is_entered_by_its_files_names_and_hashes():
    """The books can tell two uploads apart without keeping either."""
    form = {
        "video": VIDEO_FILE,
        "audio": AUDIO_FILE,
        "reference_id": "up",
        "disable_active_speaker_detection": "true",
    }
    driver, answer = upload(form)
    order = driver.books.orders[0]
    assert answer.status == 200
    assert [(medium.url, medium.url_hash) for medium in order.inputs] == [
        ("upload:v.mp4", "aa"),
        ("upload:a.wav", "bb"),
    ]
    assert (order.reference_id, order.disable_active_speaker_detection) == ("up", True)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "missing authorization header"),
        ({"Authorization": "the-key"}, "invalid authorization format"),
        ({"Authorization": "Basic the-key"}, "invalid authorization format"),
        ({"Authorization": "Bearer"}, "missing token"),
        ({"Authorization": "Bearer  "}, "missing token"),
        ({"Authorization": "Bearer other"}, "invalid token"),
        ({"Authorization": "Bearer other", "x-api-key": "the-key"}, "invalid token"),
        ({"x-api-key": ""}, "missing token"),
        ({"x-api-key": "other"}, "unauthorized"),
        ({"x-api-key": "ключ"}, "unauthorized"),
    ],
)
def test_without_the_right_key_nothing_works(headers, text):
    """Each documented text, on every path that needs a key."""
    driver = Driver(key=Secret("the-key"))
    calls = [("POST", GENERATE), ("POST", MEDIA), ("GET", REQUESTS), ("GET", "/api/v1/users/me")]
    for method, path in [*calls, ("GET", f"{REQUESTS}/x")]:
        assert error_of(driver.call(method, path, headers=headers)) == (401, text)


@pytest.mark.parametrize("headers", [{"authorization": "bearer the-key"}, {"X-API-Key": "the-key"}])
def test_the_key_goes_in_either_header(headers):
    """Bearer, which the guides recommend, or x-api-key."""
    driver = Driver(key=Secret("the-key"))
    assert driver.call("GET", "/api/v1/users/me", headers=headers).status == 200


def test_without_a_set_key_any_key_will_do_but_none_will_not():
    """A rehearsal needs no account, and still notices a key that is not sent."""
    driver = Driver()
    for headers in ({"Authorization": "Bearer anything"}, {"x-api-key": "anything"}):
        assert driver.call("GET", REQUESTS, headers=headers).status == 200
    assert driver.call("GET", REQUESTS, headers={}).status == 401


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=", "limit=1.5", "offset=-1", "offset=x"]
)
def test_a_page_that_makes_no_sense_is_refused(query):
    """`limit` is at least 1, `offset` at least 0."""
    assert error_of(Driver().get(f"{REQUESTS}?{query}")) == BAD_BODY


def test_secrets_are_in_no_repr_and_no_books():
    """Neither the key nor a signature, in whatever is printed or kept."""
    driver = Driver(key=Secret("the-key"))
    signed = VIDEO | {"url": "https://u:pw@a.example/v.mp4?Signature=s3cr3t&Key-Pair-Id=k"}
    headers = HEADERS | {"Authorization": "Bearer the-key"}
    body = json.dumps({"inputs": [signed, AUDIO]}).encode()
    driver.call("POST", GENERATE, headers=headers, body=body)
    seen = repr(driver.books.orders) + repr(driver.provider.settings)
    assert not any(secret in seen for secret in ("the-key", "s3cr3t", "pw@"))
    assert "https://a.example/v.mp4" in seen


def test_what_is_not_a_url_is_still_an_order():
    """The real API refuses no address; the dub fails later."""
    driver = Driver()
    broken = VIDEO | {"url": "http://[broken"}
    assert driver.post({"inputs": [broken, AUDIO]}).status == 200
    assert driver.books.orders[0].inputs[0].url == "[not a URL]"
