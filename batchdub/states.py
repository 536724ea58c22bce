"""The states of a job and the only moves between them.

This table is the source. The ledger generates its SQLite guards from it, so that a move that is
not here is refused twice: by Python before it is tried, and by the database if it is tried.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from batchdub.errors import IllegalTransitionError

if TYPE_CHECKING:
    from collections.abc import Mapping


class JobState(StrEnum):
    """What the ledger knows of a job."""

    PENDING = "pending"
    """Not ordered, and free to be sent."""
    SENDING = "sending"
    """The intent is on disk; the POST may be on the wire."""
    IN_DOUBT = "in_doubt"
    """Sent, outcome unknown: only reconcile or a person may move it."""
    SUBMITTED = "submitted"
    """Ordered: a request_id is in hand."""
    COMPLETED = "completed"
    """The API says that the dub is done."""
    FAILED = "failed"
    """The API took the order and failed to fulfil it; it may have been paid."""
    REJECTED = "rejected"
    """The API refused the row itself; unpaid."""
    CANCELLED = "cancelled"
    """Taken out by the operator."""


class Event(StrEnum):
    """What moves a job from one state to another."""

    SEND = "send"
    """An attempt begins: the intent is committed."""
    NOT_SENT = "not_sent"
    """The attempt ended before any byte left."""
    TURNED_AWAY = "turned_away"
    """The API refused, and not because of the row."""
    REFUSED = "refused"
    """The API refused because of the row."""
    ACCEPTED = "accepted"
    """The API answered with a request_id."""
    LOST = "lost"
    """Nobody can tell from here whether the order exists."""
    FOUND = "found"
    """The API's list shows the order."""
    ABSENT = "absent"
    """The API's list has shown, twice and completely, that there is no order."""
    COMPLETED = "completed"
    """Polling: the dub is done."""
    FAILED = "failed"
    """Polling: the API could not make the dub."""
    DISPUTED = "disputed"
    """The request_id is unknown to the API or belongs to another reference_id."""
    CANCEL = "cancel"
    """The operator takes the job out."""
    RETRY = "retry"
    """The operator puts a rejected, failed or cancelled job back."""
    REORDER = "reorder"
    """The operator orders a job that has ended again, with a reason, perhaps with other media."""


TRANSITIONS: Mapping[tuple[JobState, Event], JobState] = {
    (JobState.PENDING, Event.SEND): JobState.SENDING,
    (JobState.PENDING, Event.FOUND): JobState.SUBMITTED,
    (JobState.PENDING, Event.CANCEL): JobState.CANCELLED,
    (JobState.SENDING, Event.NOT_SENT): JobState.PENDING,
    (JobState.SENDING, Event.TURNED_AWAY): JobState.PENDING,
    (JobState.SENDING, Event.REFUSED): JobState.REJECTED,
    (JobState.SENDING, Event.ACCEPTED): JobState.SUBMITTED,
    (JobState.SENDING, Event.LOST): JobState.IN_DOUBT,
    (JobState.IN_DOUBT, Event.FOUND): JobState.SUBMITTED,
    (JobState.IN_DOUBT, Event.ABSENT): JobState.PENDING,
    (JobState.IN_DOUBT, Event.CANCEL): JobState.CANCELLED,
    (JobState.SUBMITTED, Event.COMPLETED): JobState.COMPLETED,
    (JobState.SUBMITTED, Event.FAILED): JobState.FAILED,
    (JobState.SUBMITTED, Event.DISPUTED): JobState.IN_DOUBT,
    (JobState.REJECTED, Event.RETRY): JobState.PENDING,
    (JobState.FAILED, Event.RETRY): JobState.PENDING,
    (JobState.CANCELLED, Event.RETRY): JobState.PENDING,
    (JobState.COMPLETED, Event.REORDER): JobState.PENDING,
    (JobState.FAILED, Event.REORDER): JobState.PENDING,
    (JobState.REJECTED, Event.REORDER): JobState.PENDING,
}

NEXT_REVISION: frozenset[tuple[JobState, Event]] = frozenset(
    {
        (JobState.FAILED, Event.RETRY),
        (JobState.COMPLETED, Event.REORDER),
        (JobState.FAILED, Event.REORDER),
        (JobState.REJECTED, Event.REORDER),
    }
)
"""Moves that start the job's next revision instead of changing this one.

It may have been paid, or its media may be others now: what was tried keeps the media of its try.
"""

IN_PLACE_UNLESS_ORDERED: frozenset[tuple[JobState, Event]] = frozenset(
    {(JobState.REJECTED, Event.RETRY), (JobState.CANCELLED, Event.RETRY)}
)
"""Moves that change this revision, for it came to nothing, unless an order of it was found later.

Then they start the next one: two orders under one reference_id could not be told apart.
"""

ORDERED: frozenset[JobState] = frozenset({JobState.SUBMITTED, JobState.COMPLETED, JobState.FAILED})
"""States of a job whose order the API has taken."""

SPENT: frozenset[JobState] = ORDERED | {JobState.SENDING, JobState.IN_DOUBT}
"""States that count as spent against a cap: what may have been paid is counted as paid."""


def next_state(state: JobState, event: Event) -> JobState:
    """Give the state after `event`; IllegalTransitionError where there is no such move."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(f"a {state} job cannot take `{event}`") from None
