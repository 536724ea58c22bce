"""Faults that only real sockets have: full queues, foreign certificates, cut uploads, redirects."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from batchdub.clock import SystemClock
from batchdub.models import Cause
from batchdub.states import Event
from batchdub.wire import ApiClient, build_transport, generate_body
from tests.wire.answers import KEY
from tests.wire.real_servers import (
    ADDRESS,
    BODY,
    DROPPED,
    GOOD,
    NOT_SENT,
    STRANGE,
    TIMEOUT,
    calling,
    http,
    reset,
    says,
    serving,
)

pytestmark = [pytest.mark.real_time, pytest.mark.both_loops]
MIB = 1024 * 1024


@contextlib.contextmanager
def full_queue():
    """Give a port whose queue of connections is full: the next one is left without an answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_is_never_taken_is_not_sent():
    """No byte left, and that is known before the deadline, which would prove nothing (F-2)."""
    with full_queue() as port:
        async with calling(port) as api:
            outcome = await api.generate(BODY)
    assert (outcome.event, outcome.cause) == NOT_SENT


# -- certificates -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def _serving_as(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def _order_over_tls(certificate, trusted):
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with (
        serving(says(GOOD), _serving_as(certificate)) as (server, port),
        calling(port, "https", verify=_trusting(trusted)) as api,
    ):
        return await api.generate(BODY), server.heads


@pytest.mark.parametrize("fault", ["expired", "of another name", "of another authority"])
async def test_a_certificate_that_proves_nothing_gets_no_request(authority, fault):
    """Not sent, and the key stays here (F-3)."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = {
        "expired": lambda: authority.issue_cert("127.0.0.1", not_after=yesterday),
        "of another name": lambda: authority.issue_cert("elsewhere.example.com"),
        "of another authority": lambda: trustme.CA().issue_cert("127.0.0.1"),
    }[fault]()

    outcome, heads = await _order_over_tls(certificate, authority)

    assert (outcome.event, outcome.cause) == (Event.NOT_SENT, Cause.TLS)
    assert heads == []


async def test_only_http_1_is_spoken(authority):
    """Streams, GOAWAY and resets of HTTP/2 would bring doubts of their own (F-24)."""
    context = _serving_as(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    chosen = []

    async def look(writer):
        chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        return await says(GOOD)(writer)

    async with (
        serving(look, context) as (server, port),
        calling(port, "https", verify=_trusting(authority)) as api,
    ):
        assert (await api.generate(BODY)).event is Event.ACCEPTED
    assert chosen == [chosen[0]] != ["h2"]
    assert server.heads[0].splitlines()[0].endswith(b" HTTP/1.1")


# -- redirects --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["order", "free call"])
async def test_a_redirect_carries_neither_order_nor_key_elsewhere(status, method):
    """The other port hears nothing, not even a connection (F-18, F-19)."""
    async with serving(says(GOOD)) as (elsewhere, other_port):
        place = f"Location: http://127.0.0.1:{other_port}/api/v1/lipsync/generate\r\n"
        script = says(http(b"", f"{status} Moved", place))
        async with serving(script) as (server, port), calling(port) as api:
            if method == "order":
                outcome = await api.generate(BODY)
            else:
                with pytest.raises(Exception, match="redirect") as caught:
                    await api.list_requests()
                outcome = caught.value.outcome

    assert (outcome.event, outcome.cause) == ADDRESS
    assert len(server.heads) == 1
    assert (elsewhere.heads, elsewhere.open) == ([], {})
    assert KEY.reveal().encode() in server.heads[0]


# -- connections that are used again ----------------------------------------------------------


async def test_a_kept_connection_that_dies_as_it_is_used_again_is_in_doubt():
    """Nobody can tell whether the order arrived, and nothing sends it a second time (F-17)."""
    answers = [says(GOOD, then_close=False), reset]

    async def script(writer):
        return await answers.pop(0)(writer)

    async with serving(script) as (server, port), calling(port, fresh=False) as api:
        first, second = await api.generate(BODY), await api.generate(BODY)

    assert first.event is Event.ACCEPTED
    assert (second.event, second.cause) == DROPPED
    assert server.posts() == 2
    assert len(server.peers) == 1


# -- large things -----------------------------------------------------------------------------


async def test_a_header_without_end_costs_no_memory():
    """It is given up after a few kilobytes, whatever more would come (F-15)."""
    sent = 0

    async def endless(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            writer.write(b"x" * MIB)
            sent += 1
            await writer.drain()
        return False

    tracemalloc.start()
    async with serving(endless) as (_, port), calling(port) as api:
        outcome = await api.generate(BODY)
        _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (outcome.event, outcome.cause) == STRANGE
    assert sent < 100
    assert peak_bytes < 40 * MIB


_UPLOAD_S = 3.0
_LARGE = generate_body("a", "https://x/" + "v" * 40 * MIB, "https://x/a.wav", False)


@contextlib.asynccontextmanager
async def _cutting(answer, *, after_bytes):
    """Serve an API that reads so much of a body, then does what `answer` does."""
    heads, tasks = [], []

    async def serve(reader, writer):
        tasks.append(asyncio.current_task())
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            await reader.readexactly(after_bytes)
            await answer(writer)
        writer.transport.abort()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=64 * 1024)
    try:
        yield heads, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


async def silent(_writer):
    await asyncio.Event().wait()


async def _order_40_mib(port):
    transport = build_transport(max_connections=1, fresh_connections=True)
    base = f"http://127.0.0.1:{port}/api"
    async with ApiClient(base, KEY, transport, SystemClock(), deadline_s=_UPLOAD_S) as api:
        return await api.generate(_LARGE)


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [(silent, TIMEOUT), (reset, DROPPED)],
    ids=["stalled", "reset"],
)
async def test_an_upload_of_40_mib_that_is_cut_is_in_doubt(answer, expected):
    """A part of it left, so nobody can say that nothing was ordered (F-20)."""
    async with _cutting(answer, after_bytes=MIB) as (heads, port):
        outcome = await _order_40_mib(port)

    assert (outcome.event, outcome.cause) == expected
    assert len(heads) == 1


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize(
    ("body", "clean"),
    [(b'{"error":"request too large"}', True), (b"<html>too large</html>", False)],
)
async def test_an_early_413_refuses_only_in_the_apis_own_words(body, clean):
    """It comes before the upload is through; from a proxy it says nothing of the order (F-21)."""

    async def answer(writer):
        writer.write(http(body, "413 Too Large", "Connection: close\r\n"))
        await writer.drain()
        await asyncio.sleep(0.3)

    async with _cutting(answer, after_bytes=MIB) as (heads, port):
        outcome = await _order_40_mib(port)

    assert len(heads) == 1
    if clean and outcome.http_status == 413:
        assert (outcome.event, outcome.cause) == (Event.REFUSED, Cause.ROW)
    else:
        assert outcome.event is Event.LOST
