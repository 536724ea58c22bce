"""A long night at the documented pace with some faults, and what it took: time and memory.

Counted is what the run's own parts keep; the stand-in API's books grow with every order.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter, deque
from dataclasses import dataclass

from batchdub.sandbox.limits import WindowKind
from batchdub.units import SPACING, parse_rate
from tests.support.night import Night, make_rows

RATE = parse_rate("60/min")
FAULTS = ("drop-after=0.004", "drop-before=0.003", "error-after=0.003")
_WARM = 30  # orders until what is in flight has been allocated under the eyes of the measurement
_OURS = ("*/batchdub/run/*", "*/batchdub/wire/*", "*/batchdub/ledger/*", "*/tenacity/*")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a night took. `ideal_s` is one order after the other at the stated spacing.

    `grown_bytes` is what was allocated for good between two moments of the night.
    """

    exit_code: int
    jobs: int
    elapsed_s: float
    refused: int
    books: Counter[str]
    grown_bytes: int
    findings: list[str]

    @property
    def ideal_s(self) -> float:
        """One order after the other, at the stated spacing."""
        return self.jobs * RATE.interval_s * SPACING


class Weighing:
    """Measures what is allocated between two orders of the night and still there at the second."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.posts = 0
        self.grown_bytes = 0

    def __call__(self, _request) -> None:
        self.posts += 1
        if self.posts == self.first:
            gc.collect()
            tracemalloc.start()
        elif self.posts == self.first + _WARM:
            self.grown_bytes = -self._kept()
        elif self.posts == self.last:
            self.grown_bytes += self._kept()
            tracemalloc.stop()

    def _kept(self) -> int:
        gc.collect()
        filters = [tracemalloc.Filter(inclusive=True, filename_pattern=p) for p in _OURS]
        shot = tracemalloc.take_snapshot().filter_traces(filters)
        return sum(trace.size for trace in shot.statistics("filename"))


async def long_night(folder, jobs, *, seed, settle_s, weigh):
    """Order so many jobs; memory is measured between the two orders of `weigh`."""
    night = Night(folder, *FAULTS, seed=seed, rate=RATE, window=WindowKind.SLIDING)
    night.transport.calls, night.snapshots = deque(maxlen=1), deque(maxlen=1)
    weighing = night.transport.before_post = Weighing(*weigh)
    result = await night.run(make_rows(jobs), rate=RATE, settle_s=settle_s)
    return Taken(
        exit_code=result.exit_code,
        jobs=jobs,
        elapsed_s=result.elapsed_s,
        refused=result.rate_limited,
        books=night.orders(),
        grown_bytes=weighing.grown_bytes,
        findings=night.findings(),
    )
