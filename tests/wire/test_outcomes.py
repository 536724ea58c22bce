"""The census: every exception and every status is sorted, and what is new breaks this room."""

from __future__ import annotations

import json
import socket
import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import Cause
from batchdub.redact import Secret
from batchdub.states import Event
from batchdub.wire import Reply, classify_error, classify_reply
from tests.wire.answers import ACCEPTED, AN_ID, KEY

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
CONNECT = (Event.NOT_SENT, Cause.CONNECT)
TLS = (Event.NOT_SENT, Cause.TLS)
TIMEOUT = (Event.LOST, Cause.TIMEOUT)
DROPPED = (Event.LOST, Cause.DROPPED)
STRANGE = (Event.LOST, Cause.STRANGE)

# Every class of aiohttp's, by name. `NOT_SENT` must be a class that aiohttp raises only before
# it writes a byte of the request.
AIOHTTP = {
    "ClientConnectionError": DROPPED,
    "ClientConnectionResetError": DROPPED,
    "ClientConnectorCertificateError": TLS,
    "ClientConnectorDNSError": CONNECT,
    "ClientConnectorError": CONNECT,
    "ClientConnectorSSLError": TLS,
    "ClientError": STRANGE,
    "ClientHttpProxyError": STRANGE,
    "ClientOSError": DROPPED,
    "ClientPayloadError": DROPPED,
    "ClientProxyConnectionError": CONNECT,
    "ClientResponseError": STRANGE,
    "ClientSSLError": TLS,
    "ConnectionTimeoutError": CONNECT,
    "ContentTypeError": STRANGE,
    "InvalidURL": STRANGE,
    "InvalidUrlClientError": STRANGE,
    "InvalidUrlRedirectClientError": STRANGE,
    "NonHttpUrlClientError": STRANGE,
    "NonHttpUrlRedirectClientError": STRANGE,
    "RedirectClientError": STRANGE,
    "ServerConnectionError": DROPPED,
    "ServerDisconnectedError": DROPPED,
    "ServerFingerprintMismatch": DROPPED,
    "ServerTimeoutError": TIMEOUT,
    "SocketTimeoutError": TIMEOUT,
    "TooManyRedirects": STRANGE,
    "UnixClientConnectorError": CONNECT,
    "UploadAbortedError": STRANGE,
    "WSServerHandshakeError": STRANGE,
}

# Every leaf of httpx.RequestError without aiohttp's word beside it: it proves nothing.
HTTPX = {
    "CloseError": DROPPED,
    "ConnectError": DROPPED,
    "ConnectTimeout": TIMEOUT,
    "DecodingError": STRANGE,
    "LocalProtocolError": STRANGE,
    "PoolTimeout": TIMEOUT,
    "ProxyError": STRANGE,
    "ReadError": DROPPED,
    "ReadTimeout": TIMEOUT,
    "RemoteProtocolError": DROPPED,
    "TooManyRedirects": STRANGE,
    "UnsupportedProtocol": STRANGE,
    "WriteError": DROPPED,
    "WriteTimeout": TIMEOUT,
}

# status → what an answer with the API's own JSON is, and what any other body under it is.
ADDRESS = (Event.TURNED_AWAY, Cause.ADDRESS)
ROW = (Event.REFUSED, Cause.ROW)
KEY_REFUSED = (Event.TURNED_AWAY, Cause.KEY)
TOKENS = (Event.TURNED_AWAY, Cause.TOKEN_LIMIT)
RATE = (Event.TURNED_AWAY, Cause.RATE_LIMIT)
SERVER = (Event.LOST, Cause.SERVER)
LOST_ADDRESS = (Event.LOST, Cause.ADDRESS)
PAID = (Event.LOST, Cause.PAID_WITHOUT_ID)
STATUSES = {
    **dict.fromkeys(range(100, 200), (SERVER, STRANGE)),
    **dict.fromkeys(range(200, 300), (PAID, PAID)),
    **dict.fromkeys(range(300, 400), (LOST_ADDRESS, LOST_ADDRESS)),
    **dict.fromkeys(range(400, 500), (SERVER, STRANGE)),
    **dict.fromkeys(range(500, 600), (SERVER, SERVER)),
    **dict.fromkeys((400, 413, 415, 422), (ROW, STRANGE)),
    **dict.fromkeys((401, 403), (KEY_REFUSED, STRANGE)),
    **dict.fromkeys((402, 412), (TOKENS, STRANGE)),
    **dict.fromkeys((404, 405), (ADDRESS, LOST_ADDRESS)),
    **dict.fromkeys((408, 409, 425), (SERVER, SERVER)),
    429: (RATE, STRANGE),
}


def subclasses(kind):
    return {kind, *(leaf for child in kind.__subclasses__() for leaf in subclasses(child))}


def of_library(kind, package):
    found = {leaf for leaf in subclasses(kind) if leaf.__module__.startswith(package)}
    return sorted(found, key=lambda leaf: leaf.__name__)


CENSUS = of_library(aiohttp.ClientError, "aiohttp")


def bare(kind):
    """An instance without its class's own __init__, so that any class can be made."""
    error = kind.__new__(kind)
    error.args = ("said the library",)
    return error


def sorted_as(outcome):
    return outcome.event, outcome.cause


def error_body(text):
    return json.dumps({"error": text}).encode()


@pytest.mark.parametrize("kind", CENSUS)
def test_every_class_of_aiohttp_is_sorted(kind):
    """By itself, and as the cause of any class of httpx: the cause alone decides."""
    assert sorted_as(classify_error(_made(kind))) == AIOHTTP[kind.__name__]
    for shell in (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError):
        error = shell("x")
        error.__cause__ = _made(kind)
        assert sorted_as(classify_error(error)) == AIOHTTP[kind.__name__]


def _made(kind):
    if issubclass(kind, aiohttp.ClientConnectorError):
        key = ConnectionKey("h", 1, True, True, None, None, None)
        path = ("/s",) if kind.__name__.startswith("Unix") else ()
        reason = ssl.SSLError() if "SSL" in kind.__name__ else OSError(1, "no")
        return kind(*path, key, reason)
    if issubclass(kind, aiohttp.ClientResponseError):
        info = aiohttp.RequestInfo("http://h", "POST", None, "http://h")
        return kind(info, (), status=400, message="x")
    return bare(kind)


def test_the_census_of_aiohttp_is_whole():
    """A class that a new version adds must be thought about."""
    known = {kind.__name__ for kind in CENSUS}
    assert known - set(AIOHTTP) == set()


@pytest.mark.parametrize("name", HTTPX)
def test_no_class_of_httpx_proves_that_nothing_was_sent(name):
    """Its aiohttp transport calls a reply that was dropped `ConnectTimeout` as well."""
    outcome = classify_error(getattr(httpx, name)("x"))
    assert sorted_as(outcome) == HTTPX[name]


def test_the_census_of_httpx_is_whole():
    """Leaves only: the classes above them are never raised."""
    leaves = {k for k in of_library(httpx.RequestError, "httpx") if not k.__subclasses__()}
    assert {kind.__name__ for kind in leaves} == set(HTTPX)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), TIMEOUT),
        (ConnectionResetError(), DROPPED),
        (EOFError(), DROPPED),
        (httpx.InvalidURL("x"), STRANGE),
        (httpx.StreamClosed(), STRANGE),
        (RuntimeError("x"), STRANGE),
        (MemoryError(), STRANGE),
        (ExceptionGroup("x", [bare(aiohttp.ClientConnectorError)]), STRANGE),
    ],
)
def test_an_exception_that_nobody_thought_of_is_in_doubt(error, expected):
    """It costs a look-up, never a second order."""
    assert sorted_as(classify_error(error)) == expected


def test_the_outermost_word_of_aiohttp_decides():
    """A connection that failed earlier, inside a retry, does not undo what happened later."""
    error = httpx.ConnectTimeout("x")
    error.__cause__ = aiohttp.ServerDisconnectedError()
    error.__cause__.__cause__ = _made(aiohttp.ClientConnectorError)
    assert sorted_as(classify_error(error)) == DROPPED


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(111, "Connect call failed ('10.0.0.1', 80)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
    ],
)
def test_no_connection_is_told_in_the_systems_words(error, said):
    """aiohttp's name a TLS setting, which has nothing to do with it."""
    key = ConnectionKey("api.test", 80, False, True, None, None, None)
    wrapped = httpx.ConnectError("all attempts failed")
    wrapped.__cause__ = aiohttp.ClientConnectorError(key, error)

    assert classify_error(wrapped).message == f"no connection: api.test:80: {said}"


def test_an_exception_that_cannot_be_printed_is_sorted():
    """An outcome must come out whatever a library does."""

    class MuteError(RuntimeError):
        def __str__(self):
            raise ValueError

    assert "MuteError" in classify_error(MuteError()).message


def test_a_chain_that_bites_its_tail_ends():
    """Exceptions can be linked in a ring."""
    one, two = RuntimeError("1"), RuntimeError("2")
    one.__cause__, two.__cause__ = two, one
    assert classify_error(one).event is Event.LOST


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_is_sorted(status):
    """By the whitelist: what is refused must be refused by the API itself.

    Faults: F-29, F-30.
    """
    by_api, by_another = STATUSES[status]
    assert sorted_as(classify_reply(Reply(status, error_body("?")), NOW)) == by_api
    for body in (b"<html>", b"", b'{"error": 1}', b'{"error": ""}', b'"error"', b"[" * 99999):
        assert sorted_as(classify_reply(Reply(status, body), NOW)) == by_another
    broken = Reply(status, error_body("?"), broken="its body broke off")
    assert sorted_as(classify_reply(broken, NOW)) == by_another


@pytest.mark.parametrize("status", range(100, 600))
def test_an_id_counts_under_three_statuses_only(status):
    """203 is a copy that was changed, 204 and 205 have no body, 206 is a part."""
    outcome = classify_reply(Reply(status, json.dumps(ACCEPTED).encode()), NOW)
    assert (outcome.event is Event.ACCEPTED) == (status in (200, 201, 202))
    assert outcome.request_id == (AN_ID if status in (200, 201, 202) else None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"request_id": null}',
        b'{"request_id": 7}',
        b'{"status":"success","request_id":""}',
        b'{"status":"success","request_id":"job-17"}',
        b'{"status":"success","request_id":"00000000-0000-0000-0000-000000000000"}',
        b'{"status":"success","request_id":"8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a\\n"}',
        b'{"status":"error","request_id":"8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a"}',
        b'{"error":"x","request_id":"8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a"}',
        b'{"status":"success","request_id":"8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a"',
        b"<html>welcome</html>",
    ],
)
def test_a_success_without_a_usable_id_is_probably_paid(body):
    """Only a person may order it again.

    Faults: F-13.
    """
    outcome = classify_reply(Reply(200, body), NOW)
    assert sorted_as(outcome) == PAID
    assert outcome.request_id is None


def test_an_id_that_is_not_a_uuid_is_told():
    """Whoever decides will want to look for it."""
    body = b'{"status":"success","request_id":"job-17"}'
    assert "`job-17`" in classify_reply(Reply(200, body), NOW).message


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 412, 413, 415, 422, 429])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("token limit reached", TOKENS),
        (" Token limit reached ", TOKENS),
        ("rate limit exceeded", RATE),
        ("invalid token", KEY_REFUSED),
        ("unauthorized", KEY_REFUSED),
        ("internal error", SERVER),
    ],
)
def test_a_telling_text_wins_over_the_refusal_it_comes_under(status, text, expected):
    """A proxy that rewrites the status misleads nobody."""
    assert sorted_as(classify_reply(Reply(status, error_body(text)), NOW)) == expected


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503])
def test_no_text_makes_an_ambiguous_status_a_refusal(status):
    """The order may have been taken before something else failed."""
    outcome = classify_reply(Reply(status, error_body("rate limit exceeded")), NOW)
    assert outcome.event is Event.LOST


def test_what_the_server_asked_for_is_kept():
    """Pauses and the settle window need it."""
    date = NOW + timedelta(hours=2)
    reply = Reply(429, error_body("rate limit exceeded"), retry_after="7", server_date=date)
    outcome = classify_reply(reply, NOW)
    assert (outcome.retry_after_s, outcome.server_date, outcome.http_status) == (7, date, 429)


HOSTILE = f"bad key {KEY.reveal()} for https://u:hunter2@cdn.x/v.mp4?sig=hunter2 \x1b[31m\r\nnext"


def test_messages_are_one_safe_line():
    """They go to terminals, reports and the ledger."""
    encoded = "see https%3A%2F%2Fcdn.x%2Fv%3Fsig%3Dhunter2 "
    for outcome in (
        classify_reply(Reply(400, error_body(HOSTILE + encoded * 99)), NOW, KEY),
        classify_error(RuntimeError(HOSTILE + encoded * 99), KEY),
    ):
        assert KEY.reveal() not in repr(outcome)
        assert "hunter2" not in repr(outcome)
        assert outcome.message.isprintable()
        assert len(outcome.message) <= 300


def test_a_key_that_was_split_by_a_control_character_is_cut_too():
    """Joining the line must not make it whole."""
    assert "sk -abc" not in classify_error(RuntimeError("sk\x00-abc"), Secret("sk -abc")).message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
bodies = st.binary() | st.builds(
    lambda value: json.dumps(value).encode(),
    st.fixed_dictionaries(
        {}, optional={"error": json_values, "request_id": json_values, "status": json_values}
    ),
)


@given(
    st.integers(0, 999),
    bodies,
    st.text(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(["", "its body broke off"]),
)
def test_any_reply_is_sorted_without_an_exception(status, body, retry_after, date, broken):
    """Only our values come out, and only a real id is accepted.

    Faults: F-13, F-15.
    """
    reply = Reply(status, body, broken=broken, retry_after=retry_after, server_date=date)
    outcome = classify_reply(reply, NOW, KEY)
    assert isinstance(outcome.event, Event)
    assert (outcome.event is Event.ACCEPTED) == (outcome.request_id is not None)
    assert outcome.retry_after_s is None or 0 <= outcome.retry_after_s <= 3600
