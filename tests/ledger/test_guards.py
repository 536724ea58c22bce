"""Each invariant of the ledger stands in SQLite itself: raw SQL from any program meets it."""

from __future__ import annotations

import sqlite3

import pytest

from batchdub.states import Event, JobState
from tests.ledger.support import (
    ENDS,
    PERSON,
    accepted,
    add_jobs,
    all_but,
    attempt,
    bring_to,
    make_row,
    remote,
    state_of,
)


@pytest.fixture
def refused(ledger):
    """Run raw SQL that a guard must refuse, and give the guard's words."""

    def run(sql, *values):
        with pytest.raises(sqlite3.IntegrityError) as caught:
            ledger._connection.execute(sql, values)
        return str(caught.value)

    return run


def test_an_attempt_is_settled_once(ledger, job_id, refused):
    """A late second outcome must not rewrite what was acted upon."""
    attempt(ledger, job_id, ENDS[Event.LOST])

    assert refused("UPDATE attempts SET event = 'accepted'") == "attempt already settled"
    assert refused("UPDATE attempts SET message = 'other'") == "attempt already settled"


def test_a_job_has_one_open_attempt_at_most(ledger, job_id, refused):
    """Two open attempts would be two POSTs for one row."""
    bring_to(ledger, job_id, JobState.SENDING)

    insert = "INSERT INTO attempts (job_id, attempt_no, run_id, intended_at) VALUES (?, ?, ?, ?)"
    assert refused(insert, job_id, 2, "run-1", "now") == "an attempt starts open"
    ledger._connection.execute("DROP TRIGGER attempt_starts_open")
    assert "UNIQUE" in refused(insert, job_id, 2, "run-1", "now")


@pytest.mark.parametrize("state", all_but(JobState.PENDING))
def test_an_attempt_begins_only_from_pending(ledger, job_id, refused, state):
    """Whatever the caller believes, only a job that is free to be sent may be sent."""
    bring_to(ledger, job_id, state)

    assert refused(
        "INSERT INTO attempts (job_id, attempt_no, run_id, intended_at)"
        " SELECT job_id, attempts + 1, 'run-1', 'now' FROM jobs"
    ) == "an attempt starts open"  # fmt: skip


def test_an_attempt_cannot_begin_settled_or_out_of_turn(ledger, job_id, refused):
    """An attempt without an intent, or a number left out, would be history made up later."""
    columns = "INSERT INTO attempts (job_id, attempt_no, run_id, intended_at, event)"

    assert refused(f"{columns} VALUES (?, 1, 'run-1', 'now', 'accepted')", job_id)
    assert refused(f"{columns} VALUES (?, 2, 'run-1', 'now', NULL)", job_id)
    assert refused(f"{columns} VALUES (?, 0, 'run-1', 'now', NULL)", job_id)


def test_an_attempt_ends_as_attempts_can(ledger, job_id, refused):
    """An event that ends no attempt would leave a job that no rule can move."""
    bring_to(ledger, job_id, JobState.SENDING)

    assert "CHECK" in refused("UPDATE attempts SET event = 'reorder'")


def test_an_intent_is_final(ledger, job_id, refused):
    """When it was tried and by which run is what reconcile reasons from, and caps by its cost."""
    bring_to(ledger, job_id, JobState.SENDING)

    assert refused("UPDATE attempts SET intended_at = 'later'") == "an intent is final"
    assert refused("UPDATE attempts SET job_id = 2") == "an intent is final"
    assert refused("UPDATE attempts SET cost = 1") == "an intent is final"


def test_a_job_is_sending_only_with_an_intent(ledger, job_id, refused):
    """The intent on disk is what a crash leaves behind to be found."""
    assert refused(
        "INSERT INTO transitions (job_id, event, from_state, to_state, at)"
        " VALUES (?, 'send', 'pending', 'sending', 'now')", job_id,
    ) == "sending without an open attempt"  # fmt: skip


def test_a_job_leaves_sending_as_its_attempt_ended(ledger, job_id, refused):
    """The two records of one outcome cannot tell different things."""
    bring_to(ledger, job_id, JobState.SENDING)
    leave = (
        "INSERT INTO transitions (job_id, event, from_state, to_state, at)"
        " VALUES (?, 'not_sent', 'sending', 'pending', 'now')"
    )

    assert refused(leave, job_id) == "the attempt has not ended so"
    ledger._connection.execute("UPDATE attempts SET event = 'lost'")
    assert refused(leave, job_id) == "the attempt has not ended so"


def test_a_state_changes_only_by_a_recorded_move(ledger, job_id, refused):
    """F-90: every change of state leaves a row in `transitions`, whoever makes it."""
    assert refused("UPDATE jobs SET state = 'cancelled'") == "state changed without a transition"
    attempt(ledger, job_id, ENDS[Event.NOT_SENT])
    assert refused("UPDATE jobs SET state = 'pending'") == "state changed without a transition"


def test_every_change_of_state_is_recorded(ledger, job_id):
    """The history is what a person, an audit and `ledger check` read."""
    attempt(ledger, job_id, ENDS[Event.LOST])
    with ledger.transaction():
        ledger.settle_absent(job_id, PERSON)

    moves = ledger.history("S02E07-ja")["transitions"]

    assert [(move["from_state"], move["event"], move["to_state"]) for move in moves] == [
        ("pending", "send", "sending"),
        ("sending", "lost", "in_doubt"),
        ("in_doubt", "absent", "pending"),
    ]
    assert [move["actor"] for move in moves] == [None, None, "ana"]
    assert {move["run_id"] for move in moves} == {"run-1"}


@pytest.mark.parametrize("table", ["jobs", "attempts", "transitions"])
def test_history_cannot_be_deleted(ledger, job_id, refused, table):
    """A row that is gone would be ordered again."""
    attempt(ledger, job_id, ENDS[Event.LOST])

    words = refused(f"DELETE FROM {table}")  # noqa: S608  our own table names

    assert words == f"{table} are kept"


def test_history_cannot_be_replaced(ledger, job_id, refused):
    """REPLACE deletes first; our connections let the guards see that."""
    attempt(ledger, job_id, ENDS[Event.LOST])

    words = refused(
        "INSERT OR REPLACE INTO transitions"
        " SELECT transition_id, job_id, 'absent', 'in_doubt', 'pending', at, run_id, actor, note"
        " FROM transitions WHERE transition_id = 1"
    )

    assert words == "transitions are kept"


def test_history_cannot_be_rewritten(ledger, job_id, refused):
    """Neither what happened nor which row it happened to."""
    attempt(ledger, job_id, ENDS[Event.LOST])

    assert refused("UPDATE transitions SET at = 'earlier'") == "transitions are final"
    assert refused("UPDATE jobs SET reference_id = 'other'") == "a job keeps its identity"
    assert refused("UPDATE jobs SET revision = 2") == "a job keeps its identity"
    assert refused("UPDATE jobs SET media_key = 'm1:0'") == "a job that was tried keeps its media"


def test_a_job_starts_pending_and_unordered(ledger, job_id, refused):
    """A job that starts further on would have a state without a history."""
    copied = "video_url, audio_url, video_hash, audio_hash, manifest_id, line, position"
    insert = (
        f"INSERT INTO jobs (reference_id, media_key, {copied}, {{}}) SELECT 'new', 'm', {copied}"
    )

    for column, value in (("state", "'submitted'"), ("request_id", "'r'"), ("attempts", "1")):
        assert refused(f"{insert.format(column)}, {value} FROM jobs") == "a job starts pending"


def test_submitted_means_that_a_request_id_is_in_hand(ledger, job_id, refused):
    """Without one nobody could ever ask for the dub."""
    bring_to(ledger, job_id, JobState.SENDING)
    ledger._connection.execute("UPDATE attempts SET event = 'accepted'")

    assert refused(
        "INSERT INTO transitions (job_id, event, from_state, to_state, at)"
        " VALUES (?, 'accepted', 'sending', 'submitted', 'now')", job_id,
    ) == "submitted without a request_id"  # fmt: skip


@pytest.mark.parametrize("state", [JobState.SUBMITTED, JobState.COMPLETED, JobState.FAILED])
def test_a_job_and_revision_has_one_request_id(ledger, job_id, refused, state):
    """At most one accepted order per job and revision; only a dispute gives the id up."""
    bring_to(ledger, job_id, state)

    assert refused("UPDATE jobs SET request_id = 'other'") == "an order keeps its request_id"
    assert refused("UPDATE jobs SET request_id = NULL") == "an order keeps its request_id"


def test_a_request_is_one_jobs_order(ledger, refused):
    """Two rows that share a request would count one dub as two."""
    first, second = add_jobs(ledger, "a", "b")
    attempt(ledger, first, accepted("shared"))

    assert "UNIQUE" in refused("UPDATE jobs SET request_id = 'shared' WHERE job_id = ?", second)


def test_a_request_is_an_order_or_another_never_both(ledger, job_id, refused):
    """A duplicate that also counted as the order would hide itself."""
    with ledger.transaction():
        ledger.record_other(None, remote("theirs"), "not_ours")
    attempt(ledger, job_id, accepted("ours"))

    assert refused("UPDATE jobs SET request_id = 'theirs'", *()) in {
        "the request is recorded as another",
        "an order keeps its request_id",
    }
    assert refused(
        "INSERT INTO other_requests (request_id, reference_id, created_at, kind, seen_at)"
        " VALUES ('ours', 'x', 'now', 'duplicate', 'now')"
    ) == "the request is the order of a job"  # fmt: skip


def test_foreign_keys_hold(ledger, refused):
    """SQLite leaves them off unless each connection asks for them."""
    assert "FOREIGN KEY" in refused(
        "INSERT INTO jobs (reference_id, media_key, video_url, audio_url, video_hash,"
        " audio_hash, manifest_id, line, position)"
        " VALUES ('x', 'm1:0', 'v', 'a', 'v', 'a', 99, 1, 1)"
    )


def test_media_may_change_only_before_the_first_try(ledger, job_id):
    """Until then nothing was ordered under the old media, so a corrected link is no conflict."""
    corrected = make_row("S02E07-ja", query="?take=2")

    with ledger.transaction():
        ledger.replace_media([corrected])
    assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].media_key != make_row().media_key

    attempt(ledger, job_id, ENDS[Event.NOT_SENT])
    with ledger.transaction():
        ledger.replace_media([make_row("S02E07-ja", query="?take=3")])
    assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].media_key == corrected.media_key


def test_a_refused_change_leaves_the_job_as_it_was(ledger, job_id, refused):
    """RAISE(ABORT) undoes the statement, triggers and all."""
    refused("UPDATE jobs SET state = 'sending', held = 'no'")

    assert state_of(ledger, job_id) is JobState.PENDING
    assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].held is None
