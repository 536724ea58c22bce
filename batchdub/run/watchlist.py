"""The jobs that are asked about: by job, by request, and by when the next is due."""

from __future__ import annotations

import heapq

from batchdub.run.watch import Watched, first_due_s, wait_s


class Watchlist:
    """The watched jobs of a run, each once. Times are monotonic."""

    def __init__(self) -> None:
        self._jobs: dict[int, Watched] = {}
        self._by_request: dict[str, int] = {}
        self._due_s: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []
        self.awaited = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def has(self, watched: Watched) -> bool:
        """Whether this is what is known of the job still: no answer has changed it meanwhile."""
        return self._jobs.get(watched.job_id) is watched

    def of_request(self, request_id: str) -> Watched | None:
        """Give the job whose order this request is."""
        job_id = self._by_request.get(request_id.lower())
        return None if job_id is None else self._jobs[job_id]

    def put(self, watched: Watched, now_s: float) -> None:
        """Take a job up; what was known of it before is forgotten."""
        if (before := self._jobs.get(watched.job_id)) is not None:
            self.drop(before)
        self._jobs[watched.job_id] = watched
        self._by_request[watched.request_id.lower()] = watched.job_id
        self.awaited += watched.awaited
        self._set_due(watched.job_id, first_due_s(watched, now_s))

    def again(self, noted: Watched, now_s: float) -> bool:
        """Keep a job, with what is known of it now, to ask about it again; False after its time."""
        if now_s >= noted.until_s:
            self.drop(noted)
            return False
        self._jobs[noted.job_id] = noted
        due_s = min(now_s + wait_s(now_s - noted.since_s), noted.until_s)
        self._set_due(noted.job_id, due_s)
        return True

    def drop(self, watched: Watched) -> None:
        """Be done with a job; one that has got another request meanwhile stays."""
        known = self._jobs.get(watched.job_id)
        if known is None or known.request_id != watched.request_id:
            return
        del self._jobs[watched.job_id], self._due_s[watched.job_id]
        # A request that turned out to be another job's leads to that one already.
        if self._by_request.get(watched.request_id.lower()) == watched.job_id:
            del self._by_request[watched.request_id.lower()]
        self.awaited -= known.awaited

    @property
    def next_due_s(self) -> float | None:
        """When the next job is due at the earliest; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_s: float) -> list[Watched]:
        """Give the jobs that are due, the longest due first; `again` or `drop` each."""
        due = []
        while self._heap and self._heap[0][0] <= now_s:
            due_s, job_id = heapq.heappop(self._heap)
            # What was put off meanwhile stands in the heap once more, later.
            if self._due_s.get(job_id) == due_s:
                due.append(self._jobs[job_id])
        return due

    def _set_due(self, job_id: int, due_s: float) -> None:
        self._due_s[job_id] = due_s
        heapq.heappush(self._heap, (due_s, job_id))
