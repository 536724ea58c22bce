"""One POST, prepared once and sent by the thousand: only its body is new each time.

aiohttp is called directly, which sends a POST once: only what HTTP calls idempotent does it send
again when a kept connection has died (`tests/wire/test_real_faults.py` holds it to that).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp

from batchdub.wire.reply import CLOSING_S, receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchdub.wire.reply import Reply
    from batchdub.wire.transport import Transport

_PIECE_BYTES = 16 * 1024


class Posting:
    """A POST to one address on a transport of `build_transport`; `timeouts` are httpx's by name."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        headers: Mapping[str, str],
        timeouts: Mapping[str, float],
    ) -> None:
        self._transport = transport
        self._url = url
        self._headers = headers
        # Nothing is said here of reading: the deadline of the call runs out before.
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=timeouts["pool"], sock_connect=timeouts["connect"]
        )

    async def send(self, body: bytes, deadline_s: float) -> Reply:
        """Send one body, once, and read the answer; errors as `receive`."""
        return await receive(self._sent(body), deadline_s)

    async def _sent(self, body: bytes) -> _Answer:
        return _Answer(await self._transport.post(self._url, self._headers, body, self._timeout))


class _Answer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self._response = response

    def header(self, name: str, default: str = "") -> str:
        found = self._response.headers.getall(name, ())
        return ", ".join(found) if found else default

    async def read(self) -> bytes:
        return await self._response.content.read(_PIECE_BYTES)

    async def close(self) -> None:
        response = self._response
        if response.connection is None:
            return  # read to its end, with the upload over: aiohttp has it back already
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSING_S):
                response.release()
                await response.wait_for_close()
