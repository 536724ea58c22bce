"""What a person asks of the whole ledger at once."""

from __future__ import annotations

from dataclasses import replace

from batchdub.ledger import overview
from batchdub.models import JobKey
from batchdub.states import Event, JobState
from tests.ledger.support import PERSON, add_jobs, bring_to, make_row, remote


def test_what_does_not_go_on_by_itself_is_named_in_manifest_order(ledger):
    """The morning's list: in doubt, rejected, failed, or pending and held; nothing else."""
    jobs = dict(zip(JobState, add_jobs(ledger, *JobState), strict=True))
    for state, job_id in jobs.items():
        bring_to(ledger, job_id, state)
    with ledger.transaction():
        ledger.hold(jobs[JobState.PENDING], "its link dies before its turn")

    found = overview.needs_a_look(ledger, 10)

    assert [(one.reference_id, one.source.line) for one in found] == [
        ("pending", 2), ("in_doubt", 4), ("failed", 7), ("rejected", 8),
    ]  # fmt: skip
    assert found[0].held == "its link dies before its turn"
    assert found[3].error == "invalid request body"
    assert overview.needs_a_look(ledger, 1) == found[:1]


def test_held_jobs_are_counted_apart_from_the_rest(ledger):
    """They wait for a person, not for the next run."""
    first, _ = add_jobs(ledger, "a", "b")
    with ledger.transaction():
        ledger.hold(first, "later")

    assert overview.count_by_held(ledger) == {
        (JobState.PENDING, True): 1,
        (JobState.PENDING, False): 1,
    }


def test_the_process_of_a_run_is_known(ledger):
    """A person may want to stop it."""
    assert overview.process_of(ledger, "run-1") == ("studio", 1)


def test_the_manifests_columns_are_named_once_in_their_order(ledger):
    """A report has them after its own."""
    rows = [
        replace(make_row("a"), columns={"language": "ja", "episode": "7"}),
        replace(make_row("b"), columns={"studio": "north", "language": "nb"}),
    ]
    with ledger.transaction():
        manifest_id = ledger.remember_manifest("tonight.csv", "a" * 64)
        ledger.add_rows((row, manifest_id, place) for place, row in enumerate(rows))

    assert overview.column_names(ledger) == ["language", "episode", "studio"]


def test_every_revision_of_a_row_is_found(ledger, job_id):
    """An audit looks at each order that was ever paid."""
    bring_to(ledger, job_id, JobState.FAILED)
    with ledger.transaction():
        second = ledger.next_revision(
            job_id, Event.RETRY, PERSON, make_row(), manifest_id=1, position=2
        )
        ledger.record_other(None, remote("theirs"), "not_ours")
        ledger.record_other(second, remote("twice"), "duplicate")

    assert [job.key for job in ledger.all_revisions(["S02E07-ja", "gone"])["S02E07-ja"]] == [
        JobKey("S02E07-ja", 1), JobKey("S02E07-ja", 2),
    ]  # fmt: skip
    assert {job.job_id for job in ledger.jobs_by_id([job_id, second])} == {job_id, second}
    assert list(ledger.orders()) == [
        ("S02E07-ja", 1, "failed", f"request-{job_id}"),
        ("S02E07-ja", 2, "pending", None),
    ]
    assert ledger.not_ours() == {"theirs"}
