"""Where everything of the night's line stands: shares of its width, and pixels down.

Only numbers: the template draws them. Widths are percentages, so that the drawing is as wide as
its page and its letters stay as large as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from batchdub.ledger import RunRecord
from batchdub.report.timeline import Kind, Timeline
from batchdub.units import format_duration

_LABEL = 18
_GAP = 14
_HEIGHTS = {Kind.ORDERED: 56, Kind.DONE: 56}
_LOW = 26
_LEAST = 2.0  # pixels: one of a thousand must be seen
_MOST_TICKS = 7
_TICKS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200)
_LAST_LABEL = 92.0  # percent: beyond it a tick's text would leave the page
_WORDS = {
    Kind.ORDERED: "Orders taken by the API",
    Kind.DONE: "Dubs done",
    Kind.FAILED: "Dubs failed",
    Kind.RATE_LIMITED: "Orders told to come slower (429)",
    Kind.LOST: "Orders whose reply was lost, looked up later",
    Kind.OTHERWISE: "Orders refused or not sent",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A step's count as a bar; `x` and `width` in percent, `y` and `height` in pixels."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What is counted of one kind, under its own label."""

    kind: Kind
    label: str
    y: int
    base: int
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of time or a moment: percent from the left, and what it is."""

    x: float
    width: float
    says: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole line; `zone` names the zone of its times."""

    height: int
    base: int
    lanes: Sequence[Lane]
    pauses: Sequence[Mark]
    runs: Sequence[Mark]
    ticks: Sequence[Mark]
    zone: str


def drawing_of(line: Timeline, runs: Sequence[RunRecord]) -> Drawing:
    """Lay a timeline out: a lane for each kind of which there was any, the runs, and the hours."""
    lanes, y = [], 0
    totals = line.totals
    for kind, words in _WORDS.items():
        if totals[kind] or kind is Kind.ORDERED:
            base = y + _LABEL + _HEIGHTS.get(kind, _LOW)
            lanes.append(_lane(line, kind, words, y, base))
            y = base + _GAP
    pauses = [
        _mark(
            line, pause.began_at, pause.ended_at, f"{format_duration(pause.seconds)}: {pause.why}"
        )
        for pause in line.pauses
    ]
    zone = line.began_at.astimezone().strftime("%Z")
    return Drawing(y + 34, y, lanes, pauses, list(_runs(line, runs)), list(_ticks(line)), zone)


def _lane(line: Timeline, kind: Kind, words: str, y: int, base: int) -> Lane:
    most = max((counts[kind] for counts in line.counts.values()), default=0)
    width = 100 / line.steps
    bars = []
    for step, counts in sorted(line.counts.items()):
        if number := counts[kind]:
            height = max(_LEAST, (base - y - _LABEL) * number / most)
            says = f"{_clock(line.at(step))}  {words}: {number:,}"
            bars.append(Bar(step * width, base - height, width * 0.86, height, says))
    label = f"{words}: {line.totals[kind]:,}"
    if most:
        label += f", at most {most:,} in {format_step(line.step_s)}"
    return Lane(kind, label, y, base, bars)


def _mark(line: Timeline, began_at: datetime, ended_at: datetime, says: str) -> Mark:
    whole = line.steps * line.step_s
    start = min(max((began_at - line.began_at).total_seconds() / whole, 0.0), 1.0)
    end = min(max((ended_at - line.began_at).total_seconds() / whole, start), 1.0)
    return Mark(start * 100, max((end - start) * 100, 0.3), says)


def _runs(line: Timeline, runs: Sequence[RunRecord]) -> Iterator[Mark]:
    for run in runs:
        ended_at = run.ended_at or line.ended_at
        how = f"exit {run.exit_code}" if run.ended_at else "has not ended"
        says = f"{run.command}, {_clock(run.started_at)} to {_clock(ended_at)}, {how}"
        if run.started_at <= line.ended_at:
            yield _mark(line, run.started_at, ended_at, says)


def _ticks(line: Timeline) -> Iterator[Mark]:
    whole = line.steps * line.step_s
    days = 86_400 * -(-whole // (86_400 * _MOST_TICKS))
    every = next((each for each in _TICKS_S if whole / each <= _MOST_TICKS), days)
    here = line.began_at.astimezone()
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + timedelta(
        seconds=every * -(-int((here - midnight).total_seconds()) // every)
    )
    while (x := (moment - here).total_seconds() / whole * 100) <= _LAST_LABEL:
        said = "%H:%M:%S" if every < 60 else "%H:%M"
        yield Mark(x, 0, moment.strftime(said if every < 86_400 else "%d %b"))
        moment += timedelta(seconds=every)


def format_step(step_s: int) -> str:
    """Write a step of time in a word or two: `a minute`, `5 min`, `an hour`."""
    units = ((86_400, "a day", "days"), (3_600, "an hour", "h"), (60, "a minute", "min"))
    for seconds, one, many in units:
        if step_s % seconds == 0:
            return one if step_s == seconds else f"{step_s // seconds} {many}"
    return "a second" if step_s == 1 else f"{step_s} s"


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M:%S")
