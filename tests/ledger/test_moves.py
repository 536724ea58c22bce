"""The table of moves is kept twice, by Python and by SQLite, and the two agree on every pair."""

from __future__ import annotations

import itertools
import sqlite3

import pytest

from batchdub.errors import IllegalTransitionError
from batchdub.states import NEXT_REVISION, TRANSITIONS, Event, JobState, next_state
from tests.ledger.support import add_jobs, bring_to, state_of

PAIRS = list(itertools.product(JobState, Event))


@pytest.fixture
def jobs(ledger):
    """One job in each state."""
    ids = add_jobs(ledger, *JobState)
    for job_id, state in zip(ids, JobState, strict=True):
        bring_to(ledger, job_id, state)
    return dict(zip(JobState, ids, strict=True))


def python_allows(state, event):
    try:
        return next_state(state, event)
    except IllegalTransitionError:
        return None


def sqlite_allows(ledger, job_id, state, event, to_state):
    """Record a move in raw SQL, with all that the other guards ask for, and take it back."""
    connection = ledger._connection
    connection.execute("BEGIN")
    try:
        _meet_other_guards(connection, job_id, state, event)
        connection.execute(
            "INSERT INTO transitions (job_id, event, from_state, to_state, at)"
            " VALUES (?, ?, ?, ?, '2026-03-01T22:00:00.000Z')",
            (job_id, event, state, to_state),
        )
        return state_of(ledger, job_id) == to_state
    except sqlite3.IntegrityError:
        return False
    finally:
        connection.execute("ROLLBACK")


def _meet_other_guards(connection, job_id, state, event):
    if state is JobState.SENDING and (state, event) in TRANSITIONS:
        connection.execute("UPDATE attempts SET event = ? WHERE job_id = ? AND event IS NULL",
                           (event, job_id))  # fmt: skip
    if state is JobState.PENDING:
        connection.execute(
            "INSERT INTO attempts (job_id, attempt_no, run_id, intended_at)"
            " VALUES (?, 1, 'run-1', '2026-03-01T22:00:00.000Z')",
            (job_id,),
        )
    if state in (JobState.PENDING, JobState.SENDING, JobState.IN_DOUBT):
        connection.execute("UPDATE jobs SET request_id = 'given' WHERE job_id = ?", (job_id,))


def test_sqlite_and_python_allow_the_same_moves(ledger, jobs):
    """A bug in one of them is then stopped by the other, for all 112 pairs and every end."""
    disagreements = []
    for (state, event), to_state in itertools.product(PAIRS, JobState):
        expected = python_allows(state, event) == to_state and (state, event) not in NEXT_REVISION
        if sqlite_allows(ledger, jobs[state], state, event, to_state) is not expected:
            disagreements.append((state, event, to_state))

    assert disagreements == []


def test_both_refuse_the_same_number_of_pairs():
    """The census: a move added to the table must be meant, so its size is written here too."""
    assert len(PAIRS) == 112
    assert sum(python_allows(*pair) is not None for pair in PAIRS) == len(TRANSITIONS) == 20


@pytest.mark.parametrize("pretended", JobState)
def test_a_move_from_a_state_that_the_job_is_not_in_is_refused(ledger, jobs, pretended):
    """Otherwise a slow writer could act on what it read before another one moved the job."""
    for state, job_id in jobs.items():
        for event in Event:
            to_state = python_allows(pretended, event)
            if state is pretended or to_state is None:
                continue
            with pytest.raises(sqlite3.IntegrityError):
                ledger._connection.execute(
                    "INSERT INTO transitions (job_id, event, from_state, to_state, at)"
                    " VALUES (?, ?, ?, ?, 'now')",
                    (job_id, event, pretended, to_state),
                )


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_the_store_moves_by_the_table(ledger, jobs, state, event):
    """The store's one way to move a job asks the table first, and the database has the last word.

    Where the table has the move, only a missing attempt or request_id may still stand against it.
    """
    legal = (state, event) in TRANSITIONS and (state, event) not in NEXT_REVISION
    with ledger.transaction():
        if legal:
            _meet_other_guards(ledger._connection, jobs[state], state, event)
            ledger._move(jobs[state], state, event)
            assert state_of(ledger, jobs[state]) is TRANSITIONS[state, event]
        else:
            with pytest.raises(IllegalTransitionError):
                ledger._move(jobs[state], state, event)
            assert state_of(ledger, jobs[state]) is state


def test_in_doubt_is_left_only_by_reconcile_or_a_person():
    """What may have been paid is settled by the API's books or by someone who answers for it."""
    ways_out = {event for state, event in TRANSITIONS if state is JobState.IN_DOUBT}

    assert ways_out == {Event.FOUND, Event.ABSENT, Event.CANCEL}
