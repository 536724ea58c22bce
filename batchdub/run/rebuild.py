"""Rebuilding a ledger after a loss: what the API's list has under the manifest's reference_ids.

Nothing is ordered. What the lost ledger had sent may show only later, so the next run looks again
before it sends the rest (`afterloss`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchdub.ledger import Ledger
from batchdub.models import Job, RemoteRequest
from batchdub.run.asking import Asking
from batchdub.run.audit import cannot_ask
from batchdub.run.lookup import group_by_reference, read_account
from batchdub.states import Event, JobState

_ADOPTABLE = frozenset({JobState.PENDING, JobState.IN_DOUBT})


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one row: `note` is `restored`, `known`, `nothing found`, `several`, …"""

    job: Job
    note: str
    request: RemoteRequest | None = None


@dataclass(slots=True)
class Rebuilt:
    """The rows, the further requests of rows that had several, and how many matched no row."""

    rows: list[Restored] = field(default_factory=list)
    duplicates: list[RemoteRequest] = field(default_factory=list)
    older: int = 0
    unmatched: int = 0


async def read_everything(asking: Asking) -> tuple[RemoteRequest, ...]:
    """Read the account's whole list. Raises KeyRefusedError or ApiUnavailableError."""
    listing = await read_account(asking)
    if listing is None or not listing.complete:
        raise cannot_ask(asking)
    return listing.requests


def rebuild(
    ledger: Ledger,
    jobs: Sequence[Job],
    requests: Sequence[RemoteRequest],
    since: datetime | None,
) -> Rebuilt:
    """Adopt, in the caller's transaction, what the list has for these jobs.

    `jobs` may be of any revision; what stands under an older one beside its order is a duplicate.
    The earliest request of a row is its order, further ones are recorded as duplicates. Requests
    created before `since` are recorded as known and not ours.
    """
    found = group_by_reference(requests, (job.key.sent_as for job in jobs))
    rebuilt = Rebuilt(unmatched=len(requests) - sum(map(len, found.values())))
    for job in jobs:
        own = without_older(ledger, rebuilt, found[job.key.sent_as], since)
        rebuilt.rows.append(restore(ledger, rebuilt, job, own))
    ledger.note_rebuild(since)
    return rebuilt


def without_older(
    ledger: Ledger, rebuilt: Rebuilt, requests: Sequence[RemoteRequest], since: datetime | None
) -> list[RemoteRequest]:
    """Record what is older than `since` as not ours, and give the rest, the earliest first."""
    own = []
    known = ledger.explains([request.request_id for request in requests])
    for request in sorted(requests, key=lambda each: (each.created_at, each.request_id)):
        older = since is not None and request.created_at < since
        if older and request.request_id not in known:
            ledger.record_other(None, request, "not_ours")
            rebuilt.older += 1
        else:
            own.append(request)
    return own


def restore(ledger: Ledger, rebuilt: Rebuilt, job: Job, own: Sequence[RemoteRequest]) -> Restored:
    """Adopt the earliest of a job's requests; what it cannot take is recorded as a duplicate."""
    known = ledger.explains([request.request_id for request in own])
    new = [request for request in own if request.request_id not in known]
    if not new:
        _see_to_end(ledger, job, own)
        return Restored(job, "known" if own else "nothing found")
    if job.state not in _ADOPTABLE:
        record_duplicates(ledger, rebuilt, job, new)
        return Restored(job, "ordered more than once", new[0])
    order, *further = new
    ledger.adopt(job.job_id, job.state, order)
    ledger.record_status(job.job_id, order, ended(order))
    record_duplicates(ledger, rebuilt, job, further)
    return Restored(job, "ordered more than once" if further else "restored", order)


def _see_to_end(ledger: Ledger, job: Job, own: Sequence[RemoteRequest]) -> None:
    """Note how a known order has ended: its next revision can be restored only upon an end."""
    for request in own:
        if request.request_id == job.request_id and job.state is JobState.SUBMITTED:
            ledger.record_status(job.job_id, request, ended(request))


def ended(request: RemoteRequest) -> Event | None:
    """Tell how a request ended; None while it has not, and for a completed one without output."""
    if request.status == "failed":
        return Event.FAILED
    if request.status == "completed" and request.output_url:
        return Event.COMPLETED
    return None


def record_duplicates(
    ledger: Ledger, rebuilt: Rebuilt, job: Job, requests: Sequence[RemoteRequest]
) -> None:
    """Record requests as further orders of a job."""
    for request in requests:
        ledger.record_other(job.job_id, request, "duplicate")
        rebuilt.duplicates.append(request)
