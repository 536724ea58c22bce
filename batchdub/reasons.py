"""Why a row is sent, or not, in words: from what the ledger has of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from batchdub.models import Change, Job, JobKey, Row
from batchdub.states import TRANSITIONS, Event, JobState
from batchdub.units import local_time


def reason_of(job: Job) -> str:
    """Say what became of a job so far, and so why its row is sent or not."""
    return _REASONS[job.state](job)


def reason_of_conflict(row: Row, job: Job) -> str:
    """Say which job has the row's reference_id for other media, and what can be done."""
    return (
        f"`{row.reference_id}` stands for other media from {job.source} ({as_ordered(job)});"
        f" {_way_out(row, job)}"
    )


def reason_of_change(change: Change, job: Job, held: str = "") -> str:
    """Say what changed since a row was ordered, and what can be done about it, or is in the way."""
    if change.made:
        return f"{reason_of(job)}; {change.what}, as `{change.made}` was made from, which is kept"
    if job.state is JobState.SUBMITTED:
        return (
            f"{reason_of(job)}; {change.what}: its dub is still being made, from the one or the"
            " other"
        )
    if job.state is JobState.FAILED:
        return f"{reason_of(job)}; {change.what}"
    way = f"not ordered again: {held}" if held else "--reorder-changed orders it again"
    return f"{change.what}; {as_ordered(job)}; {way}"


def reason_of_reorder(change: Change, job: Job) -> str:
    """Say why a row that is done is ordered again, and as what."""
    anew = JobKey(job.key.reference_id, job.key.revision + 1)
    return f"{change.what}; to be ordered again, as {anew.sent_as}"


def as_ordered(job: Job) -> str:
    """Write a job's state, with its order if there is one: `submitted as ID on TIME`."""
    if job.request_id is None:
        return str(job.state)
    when = f" on {local_time(job.submitted_at)}" if job.submitted_at else ""
    return f"{job.state} as {job.request_id}{when}"


def _way_out(row: Row, job: Job) -> str:
    other = "give this row another reference_id"
    if (job.state, Event.REORDER) not in TRANSITIONS:
        return other
    named = shlex.join([row.source.path, "--id", row.reference_id])
    again = f"batchdub reorder {named} --reason TEXT"
    return f"{other}, or order the new media with `{again}`"


def _pending(job: Job) -> str:
    if job.attempts == 0:
        again = f"to be ordered again, as {job.key.sent_as}" if job.key.revision > 1 else ""
        return again or "never ordered"
    tries = "once" if job.attempts == 1 else f"{job.attempts} times"
    return f"tried {tries}, not ordered" + (f": {job.error}" if job.error else "")


def _in_doubt(job: Job) -> str:
    if job.held:
        return f"held for a decision: {job.held}"
    unknown = f"the outcome of attempt {job.attempts} is unknown"
    return unknown + (f": {job.error}" if job.error else "")


_REASONS: Mapping[JobState, Callable[[Job], str]] = {
    JobState.PENDING: _pending,
    JobState.SENDING: lambda job: f"attempt {job.attempts} was cut short",
    JobState.IN_DOUBT: _in_doubt,
    JobState.SUBMITTED: lambda job: f"already {as_ordered(job)}",
    JobState.COMPLETED: lambda job: f"already {as_ordered(job)}",
    JobState.FAILED: lambda job: f"{as_ordered(job)}: {job.error or 'no reason given'}",
    JobState.REJECTED: lambda job: f"the API refused it: {job.error}",
    JobState.CANCELLED: lambda _job: "taken out by the operator",
}
