"""Servers on real sockets that misbehave, and a client on the transport that is really used."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct

from batchdub.clock import SystemClock
from batchdub.models import Cause
from batchdub.states import Event
from batchdub.wire import ApiClient, build_transport, generate_body
from tests.wire.answers import ACCEPTED, KEY

BODY = generate_body("a", "https://x/v.mp4?sig=hunter2", "https://x/a.wav", False)
DEADLINE_S = 1.5

NOT_SENT = (Event.NOT_SENT, Cause.CONNECT)
DROPPED = (Event.LOST, Cause.DROPPED)
TIMEOUT = (Event.LOST, Cause.TIMEOUT)
STRANGE = (Event.LOST, Cause.STRANGE)
PAID = (Event.LOST, Cause.PAID_WITHOUT_ID)
ADDRESS = (Event.LOST, Cause.ADDRESS)


def http(body, status="200 OK", extra=""):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


GOOD = http(json.dumps(ACCEPTED).encode(), extra="Content-Type: application/json\r\n")


class Server:
    """Reads each request whole, then does what its script says; keeps what reached it."""

    def __init__(self, script, *, at_once=False):
        self.script = script
        self.at_once = at_once
        self.heads = []
        self.peers = set()
        self.open = {}

    def posts(self):
        return sum(head.startswith(b"POST ") for head in self.heads)

    async def __call__(self, reader, writer):
        self.open[asyncio.current_task()] = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not (self.at_once and await self.script(writer) is False):
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                self.peers.add(writer.get_extra_info("peername")[1])
                await reader.readexactly(_content_length(head))
                if await self.script(writer) is False:
                    break
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def end(self):
        """Leave no socket behind: the caller is gone, whatever was still to be said."""
        for task, writer in self.open.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self.open, return_exceptions=True)
        # A transport closes its socket two turns of the loop after it was told to.
        await asyncio.sleep(0.01)


def _content_length(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextlib.asynccontextmanager
async def serving(script, tls=None, *, at_once=False):
    """Serve a script after each request, or `at_once` after each connection."""
    server = Server(script, at_once=at_once)
    listener = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
    try:
        yield server, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await server.end()


@contextlib.asynccontextmanager
async def calling(port, scheme="http", *, fresh=True, host="127.0.0.1", **options):
    transport = build_transport(max_connections=4, fresh_connections=fresh, **options)
    base = f"{scheme}://{host}:{port}/api"
    async with ApiClient(base, KEY, transport, SystemClock(), deadline_s=DEADLINE_S) as api:
        yield api


def says(*pieces, then_close=True, pause_s=0.0):
    async def script(writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return not then_close

    return script


async def reset(writer):
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()
    return False


async def silence(writer):
    await asyncio.sleep(DEADLINE_S + 1)
    return False
