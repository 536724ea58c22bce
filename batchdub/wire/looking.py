"""The pace of free calls: their own, until the answers show that they share the orders' limit.

While they share it each free call takes a slot of the orders' pace. Orders go first: while one
waits, a free call gets one slot in ten, so that settling goes on; else whatever is not used.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from batchdub.wire.pacing import Pacer

if TYPE_CHECKING:
    from batchdub.clock import Clock
    from batchdub.units import Rate

SHARE = 10
"""Of so many slots one may be a free call's while orders wait."""


def shows_one_limit(orders: int, looks: int, calls: float) -> bool:
    """Tell from a 429 whether orders and free calls are counted together.

    `orders` and `looks` went out in the window that ended with it, neither of them more than the
    `calls` of a window; only together were they too many.
    """
    return orders > 0 and looks > 0 and orders + looks > calls


def slots_to_leave(*, order_waits: bool) -> int:
    """Tell how many slots a free call keeps from the one before it while they share a limit."""
    return SHARE if order_waits else 1


class LookPacer(Pacer):
    """Gives slots to free calls, at the pace of `rate`; `orders` is the pace of the orders."""

    def __init__(self, rate: Rate, clock: Clock, orders: Pacer) -> None:
        super().__init__(rate, clock)
        self._rate = rate
        self._orders = orders
        self._looks_s: deque[float] = deque()
        self._orders_s: deque[float] = deque()
        self.shared = False
        self.on_refused = self._weigh
        orders.on_take = self._count_order
        if not rate.auto:  # `auto` meets its own limit now and then, which shows nothing
            orders.on_refused = self._weigh

    async def slot(self) -> float:
        """Wait for the next slot, which is the orders' while these share their limit."""
        if not self.shared:
            at_s = await super().slot()
        else:
            async with self._turn:
                while (seconds := self._shared_wait_s()) > 0:
                    # Orders may stop waiting at any time.
                    await self._clock.sleep(min(seconds, self._orders.interval_s))
                at_s = await self._orders.lend()
                self._slot_at_s = at_s
        self._count(self._looks_s, at_s)
        return at_s

    def pause(self, seconds: float) -> None:
        """Let no free call go for some time; nor an order, while they share a limit."""
        super().pause(seconds)
        if self.shared:
            self._orders.pause(seconds)

    def _shared_wait_s(self) -> float:
        slots = slots_to_leave(order_waits=self._orders.waited_for)
        due_s = self._slot_at_s + slots * self._orders.interval_s
        return due_s - self._clock.monotonic_s()

    def _count_order(self, at_s: float) -> None:
        if not self.shared:
            self._count(self._orders_s, at_s)

    def _count(self, times_s: deque[float], at_s: float) -> None:
        times_s.append(at_s)
        while times_s[0] <= at_s - self._rate.window_s:
            times_s.popleft()

    def _weigh(self) -> None:
        """Look at what went out before a 429, and share from now on if it says so."""
        since_s = self._clock.monotonic_s() - self._rate.window_s
        orders = sum(1 for at_s in self._orders_s if at_s > since_s)
        looks = sum(1 for at_s in self._looks_s if at_s > since_s)
        if not self._rate.unlimited and shows_one_limit(orders, looks, self._calls()):
            self.shared = True

    def _calls(self) -> float:
        """Give how many orders a window holds: as told, or at the pace of `auto`."""
        rate = self._rate
        return rate.window_s / self._orders.interval_s if rate.auto else rate.calls
