"""Ordering rows again on purpose: what was refused, failed or taken out, and what is done anew.

What a person decided is recorded in the transaction that draws the orders up, before anything is
sent. A process that dies after it leaves pending rows, which any run orders once, and with them
nothing that could be decided a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from batchdub.ledger import Actor, Ledger
from batchdub.models import Job, JobKey, Row
from batchdub.run.judging import Refused, refusal
from batchdub.run.source import Numbered
from batchdub.states import IN_PLACE_UNLESS_ORDERED, NEXT_REVISION, Event, JobState

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Again:
    """A person's decision to have these rows ordered again: `retry` or `reorder`.

    `cancelled` tells that rows which were taken out are meant as well.
    """

    event: Event
    actor: Actor
    wanted: frozenset[str]
    cancelled: bool = False


@dataclass(slots=True)
class PutBack:
    """What became of a decision: how many rows it moved, and which it did not, and why.

    `gone` are those that stand in no manifest any more.
    """

    moved: int = 0
    refused: list[Refused] = field(default_factory=list)
    gone: list[Refused] = field(default_factory=list)


def put_back(
    ledger: Ledger, again: Again, rows: Iterable[Numbered], manifest_ids: Mapping[str, int]
) -> PutBack:
    """Carry a decision out on the manifest's rows, in the caller's transaction.

    Each is judged anew, since another run may have been faster. A retried row with other media
    stays as it is, and the plan tells it as a conflict; one that was never tried has none to keep.
    """
    done = PutBack()
    duplicates = ledger.unseen_duplicates()
    found: set[str] = set()
    for chunk in _chunks(rows):
        names = [row.reference_id for _, row in chunk]
        jobs = ledger.latest_jobs(names)
        apart = _apart(ledger, again.event, jobs.values())
        taken = ledger.further_orders([_next(job).sent_as for job in apart.values()])
        found.update(names)
        for position, row in chunk:
            job = jobs[row.reference_id]
            others = duplicates.get(row.reference_id, ())
            why = refusal(job, again.event, others, cancelled=again.cancelled)
            why = why or (_is_taken(job, taken) if job.job_id in apart else "")
            if why:
                done.refused.append(Refused(job, why))
            elif _takes(job, again.event, row):
                place = manifest_ids[row.source.path], position
                if job.job_id in apart:
                    _move_on(ledger, again, job, row, place=place)
                else:
                    ledger.put_back(job.job_id, job.state, again.actor)
                done.moved += 1
    done.gone.extend(_gone(ledger, again.wanted - found))
    return done


def _takes(job: Job, event: Event, row: Row) -> bool:
    """Whether a job may go on with the media that its row has now."""
    never_tried = job.state is JobState.CANCELLED and job.attempts == 0
    return event is Event.REORDER or never_tried or job.media_key == row.media_key


def _apart(ledger: Ledger, event: Event, jobs: Iterable[Job]) -> dict[int, Job]:
    """Give those jobs, by number, that go on as their next revision.

    Also one that came to nothing and was ordered after all: an order stands under its
    reference_id, and with a second one nobody could tell which of them is which.
    """
    known = {job.job_id: job for job in jobs}
    ordered = ledger.ordered_after_all(list(known))
    return {
        job_id: job
        for job_id, job in known.items()
        if (job.state, event) in NEXT_REVISION
        or ((job.state, event) in IN_PLACE_UNLESS_ORDERED and job_id in ordered)
    }


def _next(job: Job) -> JobKey:
    return JobKey(job.key.reference_id, job.key.revision + 1)


def _is_taken(job: Job, taken: Mapping[str, str]) -> str:
    """Say that an order stands under the next revision's name as well; empty if none does."""
    sent_as = _next(job).sent_as
    if sent_as not in taken:
        return ""
    return (
        f"`{sent_as}` is ordered already, as request {taken[sent_as]}, which is no order of this"
        " ledger's; order the row under another reference_id"
    )


def _move_on(ledger: Ledger, again: Again, job: Job, row: Row, *, place: tuple[int, int]) -> None:
    manifest_id, position = place
    ledger.next_revision(
        job.job_id, again.event, again.actor, row, manifest_id=manifest_id, position=position
    )


def _gone(ledger: Ledger, names: Collection[str]) -> Iterator[Refused]:
    jobs = ledger.latest_jobs(sorted(names))
    for name in sorted(names):
        yield Refused(jobs[name], "in no manifest any more, so there is nothing to send")


def _chunks(rows: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
