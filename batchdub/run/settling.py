"""Settling doubts while the run goes on: look at the API's list, judge, and write the verdict.

Every doubt is looked at at once, then again ever more seldom, and once more when the settle
window has passed. What is shown not to exist goes back to the desk.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit
from batchdub.ledger import Doubt
from batchdub.run.canary import stop_if_canary
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import Look, look_up
from batchdub.run.reconcile import (
    AFTER_WINDOW_S,
    PATIENCE_S,
    Absent,
    Adopt,
    FirstLook,
    Held,
    NotYet,
    Verdict,
    judge,
)
from batchdub.states import JobState

_LOOKS_GROW = 4.0
_LONGEST_WAIT_S = 60.0


@dataclass(slots=True, order=True)
class _Open:
    """A doubt and its looks; `first` is the first complete one.

    Times are monotonic; `failing_since_s` is when looks began to fail one after the other.
    """

    due_s: float
    job_id: int
    order: Order | None = field(compare=False)
    first: FirstLook | None = field(compare=False, default=None)
    looks: int = field(compare=False, default=0)
    failed: int = field(compare=False, default=0)
    failing_since_s: float = field(compare=False, default=0.0)


class Settling:
    """The doubts that this run is trying to settle; `among` are the only ones it may take up."""

    def __init__(self, context: RunContext, among: frozenset[int] | None = None) -> None:
        self._context = context
        self._among = among
        self._heap: list[_Open] = []
        self._open: dict[int, _Open] = {}
        self.on_empty: Callable[[Order], None] = context.desk.put_back

    def add(self, job_id: int, order: Order | None) -> None:
        """Take up a doubt; `order` is what to send again if it turns out not to exist.

        One that is taken up already, because another row's answer showed it first, gets its order.
        """
        if (opened := self._open.get(job_id)) is not None:
            opened.order = order or opened.order
            return
        opened = _Open(self._context.clock.monotonic_s(), job_id, order)
        heapq.heappush(self._heap, opened)
        self._open[job_id] = opened
        self._context.desk.open_doubts += 1
        self._context.desk.changed()

    def add_others(self, besides: int) -> None:
        """Take up the doubts that one job's answer has brought upon others."""
        for doubt in self._context.ledger.doubts():
            if doubt.job_id != besides and (self._among is None or doubt.job_id in self._among):
                self.add(doubt.job_id, None)

    async def work(self) -> None:
        """Settle doubts until the run has nothing more to send or to ask, and none is open."""
        context = self._context
        while not context.desk.finished or context.desk.polling:
            if not context.stop.may_look:
                self._leave_all()
                return
            wait_s = self._heap[0].due_s - context.clock.monotonic_s() if self._heap else None
            if wait_s is None or wait_s > 0:
                await context.desk.wait_changed(wait_s)
                continue
            opened = heapq.heappop(self._heap)
            try:
                await self._look_at(opened)
            except LedgerUnusableError as error:
                # What is in flight may still end well, and its request_id be told.
                heapq.heappush(self._heap, opened)
                context.stop.ask(Exit.LEDGER_UNUSABLE, str(error))

    async def _look_at(self, opened: _Open) -> None:
        context = self._context
        doubts = context.ledger.doubts([opened.job_id])
        if not doubts:  # settled in another way meanwhile
            self._close(opened.job_id)
            return
        doubt = doubts[0]
        look = await look_up(context, doubt.key.sent_as)
        if look is None:
            self._again_after_failure(opened, doubt)
            return
        opened.looks += 1
        opened.failed = 0
        await self._act(opened, doubt, look, self._judge(opened, doubt, look))

    def _judge(self, opened: _Open, doubt: Doubt, look: Look) -> Verdict:
        context = self._context
        return judge(
            doubt,
            look,
            opened.first,
            taken=context.ledger.taken_from(
                doubt.job_id, [request.request_id for request in look.requests]
            ),
            settle_s=context.options.settle_s,
            now=context.clock.now(),
            hold_unknown=context.options.hold_unknown,
        )

    async def _act(self, opened: _Open, doubt: Doubt, look: Look, verdict: Verdict) -> None:
        match verdict:
            case Adopt(found):
                await self._context.adopt(doubt, JobState.IN_DOUBT, found)
                self.add_others(doubt.job_id)
                self._context.desk.seen(doubt.job_id)
                self._close(doubt.job_id)
            case Absent():
                await self._send_again(opened, doubt, look)
            case Held(reason):
                await self._hold(doubt, reason)
                self._leave(doubt)
            case NotYet():
                opened.first = opened.first or FirstLook(look.server_ended_at, look.ended_s)
                self._look_again(opened, opened.first, doubt)

    async def _send_again(self, opened: _Open, doubt: Doubt, look: Look) -> None:
        context = self._context
        await context.journal.write(partial(context.ledger.settle_absent, doubt.job_id))
        context.desk.not_ordered(doubt.job_id)
        if opened.order is not None:
            opened.order.looked_at_s = look.began_s
            self.on_empty(opened.order)
        self._close(doubt.job_id)

    async def _hold(self, doubt: Doubt, reason: str) -> None:
        if doubt.held != reason:
            ledger = self._context.ledger
            await self._context.journal.write(partial(ledger.hold, doubt.job_id, reason))

    def _leave(self, doubt: Doubt) -> None:
        """Give a doubt up for this run: it stays one."""
        stop_if_canary(self._context, doubt.job_id, doubt.key.sent_as)
        self._close(doubt.job_id, left=True)

    def _leave_all(self) -> None:
        while self._heap:
            self._close(heapq.heappop(self._heap).job_id, left=True)

    def _close(self, job_id: int, *, left: bool = False) -> None:
        """Be done with a doubt; one that was `left` in doubt is not taken up again in this run."""
        if not left:
            del self._open[job_id]
        self._context.desk.doubt_settled()

    # -- when to look again -------------------------------------------------------------------

    def _look_again(self, opened: _Open, first: FirstLook, doubt: Doubt) -> None:
        """Come back after 1, 4, 16 … seconds, and at the end of the window at the latest."""
        now_s = self._context.clock.monotonic_s()
        if self._in_vain(first.ended_s):
            self._leave(doubt)
            return
        ends_s = first.ended_s + self._context.options.settle_s + AFTER_WINDOW_S
        wait_s = min(_LOOKS_GROW ** min(opened.looks - 1, 4), _LONGEST_WAIT_S)
        soon_s = min(now_s + wait_s, ends_s) if now_s < ends_s else now_s + wait_s
        opened.due_s = max(soon_s, now_s + 1.0)
        heapq.heappush(self._heap, opened)

    def _again_after_failure(self, opened: _Open, doubt: Doubt) -> None:
        """After a look that failed, try later, but not for ever: it proves nothing."""
        now_s = self._context.clock.monotonic_s()
        if not opened.failed:
            opened.failing_since_s = now_s
        opened.failed += 1
        if self._in_vain(opened.failing_since_s):
            self._leave(doubt)
            return
        opened.due_s = now_s + min(2.0**opened.failed, _LONGEST_WAIT_S)
        heapq.heappush(self._heap, opened)

    def _in_vain(self, since_s: float) -> bool:
        patience_s = 2 * self._context.options.settle_s + PATIENCE_S
        return self._context.clock.monotonic_s() - since_s > patience_s
