"""What happens next to a row, and why, in one sentence: a pure function of its job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from batchdub.cli.next_steps import Leads, led, reorder_with, retry_with
from batchdub.models import Job, JobKey
from batchdub.states import JobState

_NO_LEADS = Leads()


def prospect(
    job: Job,
    duplicates: Sequence[str] = (),
    leads: Leads = _NO_LEADS,
    *,
    ordered_after_all: bool = False,
) -> str:
    """Say what happens next to a job, and why, with the command that a person may type.

    `duplicates` are the request_ids of further orders of it that nobody has acknowledged;
    `ordered_after_all` tells that there are some that were, of one that came to nothing.
    """
    if duplicates:
        said = (
            f"it was ordered more than once: {job.request_id or 'none of them'} is kept, and"
            f" {' and '.join(duplicates)} waits for `batchdub reconcile --acknowledge REQUEST_ID`"
        )
    elif ordered_after_all and job.state is JobState.REJECTED:
        said = (
            f"it is not sent again by itself: the API refused it{_because(job)}, and yet there is"
            f" an order of it; `{retry_with(leads, job.key.reference_id)}` orders it once more,"
            f" as {_next(job)}"
        )
    elif job.state in _AGAIN:
        said = _AGAIN[job.state](job, leads)
    else:
        said = _NEXT[job.state](job)
    return led(said, leads)


def _pending(job: Job) -> str:
    if job.held:
        return f"it is held back and not sent: {job.held}"
    if not job.attempts:
        return "the next run that has its manifest orders it: it was never sent"
    return (
        "the next run that has its manifest looks it up at the API, and orders it if it is not"
        f" there: {_tried(job)} and not ordered"
    )


def _tried(job: Job) -> str:
    return "it was tried once" if job.attempts == 1 else f"it was tried {job.attempts} times"


def _in_doubt(job: Job) -> str:
    name = job.key.reference_id
    if job.held:
        return (
            f"a person has to decide, with `batchdub reconcile --reason TEXT` and `--adopt {name}"
            f" REQUEST_ID`, `--order-again {name}` or `--cancel {name}`: {job.held}"
        )
    return (
        "the next run, or `batchdub reconcile`, looks for it in the API's list, and it is ordered"
        f" again only if it is proven not to be there: the outcome of attempt {job.attempts} is"
        " unknown"
    )


def _submitted(job: Job) -> str:
    status = f" (status `{job.remote_status}`)" if job.remote_status else ""
    return (
        f"it is not sent again: the API has it as request {job.request_id}{status};"
        " `batchdub wait` asks until it has ended"
    )


def _rejected(job: Job, leads: Leads) -> str:
    return (
        f"it is not sent again by itself: the API refused it, unpaid{_because(job)};"
        f" `{retry_with(leads, job.key.reference_id)}` sends it again as it is, and"
        f" `{reorder_with(leads, job.key.reference_id)}` with other media, as {_next(job)}"
    )


def _failed(job: Job, leads: Leads) -> str:
    return (
        "it is not ordered again by itself: the API took the order and could not make the dub"
        f"{_because(job)}; it may have been paid;"
        f" `{retry_with(leads, job.key.reference_id)}` orders it again, as {_next(job)}"
    )


def _cancelled(job: Job, leads: Leads) -> str:
    if job.may_be_ordered:
        return (
            "it is not sent: it was taken out because it may be ordered already; its media go out"
            " only under another reference_id"
        )
    again = retry_with(leads, job.key.reference_id, "--cancelled")
    return f"it is not sent: it was taken out; `{again}` puts it back"


def _completed(job: Job, leads: Leads) -> str:
    return (
        f"nothing: its dub is done, as request {job.request_id};"
        f" `{reorder_with(leads, job.key.reference_id)}` orders it once more, as {_next(job)}"
    )


def _next(job: Job) -> str:
    return JobKey(job.key.reference_id, job.key.revision + 1).sent_as


def _because(job: Job) -> str:
    return f" ({job.error})" if job.error else ""


_NEXT: Mapping[JobState, Callable[[Job], str]] = {
    JobState.PENDING: _pending,
    JobState.SENDING: lambda _: (
        "its order is on the wire; if no run is going, the call was cut short, and the next run"
        " treats it as in doubt"
    ),
    JobState.IN_DOUBT: _in_doubt,
    JobState.SUBMITTED: _submitted,
}
_AGAIN: Mapping[JobState, Callable[[Job, Leads], str]] = {
    JobState.COMPLETED: _completed,
    JobState.FAILED: _failed,
    JobState.REJECTED: _rejected,
    JobState.CANCELLED: _cancelled,
}
