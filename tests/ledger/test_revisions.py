"""Ordering a row again on purpose: the next revision, or the same one where nothing was paid."""

from __future__ import annotations

import sqlite3

import pytest

from batchdub.errors import IllegalTransitionError
from batchdub.ledger import check_ledger
from batchdub.states import IN_PLACE_UNLESS_ORDERED, NEXT_REVISION, Event, JobState
from tests.ledger.support import (
    PERSON,
    accepted,
    all_but,
    attempt,
    bring_to,
    make_row,
    remote,
    state_of,
)

COPIED = (
    "reference_id, media_key, video_url, audio_url, video_hash, audio_hash, manifest_id, line,"
    " position"
)
COPY = "INSERT INTO jobs (COPIED, {columns}) SELECT COPIED, {values} FROM jobs".replace(
    "COPIED", COPIED
)


def again(ledger, job_id, event, reference_id="S02E07-ja"):
    with ledger.transaction():
        return ledger.next_revision(
            job_id, event, PERSON, make_row(reference_id), manifest_id=1, position=2
        )


@pytest.mark.parametrize(("state", "event"), sorted(NEXT_REVISION))
def test_an_ended_order_is_ordered_again_as_the_next_revision(ledger, job_id, state, event):
    """The old order may have been paid, so it stays as it ended, and the new one is told apart."""
    bring_to(ledger, job_id, state)

    new_id = again(ledger, job_id, event)

    latest = ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"]
    assert (latest.job_id, latest.state, latest.key.sent_as) == (
        new_id, JobState.PENDING, "S02E07-ja~r2",
    )  # fmt: skip
    assert state_of(ledger, job_id) is state
    move = ledger.history("S02E07-ja")["transitions"][-1]
    assert (move["revision"], move["from_state"], move["event"], move["to_state"]) == (
        2, state, event, "pending",
    )  # fmt: skip
    assert (move["actor"], move["note"]) == (PERSON.name, PERSON.note)
    assert check_ledger(ledger) == []


def test_a_third_order_is_revision_three(ledger, job_id):
    """Each revision is its own order with its own request_id."""
    bring_to(ledger, job_id, JobState.FAILED)
    second = again(ledger, job_id, Event.RETRY)
    bring_to(ledger, second, JobState.COMPLETED)

    third = again(ledger, second, Event.REORDER)
    attempt(ledger, third, accepted("request-third"))

    assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].key.sent_as == "S02E07-ja~r3"
    assert ledger.counts() == {JobState.SUBMITTED: 1}
    assert check_ledger(ledger) == []


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", JobState)
def test_a_next_revision_needs_an_ended_order(ledger, job_id, state, event):
    """From any other state the row is, or may be, ordered already under this revision."""
    if (state, event) in NEXT_REVISION:
        return
    bring_to(ledger, job_id, state)

    with pytest.raises(IllegalTransitionError):
        again(ledger, job_id, event)

    assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].key.revision == 1


def test_a_revision_gives_way_once(ledger, job_id):
    """Two people who retry the same failed job make one new order, not two."""
    bring_to(ledger, job_id, JobState.FAILED)
    again(ledger, job_id, Event.RETRY)

    with pytest.raises(IllegalTransitionError, match="not the latest"):
        again(ledger, job_id, Event.RETRY)


def test_a_next_revision_is_of_the_same_row(ledger, job_id):
    """A row of another name would be ordered under a history that is not its own."""
    bring_to(ledger, job_id, JobState.FAILED)

    with pytest.raises(IllegalTransitionError, match="`other`"):
        again(ledger, job_id, Event.RETRY, "other")


def test_a_rejected_job_is_retried_in_place(ledger, job_id):
    """It was refused unpaid: there is no order to tell apart."""
    bring_to(ledger, job_id, JobState.REJECTED)

    with ledger.transaction():
        ledger.put_back(job_id, JobState.REJECTED, PERSON)

    job = ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"]
    assert (job.state, job.key.revision, job.error) == (JobState.PENDING, 1, None)
    assert check_ledger(ledger) == []


@pytest.mark.parametrize(("state", "event"), sorted(IN_PLACE_UNLESS_ORDERED))
def test_what_was_ordered_after_all_goes_on_as_the_next_revision(ledger, job_id, state, event):
    """An order stands under its reference_id: a second one there could not be told apart."""
    bring_to(ledger, job_id, state)
    with ledger.transaction():
        ledger.record_other(job_id, remote("late"), "duplicate")
        ledger.acknowledge("late", PERSON)

    with pytest.raises(IllegalTransitionError, match="ordered after all"), ledger.transaction():
        ledger.put_back(job_id, state, PERSON)
    again(ledger, job_id, event)

    latest = ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"]
    assert (latest.key.sent_as, latest.state) == ("S02E07-ja~r2", JobState.PENDING)
    assert state_of(ledger, job_id) is state
    assert check_ledger(ledger) == []


def test_an_older_revision_is_never_put_back(ledger, job_id):
    """It would be sent under its old name, beside the one that took its place."""
    bring_to(ledger, job_id, JobState.REJECTED)
    again(ledger, job_id, Event.REORDER)

    with pytest.raises(IllegalTransitionError, match="later revision"), ledger.transaction():
        ledger.put_back(job_id, JobState.REJECTED, PERSON)


def test_a_job_that_was_taken_out_is_put_back_in_place(ledger, job_id):
    """The rights are cleared after all; nothing was ordered meanwhile."""
    bring_to(ledger, job_id, JobState.CANCELLED)

    with ledger.transaction():
        ledger.put_back(job_id, JobState.CANCELLED, PERSON)

    job = ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"]
    assert (job.state, job.key.revision) == (JobState.PENDING, 1)
    move = ledger.history("S02E07-ja")["transitions"][-1]
    assert (move["event"], move["actor"], move["note"]) == ("retry", PERSON.name, PERSON.note)
    assert check_ledger(ledger) == []


def test_a_job_that_was_taken_out_in_doubt_is_never_put_back(ledger, job_id):
    """Its order may exist: a second one would be paid. SQLite keeps this rule, too."""
    bring_to(ledger, job_id, JobState.IN_DOUBT)
    with ledger.transaction():
        ledger.cancel(job_id, JobState.IN_DOUBT, PERSON)

    with pytest.raises(IllegalTransitionError, match="in doubt"), ledger.transaction():
        ledger.put_back(job_id, JobState.CANCELLED, PERSON)

    job = ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"]
    assert (job.state, job.may_be_ordered) == (JobState.CANCELLED, True)


def test_the_check_finds_one_that_was_put_back_all_the_same(ledger, job_id):
    """As another program may have written it, around the guards."""
    bring_to(ledger, job_id, JobState.IN_DOUBT)
    with ledger.transaction():
        ledger.cancel(job_id, JobState.IN_DOUBT, PERSON)
    ledger._connection.execute("DROP TRIGGER doubtful_stays_cancelled")
    with ledger.transaction():
        ledger.put_back(job_id, JobState.CANCELLED, PERSON)

    assert any("was in doubt when it was taken out" in found for found in check_ledger(ledger))


@pytest.mark.parametrize("state", all_but(JobState.REJECTED))
def test_only_a_rejected_job_is_retried_in_place(ledger, job_id, state):
    """A failed one may have been paid; the others are not over."""
    bring_to(ledger, job_id, state)

    with pytest.raises(IllegalTransitionError), ledger.transaction():
        ledger.put_back(job_id, JobState.REJECTED, PERSON)

    assert state_of(ledger, job_id) is state


@pytest.mark.parametrize(
    "state",
    all_but(JobState.FAILED, JobState.COMPLETED, JobState.REJECTED, JobState.CANCELLED),
)
def test_sqlite_lets_no_other_state_give_way(ledger, job_id, state):
    """The same rule for raw SQL."""
    bring_to(ledger, job_id, state)

    with pytest.raises(sqlite3.IntegrityError, match="only an ended order"):
        ledger._connection.execute("UPDATE jobs SET latest = 0")


@pytest.mark.parametrize(("revision", "latest"), [(1, 1), (2, 1), (2, 0), (3, 1)])
def test_sqlite_lets_no_second_latest_in(ledger, job_id, revision, latest):
    """One row has one latest revision, and no number is left out."""
    bring_to(ledger, job_id, JobState.FAILED)

    with pytest.raises(sqlite3.IntegrityError):
        ledger._connection.execute(
            COPY.format(columns="revision, latest", values="?, ?"), (revision, latest)
        )


def test_sqlite_lets_no_number_be_left_out(ledger, job_id):
    """r3 without an r2 would be an order that nobody decided."""
    bring_to(ledger, job_id, JobState.FAILED)
    ledger._connection.execute("UPDATE jobs SET latest = 0")

    with pytest.raises(sqlite3.IntegrityError, match="later or open revision"):
        ledger._connection.execute(COPY.format(columns="revision", values="3"))


def test_sqlite_moves_no_revision_without_a_decision(ledger, job_id):
    """A second order is bought on purpose: who decided comes before the first intent."""
    bring_to(ledger, job_id, JobState.FAILED)
    with ledger.transaction():
        ledger._connection.execute("UPDATE jobs SET latest = 0")
        ledger._connection.execute(COPY.format(columns="revision", values="2"))

    with pytest.raises(IllegalTransitionError), ledger.transaction():
        ledger.begin_attempt(job_id + 1)
