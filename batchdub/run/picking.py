"""Picking rows of a ledger for a command that does something with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from batchdub.ledger import Queries, open_for_reading
from batchdub.models import Job
from batchdub.run.judging import Judged, Refused, judge, refusal
from batchdub.select import Choosing, Selector
from batchdub.states import Event, JobState


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows a person wants something done to, and what.

    Those that `rows` chooses, in one of `states` if there are any, whose error has `error` in it,
    in any case of letters. What was taken out is meant only where `states` name it.
    """

    event: Event
    rows: Selector = field(default_factory=Selector)
    states: Collection[JobState] = ()
    error: str = ""

    @property
    def cancelled(self) -> bool:
        """Whether rows that were taken out are meant."""
        return JobState.CANCELLED in self.states

    def has(self, job: Job) -> bool:
        """Whether a chosen job is meant."""
        in_state = not self.states or job.state in self.states
        return in_state and self.error.casefold() in (job.error or "").casefold()


def pick(ledger_path: Path, wish: Wish) -> Judged:
    """Find the rows that are wanted, and judge which of them may be had.

    Raises LedgerUnusableError, and UnusableInputError, with near misses, for an empty choice.
    """
    with open_for_reading(ledger_path) as ledger, ledger.moment():
        jobs = pick_jobs(ledger, wish.rows, *wish.states)
        duplicates = ledger.unseen_duplicates()
    judged = judge(filter(wish.has, jobs), wish.event, duplicates, cancelled=wish.cancelled)
    return replace(judged, refused=(*judged.refused, *_unfit(jobs, wish)))


def _unfit(jobs: Iterable[Job], wish: Wish) -> Iterator[Refused]:
    """Give the rows that are named, each by its whole reference_id, and that the rest excludes."""
    for job in jobs:
        if not wish.has(job) and wish.rows.names(job.key.reference_id):
            why = refusal(job, wish.event, cancelled=wish.cancelled)
            yield Refused(
                job, why or f"it is {job.state}" + (f": {job.error}" if job.error else "")
            )


def pick_jobs(ledger: Queries, selector: Selector, *states: JobState) -> list[Job]:
    """Give the latest jobs that are chosen, in manifest order; without a choice those in `states`.

    Raises UnusableInputError, with near misses, if a choice was made and no row is in it.
    """
    if not selector.clauses:
        return list(ledger.jobs_in(*(states or JobState)))
    choosing = Choosing(selector)
    names = [
        row["reference_id"]
        for row in ledger.report_rows()
        if choosing.chooses(row["reference_id"], row["columns"], row["state"])
    ]
    choosing.require_all()
    jobs = ledger.latest_jobs(names)
    return [jobs[name] for name in names]
