"""The paid path over real sockets: the order is taken, and its answer spoilt on the way.

Something stands between the client and the provider, as a gateway does. The books decide: each
row was ordered once, and the ledger has the order's own request_id.
"""

from __future__ import annotations

import asyncio
import contextlib
from email.utils import format_datetime
from functools import partial

import pytest

from batchdub.sandbox.calls import make_call
from batchdub.states import JobState
from batchdub.wire import ApiClient, build_transport
from tests.support import night as night_room
from tests.support.night import make_rows
from tests.wire.real_servers import http, reset, says

pytestmark = pytest.mark.real_time
REF = "S01E001"


async def silence(_writer):
    await asyncio.Event().wait()


SPOILS = {
    "FIN": says(),
    "RST": reset,
    "silence": silence,
    "a body cut short": says(
        b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"status":"success","re'
    ),
    "HTML": says(http(b"<html>We will be back soon</html>")),
    "a null id": says(http(b'{"status":"success","request_id":null}')),
    "bad gzip": says(http(b"nonsense", extra="Content-Encoding: gzip\r\n")),
    "garbage": says(b"\x16\x03\x01 what\r\n\r\n"),
    "an endless header": says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000),
    "a slow drip": says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b" "] * 99, pause_s=0.1
    ),
}


class Gateway:
    """Hands each call to the provider; spoils the answers to the first orders by its script."""

    def __init__(self, night, spoils) -> None:
        self.night = night
        self.spoils = list(spoils)
        self.posts = 0
        self.open = {}

    async def __call__(self, reader, writer):
        self.open[asyncio.current_task()] = writer
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await self._serve(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        writer.close()

    async def end(self):
        """Leave no socket behind, whatever was still to be said."""
        for task, writer in self.open.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self.open, return_exceptions=True)
        await asyncio.sleep(0.01)

    async def _serve(self, head, reader, writer):
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        answer = self.night.provider.handle(make_call(method, target, headers, body))
        if method == "POST":
            self.posts += 1
            if self.spoils:
                await self.spoils.pop(0)(writer)
                return
        date = format_datetime(self.night.provider.now(), usegmt=True)
        writer.write(http(answer.body, f"{answer.status} X", f"Date: {date}\r\n"))
        await writer.drain()


@contextlib.asynccontextmanager
async def behind_a_gateway(night, monkeypatch, *spoils):
    """Lead the night's client through a gateway, with a second for each call."""
    gateway = Gateway(night, spoils)
    listener = await asyncio.start_server(gateway, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    monkeypatch.setattr(night_room, "BASE_URL", f"http://127.0.0.1:{port}/api")
    monkeypatch.setattr(night_room, "ApiClient", partial(ApiClient, deadline_s=1.0))
    night.transport = build_transport(max_connections=4, fresh_connections=True)
    try:
        yield gateway
    finally:
        await night.transport.aclose()
        listener.close()
        await gateway.end()


@pytest.mark.parametrize("spoil", SPOILS)
async def test_an_order_whose_answer_is_spoilt_is_adopted_and_never_sent_again(
    night, monkeypatch, spoil
):
    """It is in doubt, then found in the list: one POST, one order in the books.

    FIN is F-5, RST F-6, silence F-7, the cut body F-12, HTML or no id F-13 (a maintenance page is
    F-56), gzip F-14, garbage and header F-15, the drip F-16.
    """
    async with behind_a_gateway(night, monkeypatch, SPOILS[spoil]) as gateway:
        result = await night.run(make_rows(1), settle_s=0.2)

    assert (result.exit_code, result.adopted) == (0, 1)
    assert gateway.posts == night.orders()[REF] == 1
    assert night.state(REF) is JobState.SUBMITTED
    assert night.job(REF).request_id == night.books.orders[0].request_id
    assert [each["event"] for each in night.attempts(REF)] == ["lost"]
