"""The transition table is DESIGN's, and nothing moves outside it."""

from __future__ import annotations

from itertools import product

import pytest

from batchdub.errors import BatchdubError, IllegalTransitionError
from batchdub.states import (
    NEXT_REVISION,
    ORDERED,
    SPENT,
    TRANSITIONS,
    Event,
    JobState,
    next_state,
)

LEGAL = """
pending send sending
pending found submitted
pending cancel cancelled
sending not_sent pending
sending turned_away pending
sending refused rejected
sending accepted submitted
sending lost in_doubt
in_doubt found submitted
in_doubt absent pending
in_doubt cancel cancelled
submitted completed completed
submitted failed failed
submitted disputed in_doubt
rejected retry pending
failed retry pending
cancelled retry pending
completed reorder pending
failed reorder pending
rejected reorder pending
"""
_TABLE = {
    (JobState(state), Event(event)): JobState(after)
    for state, event, after in (line.split() for line in LEGAL.strip().splitlines())
}


def test_the_table_is_the_one_that_was_promised():
    """Written out here a second time, so that a slip in one place is seen."""
    assert dict(TRANSITIONS) == _TABLE


@pytest.mark.parametrize(("state", "event"), list(product(JobState, Event)))
def test_every_pair_of_state_and_event_is_legal_or_refused(state, event):
    """F-90: an illegal move must stop us, and must not look like something a user can mend."""
    if (state, event) in _TABLE:
        assert next_state(state, event) is _TABLE[state, event]
        return
    with pytest.raises(IllegalTransitionError, match=f"a {state} job cannot take `{event}`"):
        next_state(state, event)
    assert not issubclass(IllegalTransitionError, BatchdubError)


def test_in_doubt_is_left_only_by_reconcile_or_a_person():
    """No answer to a new order can settle an old one."""
    ways_out = {event for state, event in TRANSITIONS if state is JobState.IN_DOUBT}

    assert ways_out == {Event.FOUND, Event.ABSENT, Event.CANCEL}


def test_only_a_pending_job_is_sent():
    """Whatever may have been ordered must first be put back, on purpose."""
    assert [state for state, event in TRANSITIONS if event is Event.SEND] == [JobState.PENDING]


def test_what_may_have_been_paid_counts_as_spent():
    """A cap that forgets what is in doubt is no cap."""
    assert {JobState.SENDING, JobState.IN_DOUBT} <= SPENT
    assert ORDERED < SPENT
    assert SPENT.isdisjoint({JobState.PENDING, JobState.REJECTED, JobState.CANCELLED})


def test_a_further_order_of_what_was_ordered_is_a_new_revision():
    """An old order must never be taken for the new one."""
    again = {move for move in TRANSITIONS if move[0] in ORDERED and TRANSITIONS[move] == "pending"}

    assert again <= NEXT_REVISION


def test_what_was_tried_never_changes_its_media():
    """Whoever looks an old try up must find what was tried; so other media are a new revision."""
    reorders = {move for move in TRANSITIONS if move[1] is Event.REORDER}

    assert reorders < NEXT_REVISION
    assert {state for state, _ in reorders} == {"completed", "failed", "rejected"}


def test_every_state_can_be_reached():
    """A state that nothing leads to would be a mistake in the table."""
    assert set(TRANSITIONS.values()) == set(JobState)
