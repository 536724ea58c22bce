"""A free look at a medium: does its link answer, and with what. No key of ours goes along.

HEAD first; whoever does not say yes to that is asked again with a GET of one byte, because links
that are signed for GET refuse HEAD. Only the head of an answer is ever read.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from batchdub.models import MediaLook
from batchdub.redact import scrub
from batchdub.wire.closing import Closing
from batchdub.wire.outcomes import classify_error
from batchdub.wire.roads import HEADERS, MOST_REDIRECTS, Roads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchdub.redact import Secret

_CLOSING_S = 1.0
_LONGEST = 200
_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class MediaClient(Closing):
    """Looks at links, wherever they lead; `proxy_of` gives the proxy for each. Close it.

    `transport`, for tests, takes the place of real connections.
    """

    def __init__(
        self,
        proxy_of: Callable[[str], Secret | None],
        *,
        max_connections: int = 8,
        deadline_s: float = 20.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._deadline_s = deadline_s
        self._roads = Roads(proxy_of, max_connections, transport)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._roads.aclose()

    async def look(self, url: str) -> MediaLook:
        """Look at one link. Whatever goes wrong becomes part of what was seen."""
        try:
            async with asyncio.timeout(self._deadline_s):
                seen = await self._follow("HEAD", url)
                answered = seen.status is not None and seen.status < 300
                seen = seen if answered else await self._follow("GET", url)
                return _without(seen, self._roads.secrets(url))
        except Exception as error:
            return MediaLook(failure=classify_error(error, *self._roads.secrets(url)).message)

    async def _follow(self, method: str, url: str) -> MediaLook:
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._ask(method, url)
            location = response.headers.get("location", "")
            if not (300 <= response.status_code < 400 and location):
                return _without(_seen(response), self._roads.secrets(url))
            url = urljoin(url, location)
            if urlsplit(url).scheme not in ("http", "https"):
                return MediaLook(failure="it redirects to something that is not http(s)")
        return MediaLook(failure=f"it redirects more than {MOST_REDIRECTS} times")

    async def _ask(self, method: str, url: str) -> httpx.Response:
        headers = dict(HEADERS)
        if method == "GET":
            headers["Range"] = "bytes=0-0"
        wait_s = self._deadline_s
        timeouts = {"connect": wait_s, "pool": wait_s, "read": wait_s, "write": wait_s}
        request = httpx.Request(method, url, headers=headers, extensions={"timeout": timeouts})
        response = await self._roads.to(url).handle_async_request(request)
        # The body may be a whole film, from a server that knows no ranges: it is not read.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSING_S):
                await response.aclose()
        return response


def _seen(response: httpx.Response) -> MediaLook:
    headers = response.headers
    part = _RANGE.fullmatch(headers.get("content-range", "").strip())
    length = part[1] if part else headers.get("content-length", "")
    # 416 to the first byte: there is none.
    empty = response.status_code == 416 and part is not None and part[1] == "0"
    return MediaLook(
        status=200 if empty else response.status_code,
        content_type=headers.get("content-type", "").partition(";")[0].strip()[:_LONGEST],
        length=int(length) if length.isdecimal() and len(length) < 19 else None,
        etag=headers.get("etag", "")[:_LONGEST],
        last_modified=headers.get("last-modified", "")[:_LONGEST],
    )


def _without(seen: MediaLook, secrets: Iterable[Secret]) -> MediaLook:
    """Cut out what a server repeats of a link's own secrets: what it says is kept and shown."""
    return replace(
        seen,
        content_type=scrub(seen.content_type, *secrets).lower(),
        etag=scrub(seen.etag, *secrets),
        last_modified=scrub(seen.last_modified, *secrets),
    )
