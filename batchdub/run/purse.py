"""The purse: how many orders, and for how much, may still go in this run and today.

An order's share is set aside when a worker is handed the order, long before its intent, and comes
back only when it surely was no order. So what was spent and what may have been never exceed a
limit together, however many workers there are and whatever becomes of their calls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from batchdub.clock import Clock
from batchdub.hours import day_of
from batchdub.price import Amount
from batchdub.units import local_time


@dataclass(frozen=True, slots=True)
class Caps:
    """Most orders of a run, and most money of a run and of a day, in millionths; None: no cap.

    All money is of one currency, which may have no name.
    """

    jobs: int | None = None
    cost: int | None = None
    cost_per_day: int | None = None
    currency: str = ""

    @property
    def of_money(self) -> bool:
        """Whether what an order costs matters."""
        return self.cost is not None or self.cost_per_day is not None


NO_CAPS = Caps()


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that the next order would exceed: the option that set it, and how things stand.

    `hint` is as a StopReason's: the same command may not get any further, or not today.
    """

    limit: str
    standing: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"`{self.limit}` is reached" + (f": {self.standing}" if self.standing else "")


@dataclass(frozen=True, slots=True)
class SpentToday:
    """What the ledger says was spent today or may have been, in millionths.

    `doubtful` by job_id is what may yet turn out not to have been ordered; it is not in `settled`.
    """

    settled: int = 0
    doubtful: Mapping[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of it."""
        return self.settled + sum(self.doubtful.values())


class _Limit:
    """A sum over jobs that may not exceed `most`; None is no limit."""

    def __init__(self, option: str, most: int | None) -> None:
        self.option = option
        self.most = most
        self.shares: dict[int, int] = {}
        self.total = 0

    def set_aside(self, job_id: int, share: int) -> None:
        self.give_back(job_id)
        self.shares[job_id] = share
        self.total += share

    def give_back(self, job_id: int) -> None:
        self.total -= self.shares.pop(job_id, 0)

    def add(self, share: int) -> None:
        self.total += share

    def fits(self, share: int) -> bool:
        return self.most is None or self.total + share <= self.most

    def room(self, share: int) -> int | None:
        """Give how many such shares still fit; None if that is without end."""
        if self.most is None or not share:
            return None
        return max(0, (self.most - self.total) // share)


class Purse:
    """What may still be spent. `clock` tells when a new day begins, at midnight, local time."""

    def __init__(self, caps: Caps, clock: Clock, today: SpentToday | None = None) -> None:
        self._caps = caps
        self._clock = clock
        self._jobs = _Limit("--max-jobs", caps.jobs)
        self._cost = _Limit("--max-cost", caps.cost)
        self._day = _Limit("--max-cost-per-day", caps.cost_per_day)
        self._day_began_at, self._day_ends_at = day_of(clock.now())
        self._in_hand: set[int] = set()
        self._maybe_spent: set[int] = set()
        self._unpriced: set[int] = set()
        if today is not None:
            self._day.add(today.settled)
            for job_id, cost in today.doubtful.items():
                self._day.set_aside(job_id, cost)

    @property
    def spent(self) -> int:
        """What this run has spent or may have, in millionths, as far as it is known."""
        return self._cost.total

    @property
    def unpriced(self) -> int:
        """How many orders of this run have a cost that is not known."""
        return len(self._unpriced)

    # -- one order, from the desk to its end ---------------------------------------------------

    def refusal(self, cost: int | None) -> Reached | None:
        """Give the limit that the next order would exceed; None if it may go.

        An order of unknown cost counts for nothing here: under a cap on money it is never sent.
        """
        if self._caps == NO_CAPS:
            return None
        self._look_at_the_calendar()
        if not self._jobs.fits(1):
            return Reached(f"--max-jobs {self._caps.jobs}", hint=_way_out(self._jobs, 1))
        for limit in (self._cost, self._day):
            if not limit.fits(cost or 0):
                return self._reached(limit, cost or 0)
        return None

    def room(self, cost: int | None) -> int | None:
        """Give how many more orders of such a cost fit; None if no cap ends them."""
        rooms = (
            self._jobs.room(1),
            self._cost.room(cost or 0),
            self._day.room(cost or 0),
        )
        return min((room for room in rooms if room is not None), default=None)

    def hand_out(self, job_id: int, cost: int | None) -> None:
        """Set an order's share aside: a worker has it now. It must have been no refusal."""
        self._in_hand.add(job_id)
        self._jobs.set_aside(job_id, 1)
        self._cost.set_aside(job_id, cost or 0)
        self._day.set_aside(job_id, cost or 0)
        if cost is None:
            self._unpriced.add(job_id)

    def send(self, job_id: int) -> None:
        """The order's intent comes next: from now on it may be paid."""
        self._look_at_the_calendar()
        self._maybe_spent.add(job_id)

    def not_ordered(self, job_id: int) -> None:
        """What may have been an order surely was none."""
        self._maybe_spent.discard(job_id)
        self._give_back(job_id)

    def found(self, job_id: int, created_at: datetime, *, sent: bool) -> None:
        """An order in hand was found to exist already.

        It counts as this run's if this run has `sent` it before, and as today's if it is of today.
        """
        if sent:
            self._maybe_spent.add(job_id)
        elif created_at >= self._day_began_at:
            self._day.add(self._day.shares.get(job_id, 0))

    def put_down(self, job_id: int) -> None:
        """The worker is done with the order: what it surely has not spent comes back."""
        self._in_hand.discard(job_id)
        self._give_back(job_id)

    def paid_besides(self, job_id: int, number: int) -> None:
        """So many further orders of a job have shown: they cost what it does."""
        for limit in (self._cost, self._day):
            limit.add(number * limit.shares.get(job_id, 0))

    # -- inside -------------------------------------------------------------------------------

    def _give_back(self, job_id: int) -> None:
        if job_id in self._in_hand or job_id in self._maybe_spent:
            return
        for limit in (self._jobs, self._cost, self._day):
            limit.give_back(job_id)
        self._unpriced.discard(job_id)

    def _look_at_the_calendar(self) -> None:
        """Begin a new day with what is in hand alone: that may still be sent in it."""
        if self._day.most is None or (now := self._clock.now()) < self._day_ends_at:
            return
        self._day_began_at, self._day_ends_at = day_of(now)
        self._day = _kept(self._day, self._in_hand)

    def _reached(self, limit: _Limit, cost: int) -> Reached:
        most, total, next_one = (
            Amount(millionths, self._caps.currency)
            for millionths in (limit.most or 0, limit.total, cost)
        )
        today, hint = "", _way_out(limit, cost)
        if limit is self._day:
            today = " today"
            hint = hint or f"from {local_time(self._day_ends_at)} on, {{command}} orders the next"
        return Reached(
            f"{limit.option} {most}",
            f"{total} spent or maybe spent{today}, and the next order costs {next_one}",
            hint,
        )


def _way_out(limit: _Limit, share: int) -> str:
    """Say how to get on from a limit that the next order alone exceeds; empty if it does not."""
    if limit.most is None or share <= limit.most:
        return ""
    return f"raise `{limit.option}`: the next order alone is more, so no run gets any further"


def _kept(limit: _Limit, jobs: Collection[int]) -> _Limit:
    fresh = _Limit(limit.option, limit.most)
    for job_id in jobs:
        fresh.set_aside(job_id, limit.shares[job_id])
    return fresh
