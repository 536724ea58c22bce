"""What happens next to a row, and why, in one sentence: a pure function of its job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from batchdub.models import Job
from batchdub.states import JobState


def prospect(job: Job, duplicates: Sequence[str] = ()) -> str:
    """Say what happens next to a job, and why.

    `duplicates` are the request_ids of further orders of it that nobody has acknowledged.
    """
    if duplicates:
        return (
            f"it was ordered more than once: {job.request_id or 'none of them'} is kept, and"
            f" {' and '.join(duplicates)} waits for `batchdub reconcile --acknowledge REQUEST_ID`"
        )
    return _NEXT[job.state](job)


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
            f"a person has to decide, with `batchdub reconcile` and `--adopt {name} REQUEST_ID`,"
            f" `--order-again {name}` or `--cancel {name}`: {job.held}"
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


def _rejected(job: Job) -> str:
    return (
        "it is not sent again as it is: the API refused it, unpaid"
        f"{_because(job)}; mended, it goes out under another reference_id"
    )


def _failed(job: Job) -> str:
    return (
        "it is not ordered again by itself: the API took the order and could not make the dub"
        f"{_because(job)}; it may have been paid"
    )


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
    JobState.COMPLETED: lambda job: f"nothing: its dub is done, as request {job.request_id}",
    JobState.FAILED: _failed,
    JobState.REJECTED: _rejected,
    JobState.CANCELLED: lambda _: "it is not sent: it was taken out",
}
