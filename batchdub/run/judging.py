"""What may be done to a row on purpose: retried, reordered, taken out, and why it may not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from batchdub.exits import Exit, choose_exit
from batchdub.models import Job
from batchdub.select import as_value
from batchdub.states import TRANSITIONS, Event, JobState

_OPEN = frozenset({JobState.IN_DOUBT, JobState.SENDING})
_BAD = frozenset({JobState.FAILED, JobState.REJECTED})


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that may not be done to as was wanted, and why."""

    job: Job
    why: str

    def __str__(self) -> str:
        return f"{self.job.source}: `{self.job.key.reference_id}`: {self.why}"


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that were wanted for something, sorted by whether that may be."""

    granted: tuple[Job, ...]
    refused: tuple[Refused, ...]


def judge(
    jobs: Iterable[Job],
    event: Event,
    duplicates: Mapping[str, Sequence[str]],
    *,
    cancelled: bool = False,
) -> Judged:
    """Sort jobs by whether `event` may happen to them; both keep the order of the jobs.

    `duplicates` are those that nobody has acknowledged, as `Queries.unseen_duplicates` gives them;
    `cancelled` tells that rows which were taken out are meant as well.
    """
    granted: list[Job] = []
    refused: list[Refused] = []
    for job in jobs:
        others = duplicates.get(job.key.reference_id, ())
        why = refusal(job, event, others, cancelled=cancelled)
        if why:
            refused.append(Refused(job, why))
        else:
            granted.append(job)
    return Judged(tuple(granted), tuple(refused))


def refusal(
    job: Job, event: Event, duplicates: Sequence[str] = (), *, cancelled: bool = False
) -> str:
    """Say why a job may not be retried, reordered or cancelled, and what may; empty if it may.

    `duplicates` are further orders of the row that nobody has acknowledged: one of them may be
    the dub that is wanted, so no other is bought before a person has looked. A row that was taken
    out comes back only where `cancelled` ones are meant.
    """
    if not _may(job, event, cancelled=cancelled):
        return _refusals(job, event)[job.state]
    if duplicates and event is not Event.CANCEL:
        return (
            f"it was ordered more than once: see to {duplicates[0]} first, then"
            f" `batchdub reconcile --acknowledge {duplicates[0]}`"
        )
    return ""


def _may(job: Job, event: Event, *, cancelled: bool) -> bool:
    if event is Event.CANCEL:
        return job.state is JobState.PENDING
    if job.state is JobState.CANCELLED and (job.may_be_ordered or not cancelled):
        return False
    return (job.state, event) in TRANSITIONS


def _refusals(job: Job, event: Event) -> Mapping[JobState, str]:
    name = as_value(job.key.reference_id)
    doubt = "it is in doubt, so it may be ordered already: `batchdub reconcile` settles it"
    if event is Event.CANCEL:
        doubt = f"it is in doubt: `batchdub reconcile --cancel {job.key.reference_id}` decides"
    return {
        JobState.PENDING: "it is pending already: `batchdub resume` orders it",
        JobState.SENDING: "its order is on the wire, or was cut short; the next run settles it",
        JobState.IN_DOUBT: doubt,
        JobState.SUBMITTED: f"it is ordered as request {job.request_id}, and that has not ended",
        JobState.COMPLETED: (
            f"its dub is done, as request {job.request_id};"
            f" `batchdub reorder --id {name} --reason TEXT` orders it again"
        ),
        JobState.FAILED: f"its order failed; `batchdub retry --id {name}` orders it again",
        JobState.REJECTED: (
            f"the API refused it, unpaid; `batchdub retry --id {name}` sends it again"
        ),
        JobState.CANCELLED: (
            "it was taken out because it may be ordered already: it stays so under this"
            " reference_id"
            if job.may_be_ordered
            else f"it was taken out; `batchdub retry --cancelled --id {name}` puts it back"
        ),
    }


def exit_of(refused: Iterable[Refused], *, duplicates: bool = False) -> Exit:
    """Choose the exit code where nothing was done: from how the rows stand that were wanted.

    `duplicates` tells of further orders that nobody has acknowledged.
    """
    codes = [Exit.NEEDS_A_LOOK] if duplicates else []
    for each in refused:
        if each.job.state in _OPEN:
            codes.append(Exit.NEEDS_A_LOOK)
        elif each.job.state in _BAD:
            codes.append(Exit.ROWS_FAILED)
    return choose_exit(codes)
