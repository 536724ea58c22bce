"""What the head of an answer says of a download: which bytes follow, of which version of a file.

Pure. Whatever is not plainly the bytes that were asked for is a trouble, sorted by what helps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from batchdub.wire.reply import parse_http_date, parse_retry_after_s

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_SETTLED_S = 60.0
_GONE = frozenset({401, 403, 404, 410})
_BUSY = frozenset({408, 425, 429})
_NO_MEDIA = re.compile(r"text/.*|application/(?:.*\+)?(?:json|xml|xhtml\+xml|javascript)")
_BOXES = frozenset(
    {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx"}
)
MAGIC_BYTES = 12
"""So many bytes of a file tell whether it is a medium."""


class Trouble(StrEnum):
    """Why bytes did not come; what helps differs."""

    GONE = "gone"
    """The link is refused: the API may have a fresh one."""
    CHANGED = "changed"
    """The file is not the one that was begun: begin anew."""
    BUSY = "busy"
    """Not now."""
    CUT = "cut"
    """The bytes stopped coming; those that came are good."""
    UNFIT = "unfit"
    """What comes is not a dub."""


class DownloadFailedError(Exception):
    """A request gave no more bytes of a dub. The message is one line without secrets."""

    def __init__(self, trouble: Trouble, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Resume:
    """Where to go on: after `start` bytes of the version that `validator` names."""

    start: int
    validator: str
    total: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """The bytes that follow begin at `start`; `length` of them, of `total` in all, if it says so.

    `validator` is what a later request can go on with, empty if it cannot. `zipped` bytes are
    compressed on the way: their length says nothing of the file's.
    """

    start: int
    length: int | None
    total: int | None
    validator: str
    zipped: bool = False


def read_head(
    status: int, headers: Mapping[str, str], resume: Resume | None, now: datetime
) -> Head:
    """Read an answer's head. Raises DownloadFailedError for one that is not a dub's bytes."""
    if status == 206 and resume is not None:
        return _rest(headers, resume)
    if status == 416 and resume is not None:
        raise DownloadFailedError(Trouble.CHANGED, "HTTP 416: there is less of it than before")
    if status != 200:
        raise _refusal(status, headers, now)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if _NO_MEDIA.fullmatch(kind):
        raise DownloadFailedError(Trouble.UNFIT, f"HTTP 200 with `{kind[:60]}`, which is no dub")
    encoding = headers.get("content-encoding", "").strip().lower()
    length = _number(headers.get("content-length", ""))
    if encoding in ("gzip", "x-gzip"):
        return Head(0, length, None, "", zipped=True)
    if encoding not in ("", "identity"):
        raise DownloadFailedError(Trouble.UNFIT, f"its encoding `{encoding[:20]}` is not known")
    if length == 0:
        raise DownloadFailedError(Trouble.UNFIT, "HTTP 200 with an empty file")
    return Head(0, length, length, _validator(headers))


def _rest(headers: Mapping[str, str], resume: Resume) -> Head:
    part = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    same = _names_version(headers, resume.validator)
    plain = headers.get("content-encoding", "identity").strip().lower() in ("", "identity")
    if part is None or not same or not plain:
        raise DownloadFailedError(Trouble.CHANGED, "HTTP 206 of what may be another file")
    start, last, total = (int(number) for number in part.groups())
    if start != resume.start or not start <= last < total:
        raise DownloadFailedError(Trouble.CHANGED, "HTTP 206 with other bytes than were asked for")
    if resume.total is not None and total != resume.total:
        raise DownloadFailedError(Trouble.CHANGED, "HTTP 206 of a file of another size")
    return Head(start, last + 1 - start, total, resume.validator)


def _names_version(headers: Mapping[str, str], validator: str) -> bool:
    name = "etag" if validator.startswith('"') else "last-modified"
    return headers.get(name, "").strip() == validator


def _validator(headers: Mapping[str, str]) -> str:
    """Give what names this version for certain: a strong ETag, or a date that is long past."""
    etag = headers.get("etag", "").strip()
    if _STRONG_ETAG.fullmatch(etag):
        return etag
    modified = headers.get("last-modified", "").strip()
    changed_at, sent_at = parse_http_date(modified), parse_http_date(headers.get("date", ""))
    if changed_at is None or sent_at is None or not modified.isascii() or etag:
        return ""
    # Within the same second a file may change twice, and clocks of stores differ.
    settled = (sent_at - changed_at).total_seconds() >= _SETTLED_S
    return modified if settled else ""


def _refusal(status: int, headers: Mapping[str, str], now: datetime) -> DownloadFailedError:
    message = f"HTTP {status} from the server that has the dub"
    if status in _GONE:
        return DownloadFailedError(Trouble.GONE, message)
    if status in _BUSY or status >= 500:
        sent_at = parse_http_date(headers.get("date", ""))
        wait_s = parse_retry_after_s(headers.get("retry-after", ""), sent_at, now)
        return DownloadFailedError(Trouble.BUSY, message, wait_s)
    return DownloadFailedError(Trouble.UNFIT, message)


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def is_media(first: bytes) -> bool:
    """Tell by its first `MAGIC_BYTES` whether a file may be a dub: MP4 and its kin, WebM, AVI."""
    if first[4:8] in _BOXES or first.startswith(b"\x1aE\xdf\xa3"):
        return True
    return first.startswith(b"RIFF") and first[8:12] == b"AVI "
