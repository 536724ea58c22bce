"""The audit says of each row what the provider's list says, and only then that all is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batchdub.errors import ApiUnavailableError, KeyRefusedError
from batchdub.exits import Exit
from batchdub.manifest import ManifestFile
from batchdub.models import Job, JobKey, RemoteRequest, Source
from batchdub.run.asking import Asking
from batchdub.run.audit import Audit, Subject, Verdict, ask_for_all, judge
from batchdub.run.certificate import DOES_NOT_PROVE, certificate
from batchdub.run.lookup import Way
from batchdub.run.server_clock import ServerClock
from batchdub.run.stop import Stop
from batchdub.states import JobState
from batchdub.units import UNLIMITED
from batchdub.wire import ApiClient, Pacer
from tests.support.night import BASE_URL, KEY, Night, make_rows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def request(request_id="a", reference_id="S01E001", after_s=0):
    created_at = NOON + timedelta(seconds=after_s)
    return RemoteRequest(request_id, created_at, "queued", reference_id)


def job(state, request_id=None):
    return Job(1, JobKey("S01E001"), state, "m1:0", Source("tonight.csv", 2), request_id=request_id)


def verdict(ledger_job, *requests, not_ours=()):
    subject = Subject("S01E001", "tonight.csv:2", ledger_job)
    (finding,) = judge([subject], {"S01E001": requests}, not_ours)
    return finding.verdict


@pytest.mark.parametrize("state", [JobState.SUBMITTED, JobState.COMPLETED, JobState.FAILED])
def test_an_order_that_is_there_once_is_proven(state):
    assert verdict(job(state, "a"), request("a")) is Verdict.ONCE


def test_a_second_request_is_never_passed_over():
    """Whatever the ledger says: the provider has been paid twice."""
    for state in JobState:
        assert verdict(job(state, "a"), request("a"), request("b")) is Verdict.TWICE
    assert verdict(None, request("a"), request("b")) is Verdict.TWICE


def test_another_request_than_the_ledgers_is_unknown():
    assert verdict(job(JobState.SUBMITTED, "a"), request("b")) is Verdict.UNKNOWN
    assert verdict(job(JobState.PENDING), request("b")) is Verdict.UNKNOWN
    assert verdict(None, request("b")) is Verdict.UNKNOWN


def test_an_order_that_the_provider_does_not_have_is_missing():
    assert verdict(job(JobState.SUBMITTED, "a")) is Verdict.MISSING


def test_a_row_in_doubt_is_not_proven_by_an_empty_list():
    assert verdict(job(JobState.IN_DOUBT)) is Verdict.IN_DOUBT
    assert verdict(job(JobState.SENDING)) is Verdict.IN_DOUBT


def test_a_row_that_nobody_ordered_is_fine():
    assert verdict(None) is Verdict.NEVER
    assert verdict(job(JobState.PENDING)) is Verdict.NEVER
    assert verdict(job(JobState.REJECTED)) is Verdict.NEVER


def test_a_revision_beyond_the_ledgers_last_is_found_only_if_it_is_there():
    """A ledger that is older than a retry does not know of it."""
    beyond = Subject("S01E001~r2", "tonight.csv:2", None, beyond=True)

    (found,) = judge([beyond], {"S01E001~r2": (request("b", "S01E001~r2"),)}, ())

    assert found.verdict is Verdict.UNKNOWN
    assert judge([beyond], {"S01E001~r2": ()}, ()) == ()


def test_an_older_request_that_was_told_not_to_be_ours_does_not_count():
    proven = verdict(job(JobState.SUBMITTED, "a"), request("a"), request("old"), not_ours={"old"})

    assert proven is Verdict.ONCE


@pytest.mark.parametrize(
    ("requests", "code"), [([request("a")], Exit.DONE), ([], Exit.NEEDS_A_LOOK)]
)
def test_exit_is_0_only_if_every_row_is_as_the_ledger_says(requests, code):
    subject = Subject("S01E001", "tonight.csv:2", job(JobState.SUBMITTED, "a"))
    audit = Audit(judge([subject], {"S01E001": requests}, ()), Way.ROWS, NOON, NOON, None)

    assert audit.exit_code is code


def test_a_certificate_tells_what_was_asked_and_what_it_does_not_prove():
    subject = Subject("S01E001", "tonight.csv:2", job(JobState.SUBMITTED, "a"))
    findings = judge([subject], {"S01E001": [request("a")]}, ())
    audit = Audit(findings, Way.ACCOUNT, NOON, NOON + timedelta(seconds=2), NOON)

    proof = certificate(audit, [ManifestFile("tonight.csv", "ab" * 32, 7)], "cd" * 32, "api", "9")

    assert proof["proven"] is True
    assert proof["asked_from"] == "2026-03-01T12:00:00.000Z"
    assert proof["manifests"] == [{"path": "tonight.csv", "sha256": "ab" * 32, "bytes": 7}]
    assert proof["rows"][0]["requests"][0]["request_id"] == "a"
    assert proof["does_not_prove"] == list(DOES_NOT_PROVE)


def means_to_ask(night, key=KEY):
    api = ApiClient(BASE_URL, key, night.transport, night.clock, version="0")
    return Asking(
        api=api,
        look_pace=Pacer(UNLIMITED, night.clock),
        clock=night.clock,
        rng=night.rng,
        say=night.said.append,
        stop=Stop(),
        server_clock=ServerClock(night.clock),
    )


async def subjects_of(night, rows):
    await night.run(rows)
    with night.ledger() as ledger:
        jobs = ledger.latest_jobs([row.reference_id for row in rows])
    return [Subject(row.reference_id, str(row.source), jobs[row.reference_id]) for row in rows]


async def test_many_rows_cost_pages_not_a_call_each(tmp_path):
    night = Night(tmp_path)
    subjects = await subjects_of(night, make_rows(150))
    night.transport.calls.clear()

    audit = await ask_for_all(means_to_ask(night), subjects, ())

    assert audit.counts == {Verdict.ONCE: 150}
    assert len(night.transport.calls) == 3  # how many there are, then two pages


async def test_few_rows_of_a_large_account_are_asked_for_one_by_one(tmp_path):
    night = Night(tmp_path)
    subjects = await subjects_of(night, make_rows(450))
    night.transport.calls.clear()

    audit = await ask_for_all(means_to_ask(night), subjects[:4], ())

    assert audit.counts == {Verdict.ONCE: 4}
    assert len(night.transport.calls) == 5


async def test_half_an_audit_is_none(tmp_path):
    """A list that does not answer proves nothing, so nothing is certified."""
    night = Night(tmp_path)
    subjects = await subjects_of(night, make_rows(2))
    night.transport.script("reply", 500, '{"error":"internal error"}', times=99, method="GET")

    with pytest.raises(ApiUnavailableError, match="cannot be read"):
        await ask_for_all(means_to_ask(night), subjects, ())


async def test_a_refused_key_is_told_as_such(tmp_path):
    night = Night(tmp_path)
    subjects = await subjects_of(night, make_rows(2))
    night.transport.script("reply", 401, '{"error":"invalid token"}', times=9, method="GET")

    with pytest.raises(KeyRefusedError):
        await ask_for_all(means_to_ask(night), subjects, ())
