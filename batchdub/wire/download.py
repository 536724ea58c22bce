"""A finished dub's bytes: one request for the whole, or for the rest of it, and what came of it.

The key goes to the API's own host alone, and never along a redirect. A rest is asked for under
`If-Range`, and is believed only if the answer names the same version of the file: what a store
has replaced meanwhile is not spliced, but begun anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin, urlsplit

import httpx

from batchdub.models import Cause
from batchdub.wire.closing import Closing
from batchdub.wire.download_head import (
    MAGIC_BYTES,
    DownloadFailedError,
    Head,
    Resume,
    Trouble,
    is_media,
    read_head,
)
from batchdub.wire.outcomes import classify_error
from batchdub.wire.roads import HEADERS, MOST_REDIRECTS, Roads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

    from batchdub.clock import Clock
    from batchdub.redact import Secret

_CLOSING_S = 1.0
_ANSWER_S = 60.0
_STALLED_S = 60.0
_STALLED_BYTES = 64 * 1024  # fewer of them in that time, and the connection is given up
_UNZIPPED_BYTES = 256 * 1024


class DownloadClient(Closing):
    """Fetches dubs for one API; `proxy_of` gives the proxy for each URL. Close it.

    `key` is sent only with links to the host of `base_url`. `transport`, for tests, takes the
    place of real connections.
    """

    def __init__(
        self,
        base_url: str,
        key: Secret,
        proxy_of: Callable[[str], Secret | None],
        clock: Clock,
        *,
        max_connections: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._own_origin = _origin(base_url)
        self._key = key
        self._clock = clock
        self._roads = Roads(proxy_of, max_connections, transport)

    def __repr__(self) -> str:
        return "DownloadClient()"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._roads.aclose()

    async def fetch(
        self,
        url: str,
        resume: Resume | None,
        begin: Callable[[Head], Awaitable[None]],
        take: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Ask once for a dub, or for the rest of it, and hand its bytes to `take` as they come.

        `begin` gets the head before the first of them. Returns when all that was announced has
        come. Raises DownloadFailedError; what `begin` and `take` raise passes through.
        """
        response = await self._follow(url, resume)
        try:
            head = read_head(response.status_code, response.headers, resume, self._clock.now())
            await begin(head)
            await self._read(url, response, head, take)
        finally:
            await _close(response)

    # -- the head -------------------------------------------------------------------------------

    async def _follow(self, url: str, resume: Resume | None) -> httpx.Response:
        if not _is_link(url):
            raise DownloadFailedError(Trouble.UNFIT, "the API's link is not an http(s) URL")
        own = _origin(url) == self._own_origin
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._ask(url, resume, with_key=own)
            location = response.headers.get("location", "")
            if not (300 <= response.status_code < 400 and location):
                return response
            await _close(response)
            url, before, own = _joined(url, location), url, False
            if not _is_link(url) or (before.startswith("https:") and not url.startswith("https:")):
                raise DownloadFailedError(Trouble.UNFIT, "it redirects to what is not https")
        raise DownloadFailedError(Trouble.UNFIT, f"it redirects more than {MOST_REDIRECTS} times")

    async def _ask(self, url: str, resume: Resume | None, *, with_key: bool) -> httpx.Response:
        headers = dict(HEADERS)
        if resume is not None:
            headers |= {"Range": f"bytes={resume.start}-", "If-Range": resume.validator}
        if with_key:
            headers["Authorization"] = f"Bearer {self._key.reveal()}"
        timeouts = dict.fromkeys(("connect", "pool", "read", "write"), _ANSWER_S)
        try:
            request = httpx.Request("GET", url, headers=headers, extensions={"timeout": timeouts})
            async with asyncio.timeout(_ANSWER_S):
                return await self._roads.to(url).handle_async_request(request)
        except Exception as error:
            failed = self._told(url, error)
        # Outside of `except`, so that no foreign exception, with whatever it holds, hangs on it.
        raise failed

    # -- the bytes ------------------------------------------------------------------------------

    async def _read(
        self,
        url: str,
        response: httpx.Response,
        head: Head,
        take: Callable[[bytes], Awaitable[None]],
    ) -> None:
        check = _Beginning() if head.start == 0 else None
        unzip = _Unzip() if head.zipped else None
        received = 0
        async with contextlib.aclosing(self._chunks(url, response)) as chunks:
            async for raw in chunks:
                received += len(raw)
                for chunk in unzip.feed(raw) if unzip else (raw,):
                    ready = check.feed(chunk) if check else chunk
                    if ready:
                        check = None
                        await take(ready)
        if head.length is not None and received != head.length:
            raise DownloadFailedError(
                Trouble.CUT, f"it ended after {received:,} of {head.length:,} bytes"
            )
        if unzip is not None and not unzip.whole:
            raise DownloadFailedError(Trouble.CUT, "its compressed bytes ended early")
        if check is not None:
            raise check.unfit()

    async def _chunks(self, url: str, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Give the bytes as they come; a connection that hardly gives any is given up."""
        stream = aiter(cast("AsyncIterable[bytes]", response.stream))
        left_s, block = _STALLED_S, 0
        while True:
            began_s = self._clock.monotonic_s()
            try:
                async with asyncio.timeout(left_s):
                    chunk = await anext(stream, None)
                failed = None
            except Exception as error:
                failed = self._told(url, error, begun=True)
            if failed is not None:
                raise failed
            if chunk is None:
                return
            left_s -= self._clock.monotonic_s() - began_s
            block += len(chunk)
            if block >= _STALLED_BYTES:
                left_s, block = _STALLED_S, 0
            yield chunk

    def _told(self, url: str, error: Exception, *, begun: bool = False) -> DownloadFailedError:
        secrets = (self._key, *self._roads.secrets(url))
        if isinstance(error, TimeoutError | httpx.TimeoutException) and begun:
            return DownloadFailedError(Trouble.CUT, "no more bytes came in time")
        failed = classify_error(error, *secrets)
        if begun and failed.cause is Cause.DROPPED:
            return DownloadFailedError(Trouble.CUT, "the connection broke off")
        return DownloadFailedError(Trouble.CUT, failed.message)


class _Beginning:
    """Holds a file's first bytes back until they show whether it is a medium."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Give all bytes so far once it is known that they are a medium's; raises if not."""
        self._held += chunk
        if len(self._held) < MAGIC_BYTES:
            return b""
        if not is_media(self._held):
            raise self.unfit()
        return self._held

    def unfit(self) -> DownloadFailedError:
        """Say what it is instead, as far as that is plain."""
        page = self._held.lstrip().startswith((b"<", b"{"))
        what = "a page, not a dub" if page else "a file that is no video"
        return DownloadFailedError(Trouble.UNFIT, f"HTTP 200 with {what}")


class _Unzip:
    """Undoes a compression that nobody asked for, in pieces of bounded size."""

    def __init__(self) -> None:
        self._unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    @property
    def whole(self) -> bool:
        return self._unzip.eof

    def feed(self, raw: bytes) -> list[bytes]:
        pieces = []
        try:
            while raw and not self._unzip.eof:
                pieces.append(self._unzip.decompress(raw, _UNZIPPED_BYTES))
                raw = self._unzip.unconsumed_tail
        except zlib.error:
            failed = DownloadFailedError(Trouble.UNFIT, "its bytes cannot be decompressed")
        else:
            return pieces
        raise failed


async def _close(response: httpx.Response) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CLOSING_S):
            await response.aclose()


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, (parts.hostname or "").lower(), port


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _is_link(url: str) -> bool:
    scheme, host, _ = _origin(url)
    return scheme in ("https", "http") and bool(host)
