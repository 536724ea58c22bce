"""One call, from its first byte to the last of its answer, within a deadline and a size.

Two things are kept apart here, because money hangs on it: an exception *before* the head of an
answer is raised as it is (`outcomes.classify_error` reads it); once a status has been seen, all
that happens later is part of the reply (`Reply.broken`). A 200 whose body breaks off has most
likely been paid.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, cast

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable

MAX_BODY_BYTES = 1024 * 1024
MAX_RETRY_AFTER_S = 3600.0

CLOSING_S = 1.0
"""So long closing a connection may take; a call's own deadline is over by then."""
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


class ReplyBrokenError(Exception):
    """The head of a reply came, but its body cannot be used."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, the headers that matter, and the body if it came whole.

    `broken` says in a few words why there is no body. `from_cache` is true for a copy that a
    cache kept, which shows the past.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    broken: str = ""
    retry_after: str = ""
    server_date: datetime | None = None
    from_cache: bool = False


class Answer(Protocol):
    """An answer whose head has come, from whichever library speaks HTTP."""

    @property
    def status(self) -> int:
        """Its status."""
        ...

    def header(self, name: str, default: str = "") -> str:
        """Give a header, several of one name joined by commas."""
        ...

    async def read(self) -> bytes:
        """Give more of the body, as it was sent; empty at its end."""
        ...

    async def close(self) -> None:
        """Give the connection back, or up if the body was not read to its end."""
        ...


async def exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, deadline_s: float
) -> Reply:
    """Send one request, once, and read its answer within `deadline_s` seconds in all.

    Raises whatever the transport raises, and TimeoutError, as long as no status was seen.
    """
    return await receive(_sent(transport, request), deadline_s)


async def receive(sent: Awaitable[Answer], deadline_s: float) -> Reply:
    """Await the head of an answer and read the rest, within `deadline_s` seconds in all.

    Raises whatever `sent` raises, and TimeoutError, as long as no status was seen.
    """
    answer: Answer | None = None
    body = b""
    broken = ""
    try:
        async with asyncio.timeout(deadline_s):
            answer = await sent
            body = await _read_body(answer)
    except Exception as error:
        if answer is None:
            raise
        broken = _why_broken(error)
    return _to_reply(answer, body, broken)


async def _sent(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> Answer:
    return _HttpxAnswer(await transport.handle_async_request(request))


class _HttpxAnswer:
    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self._response = response
        self._chunks: AsyncIterator[bytes] | None = None

    def header(self, name: str, default: str = "") -> str:
        return str(self._response.headers.get(name, default))

    async def read(self) -> bytes:
        if self._chunks is None:
            self._chunks = aiter(cast("AsyncIterable[bytes]", self._response.stream))
        # An empty chunk in between is not the end.
        while (chunk := await anext(self._chunks, None)) is not None:
            if chunk:
                return chunk
        return b""

    async def close(self) -> None:
        # Closing waits for an upload that is still going on, so it has a deadline of its own; and
        # what goes wrong in it changes nothing about the reply.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSING_S):
                await self._response.aclose()


def _why_broken(error: Exception) -> str:
    if isinstance(error, ReplyBrokenError):
        return str(error)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "its body did not come in time"
    return "its body broke off"


async def _read_body(answer: Answer) -> bytes:
    try:
        raw = await _read_capped(answer)
        return _decode(raw, answer.header("content-encoding"))
    finally:
        await answer.close()


async def _read_capped(answer: Answer) -> bytes:
    raw = b""
    while chunk := await answer.read():
        raw = raw + chunk if raw else chunk
        if len(raw) > MAX_BODY_BYTES:
            raise ReplyBrokenError(f"its body is longer than {MAX_BODY_BYTES // 1024} KiB")
    return raw


def _decode(raw: bytes, encoding: str) -> bytes:
    # We ask for `identity`; something in between may compress all the same.
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip"):
        raise ReplyBrokenError("its body is in an encoding that was not asked for")
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unzip.decompress(raw, MAX_BODY_BYTES)
    except zlib.error:
        raise ReplyBrokenError("its body cannot be decompressed") from None
    if not unzip.eof:
        raise ReplyBrokenError("its body cannot be decompressed, or is too long")
    return body


def _to_reply(answer: Answer, body: bytes, broken: str) -> Reply:
    return Reply(
        status=answer.status,
        body=body,
        broken=broken,
        retry_after=answer.header("retry-after"),
        server_date=parse_http_date(answer.header("date")),
        from_cache=answer.header("age", "0").strip() != "0",
    )


@lru_cache(maxsize=64)  # all answers of a second carry the same one
def parse_http_date(text: str) -> datetime | None:
    """Read an HTTP date to UTC; None for what is not one."""
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is in UTC: HTTP knows no other.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_retry_after_s(text: str, server_date: datetime | None, now: datetime) -> float | None:
    """Read Retry-After, seconds or a date, to seconds from now; at most an hour.

    A date counts from the reply's own Date, so that a wrong clock here does not matter. None for
    what is absent, negative, past or not readable.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER_S)
    until = parse_http_date(text)
    if until is None:
        return None
    seconds = (until - (server_date or now)).total_seconds()
    return min(seconds, MAX_RETRY_AFTER_S) if seconds >= 0 else None
