"""What each call sends, and what it makes of any answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import traceback
from datetime import UTC, datetime

import aiohttp
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.models import Cause
from batchdub.redact import Secret
from batchdub.states import Event
from batchdub.wire import ApiClient, CallFailedError, generate_body
from tests.support.virtual import VirtualClock, virtual_run
from tests.wire.answers import ACCEPTED, AN_ID, BASE, KEY, Wire, a_page, a_request

BODY = generate_body("a", "https://x/v.mp4", "https://x/a.wav", False)
CALLS = {
    "list": lambda api: api.list_requests(),
    "get": lambda api: api.get_request(AN_ID),
    "name": lambda api: api.display_name(),
    "health": lambda api: api.health(),
}


def client(*answers, **options):
    return ApiClient(BASE, KEY, Wire(*answers), VirtualClock(), **options)


def answer(body, status=200, **headers):
    return httpx.Response(status, json=body, headers=headers)


async def test_an_order_is_one_post_with_the_key():
    """To the documented place, with the documented headers, and nothing that asks for gzip."""
    wire = Wire(answer(ACCEPTED))
    async with ApiClient(BASE, KEY, wire, VirtualClock(), version="9.9") as api:
        outcome = await api.generate(BODY)
    (request,) = wire.requests
    assert (outcome.event, outcome.request_id) == (Event.ACCEPTED, AN_ID)
    assert (request.method, str(request.url)) == ("POST", f"{BASE}/v1/lipsync/generate")
    assert json.loads(request.content) == BODY
    assert request.headers["authorization"] == f"Bearer {KEY.reveal()}"
    assert request.headers["user-agent"] == "batchdub/9.9"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert wire.closed


async def test_a_connection_that_does_not_come_ends_before_the_deadline():
    """Then it is known that nothing was sent; a deadline proves nothing.

    Faults: F-2.
    """
    wire = Wire(answer(ACCEPTED))
    await ApiClient(BASE, KEY, wire, VirtualClock(), deadline_s=8.0).generate(BODY)
    timeout = wire.requests[0].extensions["timeout"]
    assert timeout["connect"] < timeout["pool"] < timeout["read"] == 8.0


@pytest.mark.parametrize(
    "error", [aiohttp.ServerDisconnectedError(), RuntimeError("x"), MemoryError(), TimeoutError()]
)
async def test_an_order_never_raises(error):
    """Whatever happens to it must reach the ledger as an outcome."""
    assert (await client(error).generate(BODY)).event is Event.LOST


async def test_a_cancelled_order_is_cancelled():
    """The run decides what a cancelled call means; hiding it would hang the shutdown."""
    with pytest.raises(asyncio.CancelledError):
        await client(asyncio.CancelledError()).generate(BODY)


async def test_a_text_that_is_not_unicode_can_be_ordered():
    """A lone surrogate cannot be written as UTF-8, but JSON has a way to say it."""
    wire = Wire(answer(ACCEPTED))
    await ApiClient(BASE, KEY, wire, VirtualClock()).generate({**BODY, "reference_id": "\ud800"})
    assert b'"\\ud800"' in wire.requests[0].content


async def test_a_page_is_asked_for_and_read():
    """With everything that the API tells of a request."""
    wire = Wire(
        answer(
            a_page(
                a_request(
                    reference_id="a&b=c/ü",
                    started_at="2026-03-01T22:00:01.5Z",
                    finished_at="nonsense",
                    output_url="https://cdn.x/o.mp4?sig=1",
                    error_message="video URL is not accessible",
                    surprise=1,
                ),
                limit=50,
                offset=20,
                total=21,
            ),
            Date="Sun, 01 Mar 2026 22:00:00 GMT",
        )
    )
    api = ApiClient(BASE, KEY, wire, VirtualClock())
    page = await api.list_requests(reference_id="a&b=c/ü", limit=100, offset=20)
    assert (page.limit, page.offset, page.total) == (50, 20, 21)
    assert page.server_date == datetime(2026, 3, 1, 22, tzinfo=UTC)
    (found,) = page.requests
    assert found.started_at == datetime(2026, 3, 1, 22, 0, 1, 500_000, tzinfo=UTC)
    assert (found.request_id, found.reference_id, found.status) == (AN_ID, "a&b=c/ü", "queued")
    assert found.finished_at is None
    assert found.error_message == "video URL is not accessible"
    query = dict(wire.requests[0].url.params)
    assert query == {"limit": "100", "offset": "20", "reference_id": "a&b=c/ü"}
    assert wire.requests[0].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01T22:00:00Z", (22, 0, 0, 0)),
        ("2026-03-01T22:00:00", (22, 0, 0, 0)),
        ("2026-03-01 22:00:00", (22, 0, 0, 0)),
        ("2026-03-02T00:00:00+02:00", (22, 0, 0, 0)),
        ("2026-03-01T22:00:00.123456789Z", (22, 0, 0, 123456)),
        ("2026-03-01T22:00:00.5Z", (22, 0, 0, 500000)),
    ],
)
async def test_every_spelling_of_a_time_is_utc(written, moment):
    """Which request is older decides which one is ours.

    Faults: F-50.
    """
    page = await client(answer(a_page(a_request(created_at=written)))).list_requests()
    assert page.requests[0].created_at == datetime(2026, 3, 1, *moment, tzinfo=UTC)


UNREADABLE_PAGES = [
    {},
    {"data": [], "pagination": {"limit": 1, "offset": 0}},
    {"data": None, "pagination": {"limit": 1, "offset": 0, "total": 0}},
    a_page(total=-1),
    a_page(total="0"),
    a_page(total=True),
    a_page(total=0.0),
    a_page(total=2**70),
    a_page(limit=0),
    a_page(offset=1),
    a_page(a_request(request_id="")),
    a_page(a_request(request_id="x" * 201)),
    a_page(a_request(request_id="a\nb")),
    a_page(a_request(request_id=7)),
    a_page(a_request(created_at="")),
    a_page(a_request(created_at=None)),
    a_page(a_request(created_at=1767225600)),
    a_page(a_request(created_at="2026-03-01")),
    a_page(a_request(created_at="9999-12-31T23:00:00-12:00")),
    a_page(a_request(status="")),
    a_page(a_request(reference_id=7)),
    [],
]


@pytest.mark.parametrize("body", UNREADABLE_PAGES)
async def test_a_page_that_is_not_as_documented_is_a_failed_look(body):
    """Half-understood, it could look like absence.

    Faults: F-45.
    """
    with pytest.raises(CallFailedError) as caught:
        await client(answer(body)).list_requests()
    assert caught.value.outcome.cause is Cause.STRANGE


async def test_an_unknown_status_and_a_strange_id_are_kept_as_text():
    """The API promises a string, no more."""
    page = await client(answer(a_page(a_request("job-17", status="paused")))).list_requests()
    assert (page.requests[0].request_id, page.requests[0].status) == ("job-17", "paused")


async def test_a_request_is_read_by_its_id():
    """And only that one."""
    wire = Wire(answer(a_request(status="completed")))
    found = await ApiClient(BASE, KEY, wire, VirtualClock()).get_request(AN_ID)
    assert found.status == "completed"
    assert str(wire.requests[0].url) == f"{BASE}/v1/lipsync/requests/{AN_ID}"


async def test_only_the_apis_own_word_means_that_there_is_no_such_request():
    """A 404 of anything else is a wrong address."""
    assert (
        await client(answer({"error": "lipsync request not found"}, 404)).get_request("x") is None
    )
    for other in (answer({"error": "not found"}, 404), httpx.Response(404, text="nginx")):
        with pytest.raises(CallFailedError) as caught:
            await client(other).get_request("x")
        assert caught.value.outcome.cause is Cause.ADDRESS


async def test_an_answer_about_another_request_is_no_answer():
    """Replies can be swapped on the way."""
    with pytest.raises(CallFailedError, match="about this request"):
        await client(answer(a_request("other"))).get_request(AN_ID)


@pytest.mark.parametrize("odd", ["", ".", "..", "x" * 201])
async def test_an_id_that_would_lead_elsewhere_is_refused(odd):
    """`requests/..` is another place."""
    with pytest.raises(UnusableInputError):
        await client().get_request(odd)


async def test_an_id_cannot_leave_its_place_in_the_path():
    """It comes from a person."""
    wire = Wire(answer(a_request("../a?b#c")))
    await ApiClient(BASE, KEY, wire, VirtualClock()).get_request("../a?b#c")
    assert wire.requests[0].url.raw_path.endswith(b"/requests/..%2Fa%3Fb%23c")


async def test_the_accounts_name_is_read():
    """On one safe line: it is printed."""
    assert await client(answer({"name": "Night \x1b crew"})).display_name() == "Night crew"


async def test_health_is_asked_without_the_key():
    """It needs none, so it gets none."""
    wire = Wire(answer({"status": "ok"}))
    await ApiClient(BASE, KEY, wire, VirtualClock()).health()
    assert str(wire.requests[0].url) == f"{BASE}/health"
    assert "authorization" not in wire.requests[0].headers


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("given_answer", "cause"),
    [
        (lambda: answer({"error": "invalid token"}, 401), Cause.KEY),
        (lambda: answer({"error": "rate limit exceeded"}, 429), Cause.RATE_LIMIT),
        (lambda: answer({"error": "internal error"}, 500), Cause.SERVER),
        (lambda: httpx.Response(502, text="<html>"), Cause.SERVER),
        (lambda: httpx.Response(307, headers={"Location": "https://x"}), Cause.ADDRESS),
        (lambda: httpx.Response(204), Cause.STRANGE),
        (lambda: httpx.Response(200, text="<html>welcome"), Cause.STRANGE),
        (lambda: answer({}, Age="30"), Cause.STRANGE),
        (lambda: httpx.Response(200, content=b"x" * 1_100_000), Cause.STRANGE),
        (aiohttp.ServerDisconnectedError, Cause.DROPPED),
        (TimeoutError, Cause.TIMEOUT),
    ],
)
async def test_every_failure_of_a_get_is_told_in_one_way(call, given_answer, cause):
    """The run reads the cause; people read the message."""
    with pytest.raises(CallFailedError) as caught:
        await call(client(given_answer()))
    assert caught.value.outcome.cause is cause
    assert str(caught.value)


async def test_a_list_from_a_cache_is_a_failed_look():
    """It shows the past: what it lacks may have been ordered since."""
    with pytest.raises(CallFailedError, match="cache"):
        await client(answer(a_page(), Age="30")).list_requests()


async def test_a_failed_get_tells_when_to_come_back():
    """Its pause is the server's."""
    refused = answer({"error": "rate limit exceeded"}, 429, **{"Retry-After": "9"})
    with pytest.raises(CallFailedError) as caught:
        await client(refused).list_requests()
    assert caught.value.outcome.retry_after_s == 9


async def test_a_failure_can_be_handed_to_another_process():
    """With all that it says."""
    with pytest.raises(CallFailedError) as caught:
        await client(RuntimeError("x")).health()
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  our own, made here
    assert (again.outcome, str(again)) == (caught.value.outcome, str(caught.value))


async def test_the_key_shows_nowhere():
    """Not in an exception, nor in what it was raised from, nor in any repr."""
    leak = f"bad key {KEY.reveal()}"
    shown = []
    for bad in (RuntimeError(leak), answer({"error": leak}, 400), answer({"error": leak}, 200)):
        try:
            await client(bad).list_requests()
        except CallFailedError as failed:
            shown += [*traceback.format_exception(failed), repr(failed), repr(failed.outcome)]
    shown.append(repr(await client(RuntimeError(leak)).generate(BODY)))
    shown.append(repr(client()))
    assert KEY.reveal() not in "".join(shown)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
requests = st.fixed_dictionaries(
    {"id": st.just(AN_ID) | json_values, "created_at": st.datetimes().map(str) | json_values},
    optional={"status": json_values, "reference_id": json_values, "started_at": json_values},
)
pages = st.fixed_dictionaries(
    {
        "data": st.lists(requests) | json_values,
        "pagination": st.fixed_dictionaries(
            {"limit": json_values, "offset": st.just(0), "total": st.integers() | json_values}
        ),
    }
)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@given(body=st.binary() | (pages | requests | json_values).map(lambda v: json.dumps(v).encode()))
def test_no_body_breaks_the_readers(call, body):
    """A value of ours, or the one exception that says so.

    Faults: F-13, F-45, F-50.
    """

    async def ask():
        with contextlib.suppress(CallFailedError):
            await call(client(httpx.Response(200, content=body)))

    virtual_run(ask())


@pytest.mark.parametrize("form", [KEY.reveal(), KEY.reveal()[:16], "https://u:p@h/a?sig=hush"])
async def test_what_a_request_tells_of_itself_is_safe_to_keep(form):
    """Its error message and its status are the server's own words, and go into the ledger."""
    told = a_request(status=f"odd {form}", error_message=f"cannot use {form}")
    api = client(answer(a_page(told)), answer(told))

    (listed,) = (await api.list_requests()).requests
    found = await api.get_request(AN_ID)

    for shown in (listed, found):
        assert form not in repr(shown)
        assert shown.error_message.startswith("cannot use ")


async def test_an_answer_that_repeats_a_signature_is_cut():
    """A store's `SignatureDoesNotMatch` quotes what it was given."""
    body = generate_body(
        "a", "https://x/v?AWSAccessKeyId=1&Signature=hush-1234", "https://x/a", False
    )
    told = answer({"error": "SignatureProvided: hush-1234"}, 400)

    assert (await client(told).generate(body)).message == "HTTP 400: SignatureProvided: [hidden]"


async def test_a_proxys_password_shows_in_no_message():
    """It is no key of the API's, and secret all the same."""
    api = client(answer({"error": "no: hunter22"}, 400), secrets=(Secret("hunter22"),))

    assert (await api.generate(BODY)).message == "HTTP 400: no: [hidden]"
