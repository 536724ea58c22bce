"""One call: bounded in time and in size, and honest about how far it came."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.wire.reply import MAX_BODY_BYTES, exchange, parse_http_date, parse_retry_after_s
from tests.wire.answers import Wire

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
GET = httpx.Request("GET", "https://api.example.com")


class Slow(httpx.AsyncByteStream):
    """Gives its pieces with a pause after each; knows whether it was closed."""

    def __init__(self, *pieces, pause_s=0.0, close_s=0.0, error=None):
        self.pieces, self.pause_s, self.close_s, self.error = pieces, pause_s, close_s, error
        self.closed = False

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece
            await asyncio.sleep(self.pause_s)
        if self.error:
            raise self.error

    async def aclose(self):
        self.closed = True
        await asyncio.sleep(self.close_s)


async def reply_to(response, deadline_s=60.0):
    return await exchange(Wire(response), GET, deadline_s)


async def test_a_whole_answer_is_read_and_closed():
    """The connection goes back to its pool."""
    stream = Slow(b"a", b"b")
    reply = await reply_to(httpx.Response(200, stream=stream))
    assert (reply.status, reply.body, reply.broken) == (200, b"ab", "")
    assert stream.closed


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (Slow(b"x" * MAX_BODY_BYTES, b"y", b"z"), "longer"),
        (Slow(b"x", error=httpx.ReadError("cut")), "broke off"),
        (Slow(b"x", error=httpx.ReadTimeout("slow")), "in time"),
        (Slow(*[b"x"] * 99, pause_s=1.0), "in time"),
    ],
)
async def test_after_the_status_nothing_is_an_exception(stream, why):
    """A 200 that breaks off has most likely been paid, so its status must not be lost."""
    reply = await reply_to(httpx.Response(200, stream=stream))
    assert reply.status == 200
    assert why in reply.broken
    assert reply.body == b""
    assert stream.closed


async def test_a_close_that_hangs_does_not_hold_the_call():
    """aiohttp waits there for an upload that is still going on."""
    stream = Slow(b"a", close_s=999.0)
    reply = await reply_to(httpx.Response(200, stream=stream))
    assert reply.body == b"a"
    assert asyncio.get_running_loop().time() < 2


async def test_before_the_status_the_exception_comes_through():
    """Its class and its cause are what tells whether anything was sent."""
    error = httpx.ConnectTimeout("x")
    with pytest.raises(httpx.ConnectTimeout) as caught:
        await exchange(Wire(error), GET, 1.0)
    assert caught.value is error


async def test_silence_ends_with_the_deadline():
    """A transport's own timeouts count each read; the deadline counts all of it."""

    class Silent(Wire):
        async def handle_async_request(self, request):
            await asyncio.sleep(999)

    with pytest.raises(TimeoutError):
        await exchange(Silent(), GET, 5.0)
    assert asyncio.get_running_loop().time() == pytest.approx(5)


async def test_a_cancellation_passes_through():
    """Also in the middle of a body."""
    call = asyncio.ensure_future(reply_to(httpx.Response(200, stream=Slow(b"a", pause_s=9.0))))
    await asyncio.sleep(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize(
    ("encoding", "body", "read"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0), b"hello"),
        (" X-GZIP ", gzip.compress(b"hello", mtime=0), b"hello"),
        ("identity", b"hello", b"hello"),
    ],
)
async def test_gzip_that_was_not_asked_for_is_read(encoding, body, read):
    """Something in between may compress all the same."""
    response = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=Slow(body))
    assert (await reply_to(response)).body == read


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(b"hello", mtime=0)[:-9]),
        ("gzip", gzip.compress(bytes(MAX_BODY_BYTES + 1), mtime=0)),
        ("br", b"hello"),
    ],
)
async def test_what_cannot_be_decompressed_is_no_body(encoding, body):
    """A small body may also unpack to a huge one."""
    response = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=Slow(body))
    reply = await reply_to(response)
    assert reply.broken
    assert reply.body == b""


@pytest.mark.parametrize(("age", "cached"), [({}, False), ({"Age": "0"}, False), ({"Age": "9"}, 1)])
async def test_a_copy_from_a_cache_is_known_by_its_age(age, cached):
    """It shows the past: nothing is absent because it is not in there."""
    reply = await reply_to(httpx.Response(200, headers=age, stream=Slow()))
    assert reply.from_cache == cached


async def test_the_servers_date_is_read_to_utc():
    """Settling counts on the server's clock."""
    headers = {"Date": "Sun, 01 Mar 2026 22:00:00 GMT"}
    assert (await reply_to(httpx.Response(200, headers=headers, stream=Slow()))).server_date == NOW


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 01 Mar 2026 22:00:00 GMT", NOW),
        ("Sun, 01 Mar 2026 22:00:00 -0000", NOW),
        ("Sun, 01 Mar 2026 23:00:00 +0100", NOW),
        ("", None),
        ("yesterday", None),
        ("Fri, 31 Dec 9999 23:00:00 -1200", None),
        ("Sun, 99 Mar 2026 22:00:00 GMT", None),
    ],
)
def test_http_dates(text, moment):
    """In UTC, or not at all."""
    assert parse_http_date(text) == moment


@pytest.mark.parametrize(
    ("text", "server_date", "seconds"),
    [
        ("12", None, 12),
        (" 1.5 ", None, 1.5),
        ("0", None, 0),
        ("999999", None, 3600),
        ("-1", None, None),
        ("nan", None, None),
        ("1e9", None, None),
        ("soon", None, None),
        ("", None, None),
        ("Sun, 01 Mar 2026 22:00:30 GMT", None, 30),
        ("Sun, 01 Mar 2026 22:00:30 GMT", NOW + timedelta(seconds=20), 10),
        ("Sun, 01 Mar 2026 21:00:30 GMT", None, None),
        ("Sun, 01 Mar 2099 21:00:30 GMT", None, 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date_on_the_servers_clock(text, server_date, seconds):
    """A wrong clock here must not make a wrong pause."""
    assert parse_retry_after_s(text, server_date, NOW) == seconds


@given(st.text())
def test_no_header_breaks_the_reader(text):
    """A server may send anything."""
    parse_http_date(text)
    parse_retry_after_s(text, None, NOW)
