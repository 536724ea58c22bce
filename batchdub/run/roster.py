"""Who is asked about in a run: taken up when submitted, asked again later, dropped when done."""

from __future__ import annotations

from collections.abc import Collection

from batchdub.models import Job
from batchdub.run.context import RunContext
from batchdub.run.watch import Watched
from batchdub.run.watchlist import Watchlist
from batchdub.states import JobState


class Roster:
    """The submitted jobs that a run asks about, counted at the desk as being at the API.

    `awaited` are those the run does not end before: without `--wait` none, for then they are only
    counted. `stalled` were asked about for as long as it waits for one; `disputed` are the job_ids
    of those that this run has put in doubt.
    """

    def __init__(self, context: RunContext, awaited: Collection[int]) -> None:
        self._context = context
        self._awaited = frozenset(awaited) if context.options.wait else frozenset()
        self.watched = Watchlist()
        self.stalled: list[Watched] = []
        self.disputed: set[int] = set()

    def begin(self) -> None:
        """Take up what is submitted already: with `--max-in-flight` of every manifest."""
        every = self._context.options.max_in_flight is not None
        for job in self._context.ledger.jobs_in(JobState.SUBMITTED):
            if every or job.job_id in self._awaited:
                self._take_up(job)

    def add(self, job_id: int) -> None:
        """Take up a job that has just been submitted."""
        for job in self._context.ledger.jobs_by_id([job_id]):
            self._take_up(job)

    def again(self, watched: Watched, noted: Watched | None = None) -> None:
        """Ask about a job again later; or, after its time, not any more in this run."""
        if not self.watched.has(watched):
            return
        now_s = self._context.clock.monotonic_s()
        if not self.watched.again(noted or watched, now_s):
            self.stalled.append(noted or watched)
            self._count()

    def drop(self, watched: Watched) -> None:
        """Be done with a job in this run."""
        self.watched.drop(watched)
        self._count()

    def _take_up(self, job: Job) -> None:
        if job.request_id is None or job.state is not JobState.SUBMITTED:
            return
        clock = self._context.clock
        now_s = clock.monotonic_s()
        age_s = (clock.now() - job.submitted_at).total_seconds() if job.submitted_at else 0.0
        self.watched.put(
            Watched(
                job_id=job.job_id,
                key=job.key,
                request_id=job.request_id,
                since_s=now_s - max(0.0, age_s),
                until_s=now_s + self._context.options.wait_limit_s,
                status=job.remote_status,
                error=job.error,
                disputed=job.job_id in self.disputed,
                awaited=job.job_id in self._awaited,
            ),
            now_s,
        )
        self._count()

    def _count(self) -> None:
        self._context.desk.at_api = len(self.watched)
        self._context.desk.changed()
