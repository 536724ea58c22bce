"""The finished dub: its link, and the file whole and in part."""

from __future__ import annotations

import pytest

from batchdub.media_url import cut_url
from batchdub.sandbox.media import make_mp4
from tests.sandbox.driving import REQUESTS, Driver, error_of, json_of


@pytest.fixture
def driver():
    driver = Driver(link_ttl_s=60)
    driver.order("ref")
    driver.wait(10)
    return driver


@pytest.fixture
def target(driver):
    url = json_of(driver.get(f"{REQUESTS}/ref"))["output_url"]
    assert url.startswith("http://127.0.0.1:9/api/outputs/")
    return url.removeprefix("http://127.0.0.1:9")


@pytest.fixture
def whole(driver):
    return make_mp4(driver.books.orders[0].request_id)


def fetch(driver, target, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return driver.call("GET", target, headers=named)


def test_a_link_gives_the_dub_without_a_key(driver, target, whole):
    """It is signed, as links of a store are."""
    answer = fetch(driver, target)
    assert (answer.status, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.body == whole


def test_a_link_is_recognised_as_signed(driver):
    """So that its query is neither kept nor shown."""
    url = json_of(driver.get(f"{REQUESTS}/ref"))["output_url"]
    assert cut_url(url).signature == "CloudFront"


def test_a_link_dies_and_a_fresh_one_lives(driver, target):
    """Ask for the request again."""
    driver.wait(61)
    assert error_of(fetch(driver, target)) == (403, "link expired or not signed")
    fresh = json_of(driver.get(f"{REQUESTS}/ref"))["output_url"]
    assert fetch(driver, fresh.removeprefix("http://127.0.0.1:9")).status == 200


def test_a_link_without_its_signature_is_refused(driver, target):
    """Or with another one, or another time."""
    path, _, query = target.partition("?")
    for bad in ("", query.replace("Expires=", "Expires=9"), query.replace("ture=", "ture=%C3%BC")):
        assert fetch(driver, f"{path}?{bad}").status == 403


def test_there_is_no_output_before_the_end(driver):
    """Nor of an order that is not there."""
    driver.order("new")
    request_id = driver.books.orders[1].request_id
    for name in (request_id, "no-such"):
        assert fetch(driver, f"/api/outputs/{name}.mp4").status == 404


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-100", slice(-100, None)),
        ("bytes=100-999999", slice(100, None)),
        ("bytes=-999999", slice(0, None)),
    ],
)
def test_a_range_gives_that_part(driver, target, whole, wanted, part):
    """So that a download can go on where it was cut."""
    answer = fetch(driver, target, Range=wanted)
    assert (answer.status, answer.body) == (206, whole[part])
    start = range(len(whole))[part].start
    expected = f"bytes {start}-{start + len(answer.body) - 1}/{len(whole)}"
    assert answer.headers["content-range"] == expected


@pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=5-4", "bytes=-0"])
def test_a_range_outside_is_refused_with_the_size(driver, target, whole, wanted):
    """416, as HTTP has it."""
    answer = fetch(driver, target, Range=wanted)
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-9", "bytes=-", "lines=1-2", "bytes=a-b"])
def test_what_is_not_one_range_of_bytes_gets_the_whole(driver, target, whole, wanted):
    """A server may ignore what it does not understand."""
    answer = fetch(driver, target, Range=wanted)
    assert (answer.status, answer.body) == (200, whole)


def test_a_range_of_another_file_gets_the_whole(driver, target, whole):
    """`If-Range`: what was begun is no longer what is there."""
    etag = fetch(driver, target).headers["etag"]
    assert fetch(driver, target, Range="bytes=5-", If_Range=etag).status == 206
    answer = fetch(driver, target, Range="bytes=5-", If_Range='"other"')
    assert (answer.status, answer.body) == (200, whole)


def output_answers(*faults, number=40):
    """Give so many answers with the same dub's bytes, each under these faults."""
    driver = Driver(*faults)
    driver.order("ref")
    driver.wait(10)
    url = json_of(driver.get(f"{REQUESTS}/ref"))["output_url"].removeprefix("http://127.0.0.1:9")
    return [fetch(driver, url) for _ in range(number)]


def test_a_download_can_break_off_and_goes_well_another_time():
    """Announced whole, and cut in the middle of what was asked for."""
    answers = output_answers("output-drop=0.5")

    cut = [answer for answer in answers if answer.cut_at is not None]
    assert 10 < len(cut) < 30
    assert all(b"".join(answer.pieces()) == answer.body[: len(answer.body) // 2] for answer in cut)


def test_a_download_can_take_its_time():
    """In pieces, that together are the whole."""
    (answer,) = output_answers("output-slow=1:5s", number=1)

    assert answer.lasts_s == 5.0
    assert len(answer.pieces()) > 10
    assert b"".join(answer.pieces()) == answer.body


def test_links_can_lapse_before_they_are_used():
    """Each is good for so long after it was given, and no longer: the next one is good again."""
    driver = Driver("output-lapse=1:5s", link_ttl_s=60)
    driver.order("ref")
    driver.wait(10)

    def given():
        url = json_of(driver.get(f"{REQUESTS}/ref"))["output_url"]
        return url.removeprefix("http://127.0.0.1:9")

    old = given()
    assert fetch(driver, old).status == 200
    driver.wait(6)
    assert fetch(driver, old).status == 403
    assert fetch(driver, given()).status == 200


def test_a_link_can_be_refused_and_a_page_come_in_place_of_a_dub():
    assert {answer.status for answer in output_answers("output-expired=1", number=2)} == {403}
    (page,) = output_answers("output-page=1", number=1)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
