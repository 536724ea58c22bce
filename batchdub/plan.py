"""What would happen to each row, and why: manifest and ledger held against each other.

Pure: the rows come in as an iterator, what the ledger knows as two look-ups, and the planned rows
go out as an iterator in the same order, so that a million rows need no room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from batchdub.models import Change, Job, Row
from batchdub.reasons import (
    as_ordered,
    reason_of,
    reason_of_change,
    reason_of_conflict,
    reason_of_reorder,
)
from batchdub.states import JobState
from batchdub.units import SPACING, Rate

_CHUNK = 500
_MANY_VALUES = 30  # a column with more distinct values is a title or a note, not a grouping
_LONG_VALUE = 40
_ROWS_PER_VALUE = 3


class Fate(StrEnum):
    """What becomes of a row in a run.

    `sends` tells that a run would order the row, `waits` that it stays pending, with its reason,
    until a cause has gone.
    """

    sends: bool
    waits: bool

    def __init__(self, value: str) -> None:
        # Set once, since they are asked a dozen times of every row.
        self.sends = value in {"new", "left", "reordered"}
        self.waits = value in {"same_media", "held"}

    NEW = "new"
    """Will be ordered; the ledger has never seen it, or never sent it."""
    LEFT = "left"
    """Will be ordered; an earlier run left it pending."""
    IN_DOUBT = "in_doubt"
    """Will be settled from the API's list, and ordered only if it is not there."""
    SUBMITTED = "submitted"
    """Ordered already."""
    COMPLETED = "completed"
    """Ordered already, and done."""
    FAILED = "failed"
    """Ordered already; the API could not make the dub."""
    REJECTED = "rejected"
    """The API refused this row."""
    CANCELLED = "cancelled"
    """Taken out by the operator."""
    CONFLICT = "conflict"
    """Its reference_id stands for other media in the ledger."""
    SAME_MEDIA = "same_media"
    """The same media is ordered under another reference_id."""
    HELD = "held"
    """Stays pending: it is known that its media cannot be fetched when its turn comes."""
    CHANGED = "changed"
    """Ordered already, and done; but a probe shows that its media are others since."""
    REORDERED = "reordered"
    """The same, and wanted: will be ordered again, as the row's next revision."""


class PlannedRow(NamedTuple):
    """A row, its place in the manifest from 1, what becomes of it, and why.

    `job` is what the ledger has under its reference_id. `changed` tells that the ledger has other
    media for it which was never sent, so that the row simply replaces it. `waits_for` is why a row
    waits that could be sent, or is not ordered again although that is wanted. `since` is what a
    probe found changed since the row was ordered.
    """

    row: Row
    position: int
    fate: Fate
    job: Job | None = None
    changed: bool = False
    waits_for: str = ""
    since: Change | None = None

    @property
    def reason(self) -> str:
        """Why that becomes of it, in words: put together when asked, since few are ever shown."""
        if self.since is not None and self.job is not None:
            if self.fate is Fate.REORDERED:
                return reason_of_reorder(self.since, self.job)
            return reason_of_change(self.since, self.job, self.waits_for)
        if self.waits_for or self.job is None:
            return self.waits_for or "never ordered"
        if self.changed:
            return f"its media changed since {self.job.source}; never sent, so nothing is lost"
        if self.fate is Fate.CONFLICT:
            return reason_of_conflict(self.row, self.job)
        return reason_of(self.job)


Known = Callable[[Sequence[str]], Mapping[str, Job]]
"""Gives the latest job of each reference_id that has one."""
KnownMedia = Callable[[Sequence[str]], Mapping[str, Sequence[Job]]]
"""Gives the jobs of each media key that has any."""
Revise = Callable[[Sequence["PlannedRow"]], Iterable["PlannedRow"]]
"""Takes what else is known into account: gives the same rows, perhaps with another fate."""
Holds = Callable[[Row, int], str]
"""Gives why a row is held back although it could be sent, or nothing; and is told how many are
sent before it."""

_NOT_ORDERED = frozenset({JobState.CANCELLED, JobState.REJECTED})


def plan_rows(
    rows: Iterable[tuple[int, Row]],
    known: Known,
    known_media: KnownMedia,
    *,
    allow_same_media: bool = False,
    holds: Holds = lambda _row, _ahead: "",
    revise: Revise = lambda planned: planned,
) -> Iterator[PlannedRow]:
    """Decide the fate of every row, in order; each comes with its place in the manifest.

    The first row of a medium is the one that is ordered; a later one under another reference_id
    is held back, unless `allow_same_media`. A row that `holds` has a reason for is held as well;
    `revise` comes before that.
    """
    turns = _Turns(holds)
    iterator = iter(rows)
    firsts: dict[bytes, str] = {}
    while chunk := list(islice(iterator, _CHUNK)):
        jobs = known([row.reference_id for _, row in chunk])
        decided = [decide(row, place, jobs.get(row.reference_id)) for place, row in chunk]
        planned = list(revise(decided))
        if not any(item.fate.sends for item in planned):
            yield from planned
            continue
        in_time: Iterator[PlannedRow] = map(
            turns.let_go, planned
        )  # one by one: what was sent before decides
        if not allow_same_media:
            media = known_media([item.row.media_key for item in planned if item.fate.sends])
            in_time = _without_twins(in_time, media, firsts)
        for item in in_time:
            turns.ahead += item.fate.sends
            yield item


@dataclass(slots=True)
class _Turns:
    """Counts the rows that are sent, and holds back those that `holds` has a reason for."""

    holds: Holds
    ahead: int = 0

    def let_go(self, planned: PlannedRow) -> PlannedRow:
        reason = self.holds(planned.row, self.ahead) if planned.fate.sends else ""
        return _held(planned, Fate.HELD, reason) if reason else planned


def _held(planned: PlannedRow, fate: Fate, reason: str) -> PlannedRow:
    """Hold a row back; one that would be ordered again stays what it is: an order, and done."""
    stays = Fate.CHANGED if planned.fate is Fate.REORDERED else fate
    return planned._replace(fate=stays, waits_for=reason)


def _without_twins(
    planned: Iterable[PlannedRow], media: Mapping[str, Sequence[Job]], firsts: dict[bytes, str]
) -> Iterator[PlannedRow]:
    """Hold back rows whose media is ordered under another reference_id.

    `media` are the ledger's jobs of each medium. `firsts` says which row has each medium that this
    plan orders; it is added to. A million rows stay in it, so it has no more of them than that.
    """
    for item in planned:
        if not item.fate.sends:
            yield item
            continue
        digest = sha256(item.row.media_key.encode()).digest()[:16]
        twin = _twin(item, media.get(item.row.media_key, ())) or firsts.get(digest)
        if twin:
            yield _held_back(item, twin)
        else:
            firsts[digest] = f"`{item.row.reference_id}` at {item.row.source}"
            yield item


def decide(row: Row, position: int, job: Job | None) -> PlannedRow:
    """Decide the fate of a row from its job alone, if the ledger has one."""
    if job is None:
        return PlannedRow(row, position, Fate.NEW)
    fate = _FATES[job.state]
    if fate is Fate.LEFT and not job.attempts:
        fate = Fate.NEW
    if job.media_key == row.media_key:
        return PlannedRow(row, position, fate, job)
    return _other_media(row, position, fate, job)


def _other_media(row: Row, position: int, fate: Fate, job: Job) -> PlannedRow:
    if fate is Fate.NEW:
        return PlannedRow(row, position, fate, job, changed=True)
    if fate is Fate.CANCELLED and not job.attempts:
        return PlannedRow(row, position, fate, job)
    return PlannedRow(row, position, Fate.CONFLICT, job)


_FATES: Mapping[JobState, Fate] = {
    JobState.PENDING: Fate.LEFT,
    JobState.SENDING: Fate.IN_DOUBT,
    JobState.IN_DOUBT: Fate.IN_DOUBT,
    JobState.SUBMITTED: Fate.SUBMITTED,
    JobState.COMPLETED: Fate.COMPLETED,
    JobState.FAILED: Fate.FAILED,
    JobState.REJECTED: Fate.REJECTED,
    JobState.CANCELLED: Fate.CANCELLED,
}
"""What becomes of a row whose job is in this state, if it was ever sent."""


def _twin(planned: PlannedRow, jobs: Iterable[Job]) -> str:
    for job in jobs:
        if job.key.reference_id == planned.row.reference_id or job.state in _NOT_ORDERED:
            continue
        # Of two pending twins the older job is sent; if each waited for the other none would be.
        if job.state is JobState.PENDING and planned.job and planned.job.job_id < job.job_id:
            continue
        return f"`{job.key.reference_id}` from {job.source} ({as_ordered(job)})"
    return ""


def _held_back(planned: PlannedRow, twin: str) -> PlannedRow:
    reason = f"the same media as {twin}; --allow-same-media orders it all the same"
    return _held(planned, Fate.SAME_MEDIA, reason)


@dataclass(slots=True)
class Totals:
    """Counts over planned rows, as they pass by: all, and per value of the manifest's columns.

    `again` counts those rows to be ordered that are a further revision, put back on purpose, and
    `stuck` those that were to be ordered again for a change, and are not. `making` counts those
    whose media changed while the API is making their dubs.
    """

    fates: Counter[Fate] = field(default_factory=Counter)
    again: int = 0
    stuck: int = 0
    making: int = 0
    columns: dict[str, dict[str, Counter[Fate]]] = field(default_factory=dict)
    _crowded: set[str] = field(default_factory=set)

    def add(self, planned: PlannedRow) -> None:
        """Count one more row."""
        fate, crowded = planned.fate, self._crowded
        self.fates[fate] += 1
        if fate.sends and fate is not Fate.REORDERED and planned.job is not None:
            self.again += planned.job.key.revision > 1
        if planned.since is not None:
            self.stuck += planned.fate is Fate.CHANGED and bool(planned.waits_for)
            self.making += planned.fate is Fate.SUBMITTED
        for name, value in planned.row.columns.items():
            if name in crowded:
                continue
            counts = self.columns.setdefault(name, {}).get(value)
            if counts is not None:
                counts[fate] += 1
                continue
            values = self.columns[name]
            values[value] = Counter({fate: 1})
            if len(values) > _MANY_VALUES or len(value) > _LONG_VALUE:
                crowded.add(name)
                del self.columns[name]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.fates.total()

    @property
    def to_send(self) -> int:
        """How many rows a run would order."""
        return sum(number for fate, number in self.fates.items() if fate.sends)

    def groupings(self) -> dict[str, dict[str, Counter[Fate]]]:
        """Give the columns that group rows: of several values, each of several rows on average."""
        return {
            name: values
            for name, values in self.columns.items()
            if 1 < len(values) <= self.rows / _ROWS_PER_VALUE
        }


def expected_duration_s(orders: int, rate: Rate) -> float | None:
    """Give how long so many orders take at a pace; None where nothing paces them."""
    return None if rate.unlimited else orders * rate.interval_s * SPACING
