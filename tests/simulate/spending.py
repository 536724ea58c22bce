"""What was really paid, by the provider's books, against what the caps of a run allowed."""

from __future__ import annotations

from collections import Counter
from datetime import date

from tests.simulate.faults import Fault
from tests.simulate.scenario import cost_of
from tests.simulate.season import number_of

# What nobody can know of counts against no cap: a doubled call, a 429 that was none.
_UNKNOWABLE = frozenset({Fault.PROXY_TWICE, Fault.LATE_TOO, Fault.TOO_MANY_AFTER})


class Spending:
    """The orders of one season as they are taken, with what each costs; late ones count at once."""

    def __init__(self) -> None:
        self._of_days: Counter[date] = Counter()
        self.begin_run(None)

    def begin_run(self, day: date | None) -> None:
        """Begin the books of one process, on a day by our wall clock."""
        self._day = day
        self._orders = 0
        self._cost = 0
        self._of_this_run: Counter[date] = Counter()

    def take(self, passing, order) -> None:
        """Enter an order that the provider took."""
        if passing.fault in _UNKNOWABLE:
            return
        cost = cost_of(number_of(order.reference_id))
        self._orders += 1
        self._cost += cost
        self._of_this_run[passing.day] += cost
        self._of_days[passing.day] += cost

    def beyond(self, night, *, lost: bool):
        """Say which caps of a night the run has gone beyond.

        A day is judged by all its runs: not where the ledger that knew of them was `lost`, nor by
        a wall clock that jumped. Of a day that began meanwhile only this run can have ordered.
        """
        options = night.options
        if options.max_jobs is not None and self._orders > options.max_jobs:
            yield f"{self._orders} orders under a cap of {options.max_jobs}"
        if options.max_cost is not None and self._cost > options.max_cost:
            yield f"orders of {self._cost} under a cap of {options.max_cost}"
        cap = options.max_cost_per_day
        if cap is None or night.jumps:
            return
        for day, cost in self._of_this_run.items():
            spent = self._of_days[day] if day == self._day and not lost else cost
            if spent > cap:
                yield f"orders of {spent} on {day} under a cap of {cap} a day"
