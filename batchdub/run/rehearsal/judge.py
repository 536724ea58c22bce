"""The judgement on a rehearsal: the sandbox's books against the rows, and the ledger's word. Pure.

The books decide what was ordered. The ledger is only asked what it believes: an order that it does
not know is as lost as one that it believes in and the books do not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from batchdub.models import Job
from batchdub.states import ORDERED, JobState

_CHUNK = 500
_NAMED = 10

KnownJobs = Callable[[Sequence[str]], Mapping[str, Job]]
"""Gives the ledger's job of each reference_id that has one."""


@dataclass(slots=True)
class Judgement:
    """What the books say of the rows.

    `orders` counts all that was paid for, `duplicates` those of them beyond the first of a row.
    `losses` counts rows that should have been ordered and were not, or whose order the ledger
    does not know. `held` were not to be ordered, `left` had no tokens left. `named` tells of the
    first duplicates and losses.
    """

    rows: int = 0
    orders: int = 0
    duplicates: int = 0
    losses: int = 0
    held: int = 0
    left: int = 0
    named: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether nothing was paid twice and nothing was lost."""
        return not self.duplicates and not self.losses

    def name(self, what: str) -> None:
        """Tell of one more duplicate or loss, if it is among the first."""
        if len(self.named) < _NAMED:
            self.named = (*self.named, what)


def judge(
    reference_ids: Iterable[str],
    books: Mapping[str, Sequence[str]],
    known: KnownJobs,
    *,
    limit_stands: bool,
) -> Judgement:
    """Judge a rehearsal.

    `reference_ids` are those of the valid, chosen rows, `books` the request_ids of every order by
    reference_id, and `limit_stands` tells that the account had no tokens left at the end.
    """
    judgement = Judgement(orders=sum(map(len, books.values())))
    ours = set()
    for reference_id, job in _with_jobs(reference_ids, known):
        judgement.rows += 1
        ours.add(reference_id)
        requests = books.get(reference_id, ())
        if requests:
            _judge_ordered(judgement, reference_id, requests, job)
        else:
            _judge_missing(judgement, reference_id, job, limit_stands=limit_stands)
    for stranger in books.keys() - ours:
        judgement.duplicates += len(books[stranger])
        judgement.name(f"`{stranger}`: ordered, though no row has it")
    return judgement


def _with_jobs(reference_ids: Iterable[str], known: KnownJobs) -> Iterator[tuple[str, Job | None]]:
    iterator = iter(reference_ids)
    while chunk := list(islice(iterator, _CHUNK)):
        jobs = known(chunk)
        for reference_id in chunk:
            yield reference_id, jobs.get(reference_id)


def _judge_ordered(
    judgement: Judgement, reference_id: str, requests: Sequence[str], job: Job | None
) -> None:
    if len(requests) > 1:
        judgement.duplicates += len(requests) - 1
        judgement.name(f"`{reference_id}`: ordered {len(requests)} times")
    if job is None or job.state not in ORDERED or job.request_id not in requests:
        judgement.losses += 1
        state = "unknown" if job is None else str(job.state)
        judgement.name(f"`{reference_id}`: ordered, but {state} in the ledger")


def _judge_missing(
    judgement: Judgement, reference_id: str, job: Job | None, *, limit_stands: bool
) -> None:
    if job is not None and (
        job.state is JobState.REJECTED or (job.state is JobState.PENDING and job.held)
    ):
        judgement.held += 1
    elif job is not None and job.state is JobState.PENDING and limit_stands:
        judgement.left += 1
    else:
        judgement.losses += 1
        state = "unknown" if job is None else str(job.state)
        judgement.name(f"`{reference_id}`: never ordered, and {state} in the ledger")
