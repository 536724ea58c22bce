"""`batchdub show`: one row's whole history, and what happens next."""

from __future__ import annotations

import json
import re

import pytest

from batchdub.cli.prospect import prospect
from batchdub.models import Job, JobKey, Source
from batchdub.states import Event, JobState
from batchdub.units import counted
from tests.cli.nights import ledger_with
from tests.ledger.support import ENDS, PERSON, accepted, attempt, make_row, remote

REVISED = "S02E07-ja"


@pytest.fixture
def revised(tmp_path):
    """A row that was tried three times, ordered, failed, ordered again, and twice at the API."""
    ledger, jobs = ledger_with(tmp_path, **{REVISED: JobState.PENDING})
    job_id = jobs[REVISED]
    for event in (Event.NOT_SENT, Event.TURNED_AWAY):
        attempt(ledger, job_id, ENDS[event])
    attempt(ledger, job_id, accepted("request-1"))
    with ledger.transaction():
        ledger.record_status(job_id, remote("request-1", "failed"), Event.FAILED)
        ledger.next_revision(job_id, Event.RETRY, PERSON, make_row(), manifest_id=1, position=2)
        ledger.record_other(job_id, remote("request-9"), "duplicate")
    ledger.close()


def test_programs_get_the_whole_history_as_one_object(cli, revised):
    """Every revision, attempt, change of state and further request; times in UTC."""
    result = cli("show", REVISED, "--format", "json")

    history = json.loads(result.out)
    assert result.code == 0
    assert history["state"] == "pending"
    assert history["columns"] == {"language": "ja"}
    assert [(job["sent_as"], job["state"]) for job in history["revisions"]] == [
        (REVISED, "failed"),
        (f"{REVISED}~r2", "pending"),
    ]
    assert history["revisions"][0]["source"] == "tonight.csv:2"
    assert [(tried["attempt_no"], tried["event"]) for tried in history["attempts"]] == [
        (1, "not_sent"),
        (2, "turned_away"),
        (3, "accepted"),
    ]
    assert history["attempts"][1]["http_status"] == 429
    assert history["attempts"][2]["request_id"] == "request-1"
    assert history["attempts"][0]["intended_at"].endswith("Z")
    last = history["transitions"][-1]
    assert (last["event"], last["actor"], last["note"]) == ("retry", PERSON.name, PERSON.note)
    assert history["others"][0]["request_id"] == "request-9"
    assert "request-9" in history["next"]


def test_people_read_facts_then_tables_then_what_comes_next(cli, revised):
    """Times in their own zone, with the zone named."""
    result = cli("show", REVISED)

    assert result.err == ""
    assert "reference_id  S02E07-ja\n" in result.out
    assert "reference_id  S02E07-ja~r2\n" in result.out
    assert "language      ja\n" in result.out
    assert "rate limit exceeded" in result.out
    assert PERSON.note in result.out
    assert "further requests:\n" in result.out
    assert re.search(r"submitted_at +2026-03-0\d \d\d:\d\d:\d\d [A-Z0-9+-]+\n", result.out)
    assert result.out.splitlines()[-1].startswith("next: it was ordered more than once")


def test_a_row_that_was_never_tried_has_no_tables(cli, tmp_path):
    """What is not there is not shown."""
    ledger_with(tmp_path, a=JobState.PENDING)[0].close()

    result = cli("show", "a")

    assert "attempts:" not in result.out
    assert "what happened:" not in result.out
    assert "revision" not in result.out
    assert result.out.endswith("it was never sent\n")


def test_a_revision_is_found_by_what_it_was_sent_as(cli, revised):
    """As the API's own list names it."""
    assert (
        json.loads(cli("show", f"{REVISED}~r2", "--format", "json").out)["reference_id"] == REVISED
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("S02E07-jaa", "did you mean `S02E07-ja`?"),
        ("s02e07-ja", "did you mean `S02E07-ja`?"),
        ("S02F07-ja", "did you mean `S02E07-ja`?"),
        ("S02E07", "did you mean `S02E07-ko` or `S02E07-ja`?"),
        ("nothing like it", "`batchdub report` lists all that there are"),
    ],
)
def test_a_row_that_is_not_there_is_told_with_what_was_meant(cli, tmp_path, typed, meant):
    """Ids are typed by hand from a spreadsheet."""
    ledger_with(
        tmp_path,
        **{REVISED: JobState.PENDING, "S02E07-ko": JobState.PENDING, "zz": JobState.PENDING},
    )[0].close()

    result = cli("show", typed)

    assert result.code == 2
    assert f"there is no row `{typed}`" in result.err
    assert meant in result.err


def test_an_empty_id_is_told_too(cli, tmp_path):
    """A script whose variable was empty."""
    ledger_with(tmp_path, a=JobState.PENDING)[0].close()

    assert cli("show", "").code == 2


# -- what happens next ------------------------------------------------------------------------


def job(state, **known):
    return Job(1, JobKey("S01"), state, "m1:0", Source("a.csv", 2), **known)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (job(JobState.PENDING), "orders it: it was never sent"),
        (job(JobState.PENDING, attempts=1), "looks it up at the API, and orders it if it is not"),
        (job(JobState.PENDING, attempts=3), "it was tried 3 times and not ordered"),
        (job(JobState.PENDING, held="the same media as `b`"), "not sent: the same media as `b`"),
        (job(JobState.SENDING), "its order is on the wire"),
        (job(JobState.IN_DOUBT, attempts=2), "the outcome of attempt 2 is unknown"),
        (job(JobState.IN_DOUBT, held="paid?"), "`batchdub reconcile --reason TEXT` and"),
        (job(JobState.IN_DOUBT, held="paid?"), "`--order-again S01` or `--cancel S01`: paid?"),
        (job(JobState.SUBMITTED, request_id="r1"), "the API has it as request r1"),
        (job(JobState.SUBMITTED, remote_status="queued"), "(status `queued`)"),
        (job(JobState.COMPLETED, request_id="r1"), "its dub is done, as request r1"),
        (job(JobState.FAILED, error="no audio"), "(no audio); it may have been paid"),
        (job(JobState.FAILED), "`batchdub retry --id S01` orders it again, as S01~r2"),
        (job(JobState.REJECTED), "`batchdub retry --id S01` sends it again as it is"),
        (job(JobState.COMPLETED), "`batchdub reorder --id S01 --reason TEXT` orders it once more"),
        (job(JobState.CANCELLED), "it was taken out"),
    ],
)
def test_one_sentence_says_what_happens_next_and_why(known, says):
    """A person at two in the morning wants to know whether money is lost."""
    assert says in prospect(known)


@pytest.mark.parametrize("state", JobState)
def test_a_duplicate_comes_before_anything_else(state):
    """It was paid twice, and a person has to see it."""
    told = prospect(job(state), ["r8", "r9"])

    assert "r8 and r9" in told
    assert "--acknowledge" in told


def test_every_state_has_a_sentence():
    """None is longer than a person reads."""
    for state in JobState:
        assert 0 < len(prospect(job(state))) < 250, counted(len(prospect(job(state))), "letter")


@pytest.mark.parametrize("state", JobState)
def test_every_command_that_it_names_leads_to_this_ledger_and_its_api(cli, tmp_path, state):
    """Pasted without them it would ask the real API about another ledger."""
    ledger_with(tmp_path, a=state)[0].close()
    (tmp_path / "batchdub.db").rename(tmp_path / "other.db")

    said = cli("show", "a", "--ledger", "other.db").out.partition("next: ")[2]

    for command in re.findall(r"`(batchdub [^`]+)`", said):
        assert "--sandbox --ledger other.db" in command
    assert state is not JobState.SUBMITTED or "`batchdub wait --sandbox" in said


def test_a_refused_row_that_was_ordered_after_all_is_told_as_such(cli, tmp_path):
    """What `retry` does with it then is another thing: it is paid once more."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.REJECTED)
    with ledger.transaction():
        ledger.record_other(jobs["a"], remote("late", reference_id="a"), "duplicate")
        ledger.acknowledge("late", PERSON)
    ledger.close()

    said = cli("show", "a").out

    assert "and yet there is an order of it; `batchdub retry --sandbox --id a` orders it" in said
    assert "as a~r2" in said
