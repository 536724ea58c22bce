"""How a manifest's rows stand at the end of a run, read from the ledger."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import chain, islice

from batchdub.ledger import Ledger
from batchdub.models import Job
from batchdub.plan import Fate
from batchdub.run.groups import Groups, LeftOut
from batchdub.run.prepare import Prepared
from batchdub.run.result import Standing
from batchdub.states import ORDERED, JobState

_SHOWN = 10
_CHUNK = 10_000
_NEEDS_TELLING = (JobState.IN_DOUBT, JobState.REJECTED, JobState.FAILED, JobState.SENDING)


def stand(ledger: Ledger, prepared: Prepared) -> Standing:
    """Read from the ledger how the manifest's rows stand now."""
    counts = ledger.states_of(prepared.scope)
    states: Counter[JobState] = Counter()
    held = 0
    for (state, is_held), number in counts.items():
        states[state] += number
        held += number if is_held else 0
    groups = Groups()
    jobs = _not_ordered(ledger, prepared.scope, groups)
    held_back = counts[(JobState.PENDING, True)]
    fates = prepared.totals.fates
    gone = [LeftOut("", missing, "in no manifest any more") for missing in _still(ledger, prepared)]
    left_out = [*prepared.left_out, *gone[:_SHOWN], *jobs][:_SHOWN]
    total = sum(states[state] for state in _NEEDS_TELLING) + fates[Fate.CONFLICT] + len(gone)
    total += prepared.totals.stuck
    return Standing(
        states=states,
        held=held,
        left_out=tuple(left_out),
        left_out_total=total + held_back,
        held_back=held_back,
        missing=len(gone),
        duplicates=tuple(ledger.open_duplicates()),
        groups=groups.largest(),
        counts=counts,
        doubled=_doubled(ledger, prepared.scope),
        conflicts=prepared.conflicts,
    )


def _doubled(ledger: Ledger, scope: array[int]) -> Counter[tuple[JobState, bool]]:
    """Count those of a run's rows that have a further order which nobody has acknowledged."""
    jobs = ledger.latest_jobs(list(ledger.unseen_duplicates()))
    within = {job.job_id for job in jobs.values()}.intersection(scope)
    return Counter(
        (job.state, job.held is not None) for job in jobs.values() if job.job_id in within
    )


def _still(ledger: Ledger, prepared: Prepared) -> list[str]:
    """Give the missing rows that are not ordered: one in doubt may have been settled since."""
    jobs = ledger.latest_jobs(prepared.missing)
    return [missing for missing in prepared.missing if jobs[missing].state not in ORDERED]


def _not_ordered(ledger: Ledger, scope: array[int], groups: Groups) -> list[LeftOut]:
    """Give the first ten of the run's rows that are not ordered, and put all into groups."""
    shown: list[LeftOut] = []
    jobs = chain(ledger.held_back(), ledger.jobs_in(*_NEEDS_TELLING))
    while chunk := list(islice(jobs, _CHUNK)):
        # This way round, since a set of a million jobs would take more room than all the rest.
        within = {job.job_id for job in chunk}.intersection(scope)
        for left_out in (_left_out(job) for job in chunk if job.job_id in within):
            groups.add(left_out)
            if len(shown) < _SHOWN:
                shown.append(left_out)
    return shown


def _left_out(job: Job) -> LeftOut:
    source, held = str(job.source), job.held is not None
    return LeftOut(source, job.key.reference_id, _why(job), job.state, held=held)


def _why(job: Job) -> str:
    words = "held back" if job.state is JobState.PENDING else str(job.state).replace("_", " ")
    reason = job.held or job.error
    return f"{words}: {reason}" if reason else words
