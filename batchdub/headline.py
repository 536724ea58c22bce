"""The one line over a night: how many rows are ordered, and how many need somebody.

What a row means to a person is decided here and nowhere else, so that the end of a run, `status`,
the message to others and every report say the same of the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from batchdub.states import ORDERED, JobState

NO_ROWS = "no rows to order"


class Standing(StrEnum):
    """What a state means to whoever reads of it: one word more than the state for `held`."""

    DONE = "done"
    """Completed."""
    WAITING = "waiting"
    """At the API, or still to be ordered: it goes on by itself or with the next run."""
    NEEDS_YOU = "needs you"
    """Failed, rejected, in doubt, held back, or ordered twice: it does not go on by itself."""
    OUT = "taken out"
    """Cancelled."""


_STANDINGS: Mapping[JobState, Standing] = {
    JobState.PENDING: Standing.WAITING,
    JobState.SENDING: Standing.WAITING,
    JobState.SUBMITTED: Standing.WAITING,
    JobState.COMPLETED: Standing.DONE,
    JobState.CANCELLED: Standing.OUT,
    JobState.IN_DOUBT: Standing.NEEDS_YOU,
    JobState.REJECTED: Standing.NEEDS_YOU,
    JobState.FAILED: Standing.NEEDS_YOU,
}
_TO_ORDER = frozenset({JobState.PENDING, JobState.SENDING})


def standing_of(state: JobState, *, held: bool, doubled: bool = False) -> Standing:
    """Say what a job's state means.

    A pending job that is held waits for a person, and so does a `doubled` one of any state: a
    further order was found beside it, and nobody has acknowledged that.
    """
    if doubled or (held and state is JobState.PENDING):
        return Standing.NEEDS_YOU
    return _STANDINGS[state]


Counts = Mapping[tuple[JobState, bool], int]
"""How many jobs there are by state, and by whether they are held."""


def headline(counts: Counts, doubled: Counts | None = None, besides: int = 0) -> str:
    """Say it of jobs: `412 of 430 ordered, 18 need you`; where nobody is needed, how many wait.

    `doubled` are those of them that have a further order. `besides` are rows that need somebody
    and have no job: in conflict with what was ordered, or left out as invalid. Rows that a person
    has taken out are not counted.
    """
    twice = Counter(doubled or {})
    rows, ordered, need, wait = besides, 0, besides, 0
    for part, is_doubled in ((Counter(counts) - twice, False), (twice, True)):
        for (state, held), number in part.items():
            standing = standing_of(state, held=held, doubled=is_doubled)
            if standing is Standing.OUT:
                continue
            rows += number
            ordered += number if state in ORDERED else 0
            need += number if standing is Standing.NEEDS_YOU else 0
            wait += number if standing is Standing.WAITING and state in _TO_ORDER else 0
    if not rows:
        return NO_ROWS
    said = f"{ordered:,} of {rows:,} ordered"
    if need:
        return f"{said}, {need:,} {'needs' if need == 1 else 'need'} you"
    if wait:
        return f"{said}, {wait:,} {'waits' if wait == 1 else 'wait'}"
    return f"{said}, none needs you"
