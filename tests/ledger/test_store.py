"""What each change does to a job, and that a commit is all or nothing."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from batchdub.errors import IllegalTransitionError, LedgerUnusableError, LedgerWriteError
from batchdub.ledger import PAID_REASON, check_ledger, open_for_reading
from batchdub.models import Cause, Outcome
from batchdub.states import Event, JobState
from tests.ledger.support import (
    ENDS,
    PERSON,
    START,
    accepted,
    add_jobs,
    attempt,
    bring_to,
    dying,
    make_row,
    no_file_may_grow_beyond,
    open_ledger,
    remote,
    state_of,
    tamper,
)


def job(ledger, reference_id="S02E07-ja"):
    return ledger.latest_jobs([reference_id])[reference_id]


# -- the paid path -----------------------------------------------------------------------------


def test_an_intent_is_seen_by_other_processes_once_begun(ledger, path, job_id):
    """Committed means on disk: that is what a crash leaves behind."""
    with ledger.transaction():
        begun = ledger.begin_attempt(job_id, START)

    assert (begun.job_id, begun.attempt_no) == (job_id, 1)
    with open_for_reading(path) as reader:
        assert job(reader).state is JobState.SENDING
        assert reader.ever_ordered()


def test_an_intent_that_is_not_committed_is_not_there(ledger, path, job_id):
    """F-92: nothing may be sent on the strength of it."""
    with pytest.raises(KeyboardInterrupt), dying(ledger):
        ledger.begin_attempt(job_id)

    assert job(ledger).state is JobState.PENDING
    assert not ledger.ever_ordered()


def test_a_job_begins_one_attempt_at_a_time(ledger, job_id):
    """A second worker that claims the same row must be told to send nothing."""
    bring_to(ledger, job_id, JobState.SENDING)

    with pytest.raises(IllegalTransitionError, match="nothing is sent"), ledger.transaction():
        ledger.begin_attempt(job_id)


def test_an_attempt_needs_a_run(path):
    """Every attempt says which run made it."""
    with open_ledger(path) as ledger:
        [job_id] = add_jobs(ledger, "a")
        ledger._run_id = None
        with pytest.raises(IllegalTransitionError), ledger.transaction():
            ledger.begin_attempt(job_id)


def test_an_accepted_order_has_its_request_id(ledger, job_id):
    """The id is the only way to ask for the dub."""
    attempt(ledger, job_id, accepted("r1"))

    found = job(ledger)
    assert (found.state, found.request_id, found.attempts) == (JobState.SUBMITTED, "r1", 1)
    assert found.submitted_at is not None


@pytest.mark.parametrize("event", ENDS)
def test_an_attempt_without_an_order_says_why(ledger, job_id, event):
    """The cause stays with the attempt, and the job shows the last one."""
    recorded = attempt(ledger, job_id, ENDS[event])

    assert recorded == ENDS[event]
    found = job(ledger)
    assert (found.request_id, found.error, found.submitted_at) == (None, recorded.message, None)
    [tried] = ledger.history("S02E07-ja")["attempts"]
    assert (tried["event"], tried["cause"], tried["http_status"]) == (
        event, recorded.cause, recorded.http_status,
    )  # fmt: skip


def test_an_id_beside_a_lost_outcome_is_no_order(ledger, job_id):
    """Only an accepted outcome may claim a request; the rest is for reconcile."""
    attempt(ledger, job_id, replace(ENDS[Event.LOST], request_id="maybe"))

    assert job(ledger).request_id is None
    assert set(ledger.request_ids()) == {"maybe"}


def test_an_attempt_is_ended_once(ledger, job_id):
    """The second outcome must fail loudly: acting on it could order again."""
    with ledger.transaction():
        begun = ledger.begin_attempt(job_id)
    with ledger.transaction():
        ledger.end_attempt(begun, ENDS[Event.LOST])

    with pytest.raises(IllegalTransitionError, match="settled already"), ledger.transaction():
        ledger.end_attempt(begun, accepted("r1"))
    assert job(ledger).state is JobState.IN_DOUBT


def test_a_success_without_an_id_is_held_for_a_person(ledger, job_id):
    """It was probably paid, so it is never ordered again by itself."""
    attempt(ledger, job_id, Outcome(Event.LOST, Cause.PAID_WITHOUT_ID, "200 without an id", 200))

    assert job(ledger).held == PAID_REASON
    assert [doubt.held for doubt in ledger.doubts()] == [PAID_REASON]


def test_a_request_id_given_to_two_rows_puts_both_in_doubt(ledger):
    """One of the two answers was swapped, and nobody can tell from here which."""
    first, second = add_jobs(ledger, "a", "b")
    attempt(ledger, first, accepted("shared"))

    recorded = attempt(ledger, second, accepted("shared"))

    assert recorded.event is Event.LOST
    assert {state_of(ledger, first), state_of(ledger, second)} == {JobState.IN_DOUBT}
    assert "shared" in (job(ledger, "a").error or "")
    assert "shared" in (job(ledger, "b").error or "")
    assert check_ledger(ledger) == []


def test_a_request_id_that_was_given_before_is_doubted_for_good(ledger):
    """A third row with the same id is no better off than the first two."""
    jobs = add_jobs(ledger, "a", "b", "c")
    for job_id in jobs:
        attempt(ledger, job_id, accepted("shared"))

    assert ledger.counts() == {JobState.IN_DOUBT: 3}
    assert check_ledger(ledger) == []


def test_a_completed_order_keeps_a_request_id_that_another_row_is_given(ledger):
    """The finished order is proven by its polls; only the newcomer is doubted."""
    first, second = add_jobs(ledger, "a", "b")
    bring_to(ledger, first, JobState.COMPLETED)

    attempt(ledger, second, accepted(f"request-{first}"))

    assert state_of(ledger, first) is JobState.COMPLETED
    assert state_of(ledger, second) is JobState.IN_DOUBT


def test_a_request_recorded_as_not_ours_is_not_taken_from_an_answer(ledger, job_id):
    """It existed before the order did, so it cannot be the order."""
    with ledger.transaction():
        ledger.record_other(None, remote("theirs"), "not_ours")

    attempt(ledger, job_id, accepted("theirs"))

    assert job(ledger).state is JobState.IN_DOUBT
    assert check_ledger(ledger) == []


def test_what_a_dead_process_left_sending_is_in_doubt(path):
    """The POST may have left; only the API's list can tell."""
    with open_ledger(path) as ledger:
        sent, waiting = add_jobs(ledger, "a", "b")
        bring_to(ledger, sent, JobState.SENDING)

    with open_ledger(path, "run-2") as ledger:
        with ledger.transaction():
            assert ledger.recover() == 1
        with ledger.transaction():
            assert ledger.recover() == 0
        assert state_of(ledger, sent) is JobState.IN_DOUBT
        assert state_of(ledger, waiting) is JobState.PENDING
        [tried] = ledger.history("a")["attempts"]
        assert (tried["run_id"], tried["cause"]) == ("run-1", Cause.CUT_SHORT)
        assert check_ledger(ledger) == []


# -- what the API's list shows -----------------------------------------------------------------


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.IN_DOUBT])
def test_an_order_that_the_list_shows_is_adopted(ledger, job_id, state):
    """It exists, so it is never sent again."""
    bring_to(ledger, job_id, state)

    with ledger.transaction():
        ledger.adopt(job_id, state, remote("r1", "processing"))

    found = job(ledger)
    assert (found.state, found.request_id, found.remote_status) == (
        JobState.SUBMITTED, "r1", "processing",
    )  # fmt: skip
    assert (found.submitted_at, found.error, found.held) == (START, None, None)
    assert check_ledger(ledger) == []


def test_a_request_that_another_row_claims_belongs_to_the_one_the_list_names(ledger):
    """Two rows cannot share one dub; and the row that lost its claim may be ordered or not."""
    first, second = add_jobs(ledger, "a", "b")
    attempt(ledger, first, accepted("r1"))

    with ledger.transaction():
        ledger.adopt(second, JobState.PENDING, remote("r1"))

    jobs = ledger.latest_jobs(["a", "b"])
    assert (jobs["a"].state, jobs["a"].request_id) == (JobState.IN_DOUBT, None)
    assert (jobs["b"].state, jobs["b"].request_id) == (JobState.SUBMITTED, "r1")
    assert check_ledger(ledger) == []


def test_the_order_of_a_job_that_has_ended_is_not_taken_away(ledger):
    first, second = add_jobs(ledger, "a", "b")
    attempt(ledger, first, accepted("r1"))
    with ledger.transaction():
        ledger.record_status(first, remote("r1"), Event.COMPLETED)

    with pytest.raises(IllegalTransitionError), ledger.transaction():
        ledger.adopt(second, JobState.PENDING, remote("r1"))
    assert ledger.taken_from(second, ["r1"]) == {"r1"}


def test_only_a_person_adopts_what_was_recorded_as_not_ours(ledger, job_id):
    """The rule that set it aside may be wrong; only someone who knows may say so."""
    with ledger.transaction():
        ledger.record_other(None, remote("old"), "not_ours")

    with pytest.raises(IllegalTransitionError), ledger.transaction():
        ledger.adopt(job_id, JobState.PENDING, remote("old"))
    with ledger.transaction():
        ledger.adopt(job_id, JobState.PENDING, remote("old"), PERSON)

    assert job(ledger).request_id == "old"
    assert check_ledger(ledger) == []


def test_an_absent_order_frees_its_row(ledger, job_id):
    """It was shown, twice and completely, that there is none."""
    bring_to(ledger, job_id, JobState.IN_DOUBT)
    with ledger.transaction():
        ledger.settle_absent(job_id)

    found = job(ledger)
    assert (found.state, found.error, found.held) == (JobState.PENDING, None, None)
    assert ledger.reached_before([job_id]) == {job_id}


def test_a_disputed_order_is_in_doubt_and_gives_up_its_id(ledger, job_id):
    """The id belongs to another row or to nobody; the row's own order may still exist."""
    attempt(ledger, job_id, accepted("r1"))

    with ledger.transaction():
        ledger.dispute(job_id, "its id answers 404")

    found = job(ledger)
    assert (found.state, found.request_id) == (JobState.IN_DOUBT, None)
    assert found.error == found.held == "its id answers 404"
    assert check_ledger(ledger) == []


def test_a_duplicate_stays_open_until_a_person_has_seen_it(ledger, job_id):
    """It cost money and cannot be undone, so it is told again every night until then."""
    attempt(ledger, job_id, accepted("r1"))
    with ledger.transaction():
        ledger.record_other(job_id, remote("r2"), "duplicate")
        ledger.record_other(job_id, remote("r2"), "duplicate")

    assert ledger.open_duplicates() == [("S02E07-ja", "r2")]
    assert ledger.explains(["r1", "r2", "r3"]) == {"r1", "r2"}
    with ledger.transaction():
        assert ledger.acknowledge("r2", PERSON)
        assert not ledger.acknowledge("r1", PERSON)
    assert ledger.open_duplicates() == []
    [other] = ledger.history("S02E07-ja")["others"]
    assert (other["acknowledged_by"], other["note"]) == (PERSON.name, PERSON.note)


# -- polling -----------------------------------------------------------------------------------


def test_an_unknown_status_is_kept_and_ends_nothing(ledger, job_id):
    """The API's word list is open; only `completed` and `failed` are over."""
    attempt(ledger, job_id, accepted("r1"))

    with ledger.transaction():
        ledger.record_status(job_id, remote("r1", "postprocessing"))

    assert (job(ledger).state, job(ledger).remote_status) == (JobState.SUBMITTED, "postprocessing")


def test_the_outputs_link_is_kept_without_its_signature(ledger, job_id, path):
    """A signed link is a key to the file, and the ledger holds no keys."""
    attempt(ledger, job_id, accepted("r1"))
    signed = "https://out.example.com/1.mp4?X-Amz-Algorithm=a&X-Amz-Signature=s3cr3t"
    done = replace(remote("r1", "completed"), output_url=signed, finished_at=START)

    with ledger.transaction():
        ledger.record_status(job_id, done, Event.COMPLETED)

    [row] = ledger.report_rows()
    assert row["output_url"] == "https://out.example.com/1.mp4"
    assert job(ledger).finished_at == START
    ledger.close()
    assert b"s3cr3t" not in path.read_bytes()


def test_an_output_that_is_no_link_is_not_kept(ledger, job_id):
    """What cannot be cut cannot be shown to hold no secret."""
    attempt(ledger, job_id, accepted("r1"))
    strange = replace(remote("r1", "failed"), output_url="http://[half", error_message="no face")

    with ledger.transaction():
        ledger.record_status(job_id, strange, Event.FAILED)

    [row] = ledger.report_rows()
    assert (row["output_url"], row["error"], row["state"]) == ("[not a URL]", "no face", "failed")
    assert job(ledger).finished_at is not None


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.COMPLETED, JobState.IN_DOUBT])
def test_only_a_submitted_job_is_ended_by_a_poll(ledger, job_id, state):
    """A late poll must not undo what was settled since."""
    bring_to(ledger, job_id, state)

    with pytest.raises(IllegalTransitionError), ledger.transaction():
        ledger.record_status(job_id, remote("r1", "failed"), Event.FAILED)
    with ledger.transaction():
        ledger.record_status(job_id, remote("r1", "queued"))
    assert job(ledger).state is state
    assert job(ledger).remote_status != "queued"


# -- decisions and rows ------------------------------------------------------------------------


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.IN_DOUBT])
def test_a_person_takes_a_job_out(ledger, job_id, state):
    """Who and why is part of the history."""
    bring_to(ledger, job_id, state)
    with ledger.transaction():
        ledger.hold(job_id, "link dies at 3:00")

    with ledger.transaction():
        ledger.cancel(job_id, state, PERSON)

    assert (job(ledger).state, job(ledger).held) == (JobState.CANCELLED, None)
    assert ledger.history("S02E07-ja")["transitions"][-1]["actor"] == PERSON.name


def test_secrets_in_urls_stay_out_of_the_file(ledger, path):
    """The ledger is mailed around and backed up; a signed link in it would go along."""
    row = replace(
        make_row("a"),
        video_url="https://ana:hunter2@cdn.example.com/a.mp4?Expires=9&Signature=s3cr3t"
        "&Key-Pair-Id=k3y1d",
        audio_url="https://cdn.example.com/a.wav?token=t0k3n&take=2",
    )
    with ledger.transaction():
        ledger.add_rows([(row, ledger.remember_manifest("tonight.csv", "a" * 64), 1)])
    ledger.close()

    stored = path.read_bytes()
    for secret in (b"hunter2", b"s3cr3t", b"k3y1d", b"t0k3n"):
        assert secret not in stored
    assert b"take=2" in stored


def test_a_row_is_one_job_however_often_it_is_added(ledger, job_id):
    """A second job for a row would be a second order."""
    with pytest.raises(IllegalTransitionError), ledger.transaction():
        ledger.add_rows([(make_row("new"), 1, 3), (make_row(), 1, 4)])

    assert ledger.counts() == {JobState.PENDING: 1}


def test_a_row_that_moved_is_the_same_job(ledger, job_id):
    """Rows are known by identity; where they stand is only for the reader."""
    with ledger.transaction():
        manifest_id = ledger.remember_manifest("tomorrow.csv", "b" * 64)
        ledger.move_rows([(make_row(line=9), manifest_id, 0)])

    found = job(ledger)
    assert (found.job_id, str(found.source)) == (job_id, "tomorrow.csv:9")


def test_a_manifest_is_remembered_once_and_shown_as_last_named(ledger, tmp_path, monkeypatch):
    """The same file from another folder is the same manifest."""
    monkeypatch.chdir(tmp_path)
    with ledger.transaction():
        first = ledger.remember_manifest("tonight.csv", "c" * 64)
        again = ledger.remember_manifest(str(tmp_path / "tonight.csv"), "c" * 64)
        other = ledger.remember_manifest("tonight.csv", "d" * 64)

    assert first == again != other


# -- commits -----------------------------------------------------------------------------------


def test_one_bad_change_of_a_group_undoes_only_itself(ledger):
    """One row's trouble must not take a hundred others' outcomes with it."""
    first, second, third = add_jobs(ledger, "a", "b", "c")
    bring_to(ledger, second, JobState.SUBMITTED)

    def half_then_refused():
        ledger.hold(second, "half done")
        ledger.begin_attempt(second)

    results = ledger.apply_group(
        [
            lambda: ledger.begin_attempt(first),
            half_then_refused,
            lambda: ledger.begin_attempt(third),
        ]
    )

    assert [isinstance(result, IllegalTransitionError) for result in results] == [
        False, True, False,
    ]  # fmt: skip
    assert job(ledger, "b").held is None
    assert ledger.counts() == {JobState.SENDING: 2, JobState.SUBMITTED: 1}
    assert check_ledger(ledger) == []


def test_a_guard_that_trips_in_a_group_undoes_only_its_change(ledger):
    """The database's refusal counts like Python's."""
    first, second = add_jobs(ledger, "a", "b")

    results = ledger.apply_group(
        [lambda: ledger.add_rows([(make_row("a"), 1, 5)]), lambda: ledger.hold(second, "later")]
    )

    assert isinstance(results[0], IllegalTransitionError)
    assert results[1] is None
    assert job(ledger, "b").held == "later"
    assert ledger.counts() == {JobState.PENDING: 2}
    assert first != second


def test_an_unexpected_error_undoes_the_whole_group(ledger):
    """After a bug nothing of the group can be trusted, and the caller must hear of it."""
    first, _ = add_jobs(ledger, "a", "b")

    with pytest.raises(ZeroDivisionError):
        ledger.apply_group([lambda: ledger.begin_attempt(first), lambda: 1 // 0])

    assert ledger.counts() == {JobState.PENDING: 2}


def test_a_commit_that_fails_undoes_the_group(ledger, path):
    """The disk refuses at the last moment: nothing of the group is there, here or on disk.

    The operating system's limit on a file's size makes the commit's own write fail for real.
    """
    jobs = add_jobs(ledger, *(f"row-{number}" for number in range(50)))

    ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    limit = no_file_may_grow_beyond(100)
    with limit, pytest.raises(LedgerWriteError, match="disk I/O error") as caught:
        ledger.apply_group([partial(ledger.begin_attempt, job_id) for job_id in jobs])

    assert caught.value.hint
    assert ledger.counts() == {JobState.PENDING: 50}
    with open_for_reading(path) as reader:
        assert reader.counts() == {JobState.PENDING: 50}
        assert not reader.ever_ordered()
        assert check_ledger(reader) == []


def test_a_full_disk_undoes_the_group_and_says_so(ledger, path):
    """F-78: SQLite's own limit on pages refuses exactly as a full disk does."""
    jobs = add_jobs(ledger, *(f"row-{number}" for number in range(200)))
    pages = next(ledger.ask("PRAGMA page_count"))[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(LedgerWriteError, match="the disk is full") as caught:
        ledger.apply_group([partial(ledger.begin_attempt, job_id) for job_id in jobs])

    assert str(path) in caught.value.message
    assert ledger.counts() == {JobState.PENDING: 200}
    ledger._connection.execute("PRAGMA max_page_count = 100000")
    with ledger.transaction():
        ledger.begin_attempt(jobs[0])
    assert check_ledger(ledger) == []


def test_a_ledger_that_another_program_keeps_locked_is_told(ledger, path, job_id):
    """F-83: a table browser with an open edit is the usual reason."""
    ledger._connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with (
            pytest.raises(LedgerWriteError, match="another program") as caught,
            ledger.transaction(),
        ):
            ledger.begin_attempt(job_id)

    assert "close it" in caught.value.hint
    assert job(ledger).state is JobState.PENDING


def test_a_ledger_that_is_locked_for_a_moment_is_waited_for(ledger, path, job_id):
    """F-83: a backup tool that lets go in time costs nothing but time."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.1, other.execute, ["COMMIT"])
        release.start()

        with ledger.transaction():
            ledger.begin_attempt(job_id)
        release.join()

    assert job(ledger).state is JobState.SENDING


def test_a_transaction_has_the_ledger_to_itself_from_its_first_word(ledger, path, job_id):
    """F-84: what it reads cannot be overtaken before it writes, so it never fails for that."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    with closing(other), ledger.transaction():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        ledger.begin_attempt(job_id)

    assert job(ledger).state is JobState.SENDING


def test_a_patience_of_half_a_minute_is_set(ledger):
    """F-83: the figure that the message promises."""
    assert ledger._connection.execute("PRAGMA busy_timeout").fetchone() == (30_000,)


def test_a_table_that_is_gone_is_damage(ledger, path, job_id):
    """Not a bug of ours, and no reason for a traceback."""
    tamper(path, "DROP VIEW duplicates", "DROP VIEW needs_a_look", "DROP TABLE other_requests")

    with pytest.raises(LedgerUnusableError, match="damaged"), ledger.transaction():
        ledger.record_other(job_id, remote("r9"), "duplicate")
