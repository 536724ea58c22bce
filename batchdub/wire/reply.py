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
from typing import TYPE_CHECKING, cast

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

MAX_BODY_BYTES = 1024 * 1024
MAX_RETRY_AFTER_S = 3600.0

_CLOSING_S = 1.0
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


async def exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, deadline_s: float
) -> Reply:
    """Send one request, once, and read its answer within `deadline_s` seconds in all.

    Raises whatever the transport raises, and TimeoutError, as long as no status was seen.
    """
    response: httpx.Response | None = None
    body = b""
    broken = ""
    try:
        async with asyncio.timeout(deadline_s):
            response = await transport.handle_async_request(request)
            body = await _read_body(response)
    except Exception as error:
        if response is None:
            raise
        broken = _why_broken(error)
    return _to_reply(response, body, broken)


def _why_broken(error: Exception) -> str:
    if isinstance(error, ReplyBrokenError):
        return str(error)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "its body did not come in time"
    return "its body broke off"


async def _read_body(response: httpx.Response) -> bytes:
    try:
        raw = await _read_capped(response)
        return _decode(raw, response.headers.get("content-encoding", ""))
    finally:
        await _close(response)


async def _read_capped(response: httpx.Response) -> bytes:
    chunks = bytearray()
    async for chunk in cast("AsyncIterable[bytes]", response.stream):
        chunks += chunk
        if len(chunks) > MAX_BODY_BYTES:
            raise ReplyBrokenError(f"its body is longer than {MAX_BODY_BYTES // 1024} KiB")
    return bytes(chunks)


async def _close(response: httpx.Response) -> None:
    # Closing waits for an upload that is still going on, so it has a deadline of its own; and
    # what goes wrong in it changes nothing about the reply.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CLOSING_S):
            await response.aclose()


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


def _to_reply(response: httpx.Response, body: bytes, broken: str) -> Reply:
    headers = response.headers
    return Reply(
        status=response.status_code,
        body=body,
        broken=broken,
        retry_after=headers.get("retry-after", ""),
        server_date=parse_http_date(headers.get("date", "")),
        from_cache=headers.get("age", "0").strip() != "0",
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
