"""After a loss: what the lost ledger had sent may show in the API's list only later.

A call that was cut off may still be accepted, and an accepted order may take a while to be listed,
for up to the settle window. So what `ledger rebuild` has read, or a new ledger's first look, does
not prove that the rows it lacks were never ordered. The first run that has something to send keeps
its orders back until a settle window has passed since its own beginning, on our clock and by the
server's Dates, and then looks once more at all its rows. Doubts and dubs go on meanwhile.

What turns up is adopted if a person had the ledger rebuilt: what stands under these reference_ids
is theirs, from the time that they gave on. What is older, or turns up in a new ledger that nobody
rebuilt, stops the run, as at any start.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchdub.errors import ApiUnavailableError
from batchdub.models import RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import PAGE, Look, read_page
from batchdub.run.reckoning import PAGES, Reckoning, reckon
from batchdub.run.reconcile import (
    AFTER_WINDOW_S,
    PATIENCE_S,
    FirstLook,
    candidates,
    window_has_passed,
)
from batchdub.run.startlook import cannot_ask, look_at, stale_ledger
from batchdub.states import JobState
from batchdub.units import counted, format_duration

_LONGEST_WAIT_S = 30.0


class AfterLoss:
    """Keeps a run's orders back until they are proven; `reckoning` is of the last look.

    Without a loss, or without orders, it does nothing.
    """

    def __init__(self, context: RunContext, orders: Sequence[Order], reckoning: Reckoning) -> None:
        self._context = context
        self._orders = orders
        self.reckoning = reckoning
        context.desk.unproven = bool(orders) and context.ledger.unproven()
        self.adopts = context.desk.unproven and context.ledger.rebuilt()
        """Whether what turns up is adopted: then nothing that is there stops the run."""

    async def work(self) -> None:
        """Wait, look, and let the orders go.

        Raises StaleLedgerError, ApiUnavailableError or KeyRefusedError: then nothing was sent.
        """
        context = self._context
        if not context.desk.unproven:
            return
        context.say(
            f"orders begin in about {format_duration(context.options.settle_s)}: this ledger is new"
            " in the place of another, whose last orders the API's list may not show yet"
        )
        total = await self._wait_out_window()
        if total is None:
            return
        self.reckoning = reckon(context.ledger, total)
        unexplained = await look_at(context, self._orders, self.reckoning, new_ledger=True)
        since = context.ledger.rebuilt_since()
        strange = [
            (order, request)
            for order, request in unexplained
            if not self.adopts or (since is not None and request.created_at < since)
        ]
        if strange:
            raise stale_ledger(strange)
        if self.adopts and since is None and total > PAGES * PAGE:
            # Each row is looked up just before its send: what is there is then adopted as well.
            for order in self._orders:
                order.reached = True
        found = await self._adopt(unexplained)
        await context.journal.write(context.ledger.note_proven)
        context.desk.proven(found)

    async def _wait_out_window(self) -> int | None:
        """Wait, and give how many requests the account has then; None if the run stops first."""
        context = self._context
        first = await self._look()
        if first is None:
            return None
        began = FirstLook(first[0].server_ended_at, first[0].ended_s)
        wait_s = context.options.settle_s + AFTER_WINDOW_S
        gives_up_s = began.ended_s + 2 * context.options.settle_s + PATIENCE_S
        pause_s = 1.0
        while True:
            await context.nap(wait_s)
            seen = None if context.stop.asked else await self._look()
            if seen is None:
                return None
            look, total = seen
            if window_has_passed(look, began, context.options.settle_s):
                return total
            if look.ended_s > gives_up_s:
                raise ApiUnavailableError(
                    "nothing was sent: the server's clock does not show that the settle window has"
                    " passed since this run began",
                    "run the same command again later",
                )
            wait_s = pause_s = min(2 * pause_s, _LONGEST_WAIT_S)

    async def _look(self) -> tuple[Look, int] | None:
        """Read the server's Date, and how many requests there are; None if the run stops."""
        context = self._context
        began_s = context.clock.monotonic_s()
        page = await read_page(context, 0)
        if page is None:
            if context.stop.asked:
                return None
            raise cannot_ask(context)
        date, ended_s = page.server_date, context.clock.monotonic_s()
        return Look((), began_s, ended_s, date, date), page.total

    async def _adopt(self, unexplained: Sequence[tuple[Order, RemoteRequest]]) -> set[Order]:
        """Take what has turned up as the rows' orders; of several the earliest."""
        requests: dict[Order, list[RemoteRequest]] = {}
        for order, request in unexplained:
            requests.setdefault(order, []).append(request)
        for order, own in requests.items():
            await self._context.adopt(order, JobState.PENDING, candidates(own, None, ()))
        if requests:
            self._context.say(
                f"{counted(len(requests), 'row')} had been ordered before the loss, after all"
            )
        return set(requests)
