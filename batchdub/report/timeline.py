"""The night on a line: orders, what stood in their way, pauses, and dubs that ended.

Pure: what happened comes in as it passes by, once, and is counted into at most so many steps of
time, so that a night of a million orders needs no more room than one of ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from batchdub.ledger.night import Ended, Tried
from batchdub.states import Event

_MOST_STEPS = 120
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)
_PAUSE_S = 20.0
_PAUSE_GAPS = 5
"""A pause is as long as this many gaps between two orders of that night, and at least 20 s."""
_KEPT = 5_000


class Kind(StrEnum):
    """What the line counts."""

    ORDERED = "ordered"
    RATE_LIMITED = "429"
    LOST = "reply lost"
    OTHERWISE = "not ordered"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in a run in which no order was sent, though others followed; and what came before."""

    began_at: datetime
    ended_at: datetime
    why: str

    @property
    def seconds(self) -> float:
        """How long it was."""
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(slots=True)
class Timeline:
    """Counts by step of time from `began_at` to `ended_at`; `step_s` seconds each."""

    began_at: datetime
    ended_at: datetime
    step_s: int
    counts: dict[int, Counter[Kind]] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return max(1, -(-int(self.span_s) // self.step_s) + (self.span_s % self.step_s == 0))

    @property
    def span_s(self) -> float:
        """How long all of it is."""
        return (self.ended_at - self.began_at).total_seconds()

    @property
    def totals(self) -> Counter[Kind]:
        """Count over all of the time."""
        return sum(self.counts.values(), Counter())

    def at(self, step: int) -> datetime:
        """Give the time at which a step begins."""
        return self.began_at + timedelta(seconds=step * self.step_s)

    def note(self, kind: Kind, at: datetime) -> None:
        """Count one more."""
        step = int((at - self.began_at).total_seconds()) // self.step_s
        if 0 <= step < self.steps:
            self.counts.setdefault(step, Counter())[kind] += 1


def draw(
    began_at: datetime, ended_at: datetime, tried: Iterable[Tried], ended: Iterable[Ended]
) -> Timeline:
    """Count what happened in a span of time; `tried` comes in the order in which it happened."""
    ended_at = max(ended_at, began_at + timedelta(seconds=1))
    step_s = _step_s((ended_at - began_at).total_seconds())
    line = Timeline(_floor(began_at, step_s), ended_at, step_s)
    gaps = _Gaps()
    for each in tried:
        line.note(_kind_of(each), each.at)
        gaps.note(each)
    for one in ended:
        line.note(Kind.DONE if one.state == "completed" else Kind.FAILED, one.at)
    line.pauses = gaps.pauses()
    return line


@dataclass(slots=True)
class _Gaps:
    """Notes how long it was from one order to the next of a run, and the long ones in full."""

    before: Tried | None = None
    lengths: Counter[int] = field(default_factory=Counter)
    long: list[Pause] = field(default_factory=list)

    def note(self, tried: Tried) -> None:
        before, self.before = self.before, tried
        if before is None or before.run_id != tried.run_id:
            return
        seconds = (tried.at - before.at).total_seconds()
        self.lengths[round(seconds)] += 1
        if seconds >= _PAUSE_S and len(self.long) < _KEPT:
            self.long.append(Pause(before.at, tried.at, _why(before)))

    def pauses(self) -> list[Pause]:
        least_s = max(_PAUSE_S, _PAUSE_GAPS * self._typical_s())
        return [gap for gap in self.long if gap.seconds >= least_s]

    def _typical_s(self) -> int:
        passed = 0
        for seconds, number in sorted(self.lengths.items()):
            passed += number
            if passed * 2 >= self.lengths.total():
                return seconds
        return 0


def _kind_of(tried: Tried) -> Kind:
    if tried.event == Event.ACCEPTED:
        return Kind.ORDERED
    if tried.event == Event.LOST:
        return Kind.LOST
    return Kind.RATE_LIMITED if tried.http_status == 429 else Kind.OTHERWISE


def _why(before: Tried) -> str:
    if before.http_status == 429:
        return "the API asked for it (429)"
    if before.event == Event.LOST:
        return "after an answer that was lost"
    if before.event in {Event.NOT_SENT, Event.TURNED_AWAY}:
        return "after the API was out of reach"
    return "nothing was sent"


def _step_s(span_s: float) -> int:
    for step_s in _STEPS_S:
        if span_s / step_s <= _MOST_STEPS:
            return step_s
    days = -(-int(span_s) // (_MOST_STEPS * 86_400))
    return days * 86_400


def _floor(moment: datetime, step_s: int) -> datetime:
    """Begin a step where people would: on the full minute, or quarter of an hour."""
    seconds = int(moment.timestamp()) // step_s * step_s
    return datetime.fromtimestamp(seconds, tz=moment.tzinfo)
