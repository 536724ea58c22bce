"""What may be done to a row on purpose is decided from its job alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.exits import Exit
from batchdub.models import Job, JobKey, Source
from batchdub.run.judging import Refused, exit_of, judge, refusal
from batchdub.states import Event, JobState
from tests.ledger.support import all_but

ALLOWED = {
    Event.RETRY: {JobState.FAILED, JobState.REJECTED},
    Event.REORDER: {JobState.COMPLETED, JobState.FAILED, JobState.REJECTED},
    Event.CANCEL: {JobState.PENDING},
}
JOBS = st.builds(
    Job,
    job_id=st.integers(1, 9),
    key=st.builds(JobKey, st.sampled_from("abc"), st.integers(1, 3)),
    state=st.sampled_from(JobState),
    media_key=st.just("m1:0"),
    source=st.just(Source("tonight.csv", 2)),
)


def job(state, **known):
    return Job(1, JobKey("S01"), state, "m1:0", Source("tonight.csv", 2), **known)


@pytest.mark.parametrize("event", ALLOWED)
@pytest.mark.parametrize("state", JobState)
def test_only_an_end_that_can_be_done_again_is(state, event):
    """What is completed, on its way or in doubt is never retried; the reason says what it is."""
    assert (refusal(job(state), event) == "") is (state in ALLOWED[event])


@pytest.mark.parametrize(
    ("state", "event", "says"),
    [
        (JobState.COMPLETED, Event.RETRY, "`batchdub reorder --id S01 --reason TEXT` orders it"),
        (JobState.SUBMITTED, Event.RETRY, "it is ordered as request r1, and that has not ended"),
        (JobState.IN_DOUBT, Event.RETRY, "may be ordered already: `batchdub reconcile`"),
        (JobState.IN_DOUBT, Event.CANCEL, "`batchdub reconcile --cancel S01` decides"),
        (JobState.SENDING, Event.RETRY, "on the wire"),
        (JobState.PENDING, Event.RETRY, "`batchdub resume` orders it"),
        (JobState.CANCELLED, Event.RETRY, "it was taken out"),
        (JobState.CANCELLED, Event.REORDER, "it was taken out"),
        (JobState.REJECTED, Event.CANCEL, "`batchdub retry --id S01`"),
    ],
)
def test_a_refusal_says_why_and_what_may_be_done(state, event, says):
    """A person sees at once whether they meant another command."""
    assert says in refusal(job(state, request_id="r1"), event)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.REJECTED])
def test_a_row_with_a_further_order_is_seen_to_first(state):
    """The duplicate may be the very dub that is wanted."""
    assert "--acknowledge r9" in refusal(job(state), Event.RETRY, ["r9"])


def test_a_pending_row_with_a_further_order_may_be_taken_out():
    """That buys nothing."""
    assert refusal(job(JobState.PENDING), Event.CANCEL, ["r9"]) == ""


@given(st.lists(JOBS), st.sampled_from(list(ALLOWED)), st.sets(st.sampled_from("abc")))
def test_every_job_is_granted_or_refused_with_a_reason(jobs, event, doubled):
    """None falls out, none comes twice, and the order is kept."""
    judged = judge(jobs, event, {name: ["r9"] for name in doubled})

    granted, refused = list(judged.granted), [each.job for each in judged.refused]
    assert [each for each in jobs if each in granted] == granted
    assert len(granted) + len(refused) == len(jobs)
    assert all(each.state in ALLOWED[event] for each in granted)
    assert all(each.why for each in judged.refused)
    if event is not Event.CANCEL:
        assert not any(each.key.reference_id in doubled for each in granted)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([], Exit.DONE),
        (all_but(*JobState), Exit.DONE),
        ([JobState.COMPLETED, JobState.SUBMITTED, JobState.PENDING], Exit.DONE),
        ([JobState.COMPLETED, JobState.FAILED], Exit.ROWS_FAILED),
        ([JobState.FAILED, JobState.IN_DOUBT], Exit.NEEDS_A_LOOK),
        ([JobState.SENDING], Exit.NEEDS_A_LOOK),
    ],
)
def test_where_nothing_is_done_the_exit_code_is_that_of_the_rows(states, code):
    """As after a run: it describes how they stand."""
    assert exit_of([Refused(job(state), "so") for state in states]) is code
    assert exit_of([], duplicates=True) is Exit.NEEDS_A_LOOK
