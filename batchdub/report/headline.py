"""The one line over a report: how many rows are ordered, and how many need somebody."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from batchdub.states import ORDERED, JobState


class Standing(StrEnum):
    """What a state means to whoever reads the report: one word more than the state for `held`."""

    DONE = "done"
    """Completed."""
    WAITING = "waiting"
    """At the API, or still to be ordered: it goes on by itself or with the next run."""
    NEEDS_YOU = "needs you"
    """Failed, rejected, in doubt, or held back: it does not go on by itself."""
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


def standing_of(state: JobState, *, held: bool) -> Standing:
    """Say what a job's state means; a pending job that is held waits for a person."""
    return Standing.NEEDS_YOU if held and state is JobState.PENDING else _STANDINGS[state]


def headline(counts: Mapping[tuple[JobState, bool], int]) -> str:
    """Say it of jobs counted by state and by whether they are held: `412 of 430 ordered, …`.

    The rows that a person has taken out are not among them.
    """
    rows = sum(number for (state, _), number in counts.items() if state is not JobState.CANCELLED)
    ordered = sum(number for (state, _), number in counts.items() if state in ORDERED)
    need = sum(
        number
        for (state, held), number in counts.items()
        if standing_of(state, held=held) is Standing.NEEDS_YOU
    )
    if not rows:
        return "no rows to order"
    said = f"{ordered:,} of {rows:,} ordered"
    if need:
        return f"{said}, {need:,} {'needs' if need == 1 else 'need'} you"
    return f"{said}, none needs you"
