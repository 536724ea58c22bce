"""What the ledger answers to a plan, a run, a report and a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import RunRecord, check_ledger, open_for_reading
from batchdub.ledger.views import VIEWS
from batchdub.models import JobKey
from batchdub.states import Event, JobState
from tests.ledger.support import (
    ENDS,
    START,
    accepted,
    add_jobs,
    attempt,
    bring_to,
    make_row,
    open_ledger,
    remote,
    tamper,
)


def test_a_new_ledger_knows_nothing(ledger):
    """And says so without special cases."""
    assert ledger.latest_jobs(["a"]) == {}
    assert ledger.counts() == {}
    assert ledger.doubts() == []
    assert ledger.open_duplicates() == []
    assert ledger.last_intent_at() is None
    assert ledger.meta("api") is None
    assert not ledger.ever_ordered()
    assert check_ledger(ledger) == []


def test_facts_about_the_ledger_are_kept(ledger):
    """The API that it is bound to, for one."""
    for value in ("https://one.example.com", "https://two.example.com"):
        with ledger.transaction():
            ledger.set_meta("api", value)

    assert ledger.meta("api") == "https://two.example.com"


def test_more_rows_than_one_statement_takes_are_found(ledger):
    """A season is longer than a chunk."""
    names = [f"row-{number}" for number in range(1203)]
    jobs = add_jobs(ledger, *names)

    assert len(ledger.latest_jobs([*names, "unknown"])) == 1203
    assert ledger.states_of(jobs) == {(JobState.PENDING, False): 1203}
    assert ledger.reached_before(jobs) == set()
    assert ledger.explains(names) == set()


def test_rows_that_order_the_same_media_are_found(ledger):
    """Two names for one dub would pay for it twice."""
    add_jobs(ledger, "a", "b")
    key = make_row("a").media_key

    found = ledger.jobs_of_media([key, "m1:" + "0" * 32])

    assert [job.key for job in found[key]] == [JobKey("a")]
    assert list(found) == [key]


def test_jobs_come_in_manifest_order(ledger):
    """As the coordinator's spreadsheet has them."""
    jobs = add_jobs(ledger, "z", "a", "m")
    for job_id in jobs[::-1]:
        attempt(ledger, job_id, accepted(f"r-{job_id}"))

    in_order = [job.key.reference_id for job in ledger.jobs_in(JobState.SUBMITTED)]

    assert in_order == ["z", "a", "m"]
    assert [row["reference_id"] for row in ledger.report_rows()] == ["z", "a", "m"]
    assert [row["columns"] for row in ledger.report_rows()] == [{"language": "ja"}] * 3


def test_a_job_that_never_left_has_not_reached_the_api(ledger):
    """Only an attempt of which a byte may have left needs a look-up before the next."""
    jobs = add_jobs(ledger, *ENDS, "open", "none")
    for job_id, event in zip(jobs, ENDS, strict=False):
        attempt(ledger, job_id, ENDS[event])
    bring_to(ledger, jobs[4], JobState.SENDING)

    reached = ledger.reached_before(jobs)

    assert reached == set(jobs) - {jobs[list(ENDS).index(Event.NOT_SENT)], jobs[5]}


def test_the_doubts_come_oldest_first(ledger):
    """The one that waits longest is settled first."""
    first, second, other = add_jobs(ledger, "a", "b", "c")
    for job_id in (second, first):
        bring_to(ledger, job_id, JobState.IN_DOUBT)

    assert [doubt.job_id for doubt in ledger.doubts()] == [second, first]
    assert [doubt.job_id for doubt in ledger.doubts([first, other])] == [first]
    assert ledger.first_server_at(first) == START
    assert ledger.first_server_at(other) is None


def test_jobs_tried_in_vain_are_looked_at_again(ledger):
    """Two attempts that may both have left may be two orders, whatever the outcome says."""
    twice, once, unsent, away = add_jobs(ledger, "twice", "once", "unsent", "away")
    for event in (Event.TURNED_AWAY, Event.REFUSED):
        attempt(ledger, twice, ENDS[event])
    attempt(ledger, once, ENDS[Event.REFUSED])
    for event in (Event.NOT_SENT, Event.REFUSED):
        attempt(ledger, unsent, ENDS[event])
    attempt(ledger, away, ENDS[Event.TURNED_AWAY])

    assert [job.job_id for job in ledger.tried_in_vain(START)] == [twice, away]
    assert ledger.tried_in_vain(START + timedelta(days=7)) == []


def test_held_jobs_are_counted_apart(ledger):
    """They wait for a person, not for the next run."""
    first, second = add_jobs(ledger, "a", "b")
    with ledger.transaction():
        ledger.hold(first, "its link dies before its turn")

    assert ledger.states_of([first, second]) == {
        (JobState.PENDING, True): 1,
        (JobState.PENDING, False): 1,
    }


def test_every_request_that_the_ledger_can_explain_is_known(ledger):
    """What is not among them was ordered by someone else."""
    first, second = add_jobs(ledger, "a", "b")
    attempt(ledger, first, accepted("r1"))
    with ledger.transaction():
        ledger.record_other(second, remote("r2"), "duplicate")
        ledger.record_other(None, remote("r3"), "not_ours")
        ledger.dispute(first, "its id answers 404")

    assert set(ledger.request_ids()) == {"r1", "r2", "r3"}


def test_the_last_run_is_remembered(ledger, path):
    """A run without an end was killed."""
    assert ledger.last_run() == RunRecord(
        "run-1", "run tonight.csv", ledger.last_run().started_at, None, None, None
    )
    with ledger.transaction():
        ledger.end_run(5, "12 rows pending")
    found = ledger.last_run()
    assert (found.exit_code, found.summary) == (5, "12 rows pending")
    assert found.ended_at > found.started_at
    tamper(path, "DELETE FROM runs")
    assert ledger.last_run() is None


def test_the_pace_goes_on_from_the_last_intent(ledger, job_id):
    """A restart every two seconds must not burst."""
    bring_to(ledger, job_id, JobState.SENDING)
    [tried] = ledger.history("S02E07-ja")["attempts"]

    assert ledger.last_intent_at().isoformat()[:19] == tried["intended_at"][:19]


def test_the_manifests_that_jobs_come_from_are_found_again(ledger, job_id, tmp_path, monkeypatch):
    """`resume` reads them, also when it is called from another folder."""
    named_from = Path.cwd()
    with ledger.transaction():
        ledger.remember_manifest("unused.csv", "e" * 64)

    assert ledger.manifest_paths() == ["tonight.csv"]
    monkeypatch.chdir(tmp_path)
    assert ledger.manifest_paths() == [str(named_from / "tonight.csv")]


def test_a_near_miss_is_offered(ledger):
    """A person rarely types a reference_id in full."""
    add_jobs(ledger, "S02E07-ja", "S02E07-nb", "S03E01-ja")

    assert ledger.references_like("e07") == ["S02E07-ja", "S02E07-nb"]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_can_be_read(ledger, view):
    """Someone will open the file in a table browser."""
    for name, state in zip(("a", "b", "c", "d"), (
        JobState.FAILED, JobState.SUBMITTED, JobState.IN_DOUBT, JobState.SENDING,
    ), strict=True):  # fmt: skip
        bring_to(ledger, add_jobs(ledger, name)[0], state)
    with ledger.transaction():
        ledger.record_other(1, remote("r2", reference_id="a"), "duplicate")
        ledger.hold(2, "stalled")

    assert list(ledger.ask(f"SELECT * FROM {view}")) != []  # noqa: S608  our own view names


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("UPDATE runs SET started_at = 'yesterday'", lambda reader: reader.last_run()),
        ("UPDATE jobs SET columns = '['", lambda reader: list(reader.report_rows())),
        ("UPDATE jobs SET submitted_at = 7", lambda reader: reader.latest_jobs(["S02E07-ja"])),
        ("DROP VIEW duplicates", lambda reader: reader.open_duplicates()),
        ("DROP VIEW needs_a_look", lambda reader: list(reader.ask("SELECT * FROM needs_a_look"))),
    ],
)
def test_what_batchdub_never_wrote_is_told_as_damage(ledger, path, job_id, statement, question):
    """Not as a bug, and not with a traceback."""
    ledger.close()
    tamper(path, statement)

    with open_for_reading(path) as reader, pytest.raises(LedgerUnusableError, match="damaged"):
        question(reader)


def test_a_bug_in_our_own_calls_is_not_blamed_on_the_disk(ledger):
    """Using a closed ledger is no fault of a file."""
    ledger.close()

    with pytest.raises(Exception, match="closed") as caught:
        ledger.counts()
    assert not isinstance(caught.value, LedgerUnusableError)


def test_two_runs_share_a_ledger_one_after_the_other(path):
    """Each change says whose it was."""
    with open_ledger(path) as ledger:
        [job_id] = add_jobs(ledger, "a")
        attempt(ledger, job_id, ENDS[Event.NOT_SENT])
    with open_ledger(path, "run-2") as ledger:
        attempt(ledger, job_id, accepted("r1"))
        runs = [tried["run_id"] for tried in ledger.history("a")["attempts"]]

    assert runs == ["run-1", "run-2"]


def test_the_newest_order_is_known(ledger):
    """A new key proves that it is of the same account by seeing it."""
    assert ledger.newest_request_id() is None
    first, second = add_jobs(ledger, "a", "b")
    for job_id in (second, first):
        attempt(ledger, job_id, accepted(f"r{job_id}"))

    assert ledger.newest_request_id() == f"r{first}"
    assert ledger.run_count() == 1


def test_questions_inside_a_transaction_see_that_transaction(ledger, job_id):
    """A check may also be made before a commit."""
    with ledger.transaction():
        ledger.hold(job_id, "later")
        assert check_ledger(ledger) == []
        assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].held == "later"

    assert ledger.latest_jobs(["S02E07-ja"])["S02E07-ja"].held == "later"
