"""Rebuilding further revisions: what the API's list has under `REF~r2`, `REF~r3` of a row.

A revision can be restored only on top of one that has ended, as it was ordered. One that cannot
is put on record beside its row, and the row is not ordered: it may well be the dub that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from batchdub.ledger import Actor, Ledger
from batchdub.models import Job, JobKey, RemoteRequest, Row
from batchdub.run.rebuild import Rebuilt, Restored, record_duplicates, restore, without_older
from batchdub.states import Event, JobState

# The ledger's queries know whom it takes out by this name.
_ACTOR = Actor("ledger rebuild", "the API's list has this revision")
_EVENTS = {
    JobState.COMPLETED: Event.REORDER,
    JobState.FAILED: Event.RETRY,
    JobState.REJECTED: Event.REORDER,
    JobState.CANCELLED: Event.RETRY,
}
"""What has begun a next revision upon one in such a state: which of two, nobody can tell now."""

Found = dict[str, dict[int, list[RemoteRequest]]]
"""Requests by the row's reference_id and by revision, from 2."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row, and where it stands: its manifest by the ledger's number, and its place in it."""

    row: Row
    manifest_id: int
    position: int


def further_revisions(requests: Iterable[RemoteRequest]) -> Found:
    """Find the requests that were sent as a further revision of some row."""
    found: Found = {}
    for request in requests:
        key = JobKey.of(request.reference_id or "")
        if key.revision > 1:
            found.setdefault(key.reference_id, {}).setdefault(key.revision, []).append(request)
    return found


def restore_revisions(
    ledger: Ledger,
    rebuilt: Rebuilt,
    found: Found,
    places: Mapping[str, Place],
    since: datetime | None,
) -> None:
    """Restore, in the caller's transaction, the further revisions of rows after their first."""
    for name, place in places.items():
        job = ledger.latest_jobs([name])[name]
        known_to = job.key.revision
        for revision, requests in sorted(found[name].items()):
            if revision <= known_to:
                continue  # `rebuild` has seen to those of the ledger's own revisions
            rebuilt.unmatched -= len(requests)
            own = without_older(ledger, rebuilt, requests, since)
            if own:
                job = _restore_one(ledger, rebuilt, job, revision, own, place=place)


def _restore_one(
    ledger: Ledger,
    rebuilt: Rebuilt,
    job: Job,
    revision: int,
    own: Sequence[RemoteRequest],
    *,
    place: Place,
) -> Job:
    """Restore one revision upon the one before; gives the row's latest job afterwards."""
    if not _may_follow(ledger, job) or revision != job.key.revision + 1:
        _set_aside(ledger, rebuilt, job, revision, own)
    else:
        event = _EVENTS[job.state]
        job_id = ledger.next_revision(
            job.job_id,
            event,
            _ACTOR,
            place.row,
            manifest_id=place.manifest_id,
            position=place.position,
        )
        [job] = ledger.jobs_by_id([job_id])
        rebuilt.rows.append(restore(ledger, rebuilt, job, own))
    return ledger.latest_jobs([job.key.reference_id])[job.key.reference_id]


def _may_follow(ledger: Ledger, job: Job) -> bool:
    """Whether a next revision may stand upon a job: one that was taken out needs an order, too."""
    if job.state is not JobState.CANCELLED:
        return job.state in _EVENTS
    return not job.may_be_ordered and job.job_id in ledger.ordered_after_all([job.job_id])


def _set_aside(
    ledger: Ledger, rebuilt: Rebuilt, job: Job, revision: int, own: Sequence[RemoteRequest]
) -> None:
    known = ledger.explains([request.request_id for request in own])
    new = [request for request in own if request.request_id not in known]
    record_duplicates(ledger, rebuilt, job, new)
    if not new:
        return
    sent_as = JobKey(job.key.reference_id, revision).sent_as
    note = f"taken out: `{sent_as}` is ordered, and what it followed is not there"
    if job.state is JobState.PENDING:
        ledger.cancel(job.job_id, job.state, Actor(_ACTOR.name, note))
    rebuilt.rows.append(Restored(job, f"`{sent_as}` is ordered, too", new[0]))
