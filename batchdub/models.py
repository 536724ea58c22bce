"""The values that the parts hand to each other; all frozen, all UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from batchdub.states import Event, JobState

_FURTHER = re.compile(r"(.+)~r([1-9]\d{0,5})", re.DOTALL)


class Source(NamedTuple):
    """Where a row stands: the manifest's path as given, and the line its record starts at."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Row:
    """One valid record of a manifest: one dub to order.

    The URLs are whole, with their signatures, so they are left out of the repr and are never
    written anywhere; `media_key` is their identity (`media_url.media_key`). `columns` are the
    manifest's own, in its order, as the text that was written.
    """

    reference_id: str
    source: Source
    video_url: str = field(repr=False)
    audio_url: str = field(repr=False)
    disable_active_speaker_detection: bool
    media_key: str
    columns: Mapping[str, str]


class JobKey(NamedTuple):
    """A row at a revision. `sent_as` is the reference_id that the API is given."""

    reference_id: str
    revision: int = 1

    @classmethod
    def of(cls, sent_as: str) -> Self:
        """Read what an order was sent as: the other way round."""
        further = _FURTHER.fullmatch(sent_as)
        return cls(further[1], int(further[2])) if further else cls(sent_as)

    @property
    def sent_as(self) -> str:
        """`REF` for the first order, `REF~r2`, `REF~r3` for deliberate further ones."""
        return self.reference_id if self.revision == 1 else f"{self.reference_id}~r{self.revision}"


class Cause(StrEnum):
    """Why an attempt ended as it did; finer than its event, and what stops or pauses a run."""

    ACCEPTED = "accepted"
    """A usable request_id is in hand."""
    CONNECT = "connect"
    """No connection, so no byte left."""
    TLS = "tls"
    """The host's certificate is not trusted; the key was not sent."""
    RATE_LIMIT = "rate_limit"
    """Turned away for now; says nothing of the row."""
    TOKEN_LIMIT = "token_limit"  # noqa: S105  a billing unit, not a password
    """The account's tokens are spent."""
    KEY = "key"
    """The key is refused."""
    ADDRESS = "address"
    """404, 405 or a redirect: this is not the API."""
    ROW = "row"
    """The API refuses this row."""
    TIMEOUT = "timeout"
    """No answer within the deadline."""
    DROPPED = "dropped"
    """The connection ended without a whole answer."""
    SERVER = "server"
    """A status that leaves open whether the order was taken."""
    STRANGE = "strange"
    """An answer that is not the API's."""
    PAID_WITHOUT_ID = "paid_without_id"
    """A success without a usable request_id: probably paid, so a person decides."""
    CANCELLED = "cancelled"
    """We stopped listening."""
    CUT_SHORT = "cut_short"
    """The process ended during the attempt; found at the next start."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: the event it is for the job, and what was seen.

    `message` is for people and already scrubbed. `retry_after_s` is what the server asked for.
    `server_date` is the answer's Date header.
    """

    event: Event
    cause: Cause
    message: str = ""
    http_status: int | None = None
    request_id: str | None = None
    retry_after_s: float | None = None
    server_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class RemoteRequest:
    """A request as the API's list or GET shows it. `status` is text: an unknown one is kept."""

    request_id: str
    created_at: datetime
    status: str
    reference_id: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    output_url: str | None = field(default=None, repr=False)
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the API's list, as the API described it (it may clamp `limit`)."""

    requests: tuple[RemoteRequest, ...]
    limit: int
    offset: int
    total: int
    server_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class MediaLook:
    """What one free look at a medium showed; without an answer `failure` says why.

    `length` is in bytes, `content_type` without parameters; what was not said is None or empty.
    """

    status: int | None = None
    content_type: str = ""
    length: int | None = None
    etag: str = ""
    last_modified: str = ""
    failure: str = ""


class MediaVersion(NamedTuple):
    """What tells one version of a file from another, as its host said at `seen_at`.

    `tag` is a hash of its ETag, without one empty; a `weak` one may stand for other bytes as well.
    `length` is in bytes. What was not said is None.
    """

    tag: str
    weak: bool
    modified_at: datetime | None
    length: int | None
    seen_at: datetime


class OrderedMedia(NamedTuple):
    """What one revision of a row was ordered from, as far as a probe had seen it just before.

    `sent_at` is the time of the intent; a medium that nobody had looked at then is None, and so is
    one of which several tries that may have left saw several versions.
    """

    key: JobKey
    state: JobState
    media_key: str
    sent_at: datetime
    video: MediaVersion | None
    audio: MediaVersion | None


class Change(NamedTuple):
    """How the media of an ordered row are not what they were then, in words.

    `made` is an earlier revision, as it was sent, whose finished dub was made from just what is
    there again; empty if there is none.
    """

    what: str
    made: str = ""


class Job(NamedTuple):
    """A job as the ledger has it; its URLs stay there.

    `place` is the manifest_id and the position from 1 at which its row was seen last;
    `may_be_ordered` tells that a cancelled one was taken out in doubt, or by `ledger rebuild`,
    which had found a further revision of it.
    """

    job_id: int
    key: JobKey
    state: JobState
    media_key: str
    source: Source
    request_id: str | None = None
    held: str | None = None
    attempts: int = 0
    error: str | None = None
    remote_status: str | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    place: tuple[int, int] = (0, 0)
    may_be_ordered: bool = False
