"""Settling doubts while the run goes on: look at the API's list, judge, and write the verdict.

Every doubt is looked at at once, then again ever more seldom, and once more when the settle
window has passed. What is shown not to exist goes back to the desk.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from batchdub.ledger import Doubt
from batchdub.run.canary import stop_if_canary
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import Look, look_up
from batchdub.run.reconcile import (
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
_AFTER_WINDOW_S = 1.05  # past the second to which a Date header is cut
_PATIENCE_S = 60.0  # beyond the window, for a list that does not answer


@dataclass(slots=True, order=True)
class _Open:
    due_s: float
    job_id: int
    opened_s: float = field(compare=False)
    order: Order | None = field(compare=False)
    first: FirstLook | None = field(compare=False, default=None)
    looks: int = field(compare=False, default=0)
    failed: int = field(compare=False, default=0)


class Settling:
    """The doubts that this run is trying to settle."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._heap: list[_Open] = []
        self.on_empty: Callable[[Order], None] = context.desk.put_back

    def add(self, job_id: int, order: Order | None) -> None:
        """Take up a doubt; `order` is what to send again if it turns out not to exist."""
        now_s = self._context.clock.monotonic_s()
        heapq.heappush(self._heap, _Open(now_s, job_id, now_s, order))
        self._context.desk.open_doubts += 1
        self._context.desk.changed()

    async def work(self) -> None:
        """Settle doubts until the run has nothing more to send and none is open."""
        context = self._context
        while not context.desk.finished:
            if not context.stop.may_look:
                self._leave_all()
                return
            wait_s = self._heap[0].due_s - context.clock.monotonic_s() if self._heap else None
            if wait_s is None or wait_s > 0:
                await context.desk.wait_changed(wait_s)
                continue
            await self._look_at(heapq.heappop(self._heap))

    async def _look_at(self, opened: _Open) -> None:
        context = self._context
        doubts = context.ledger.doubts([opened.job_id])
        if not doubts:
            context.desk.doubt_settled()
            return
        doubt = doubts[0]
        look = await look_up(context, doubt.key.sent_as)
        if look is None:
            self._again_or_never(opened)
            return
        opened.looks += 1
        opened.failed = 0
        await self._act(opened, doubt, look, self._judge(opened, doubt, look))

    def _judge(self, opened: _Open, doubt: Doubt, look: Look) -> Verdict:
        context = self._context
        ids = [request.request_id for request in look.requests]
        opened.first = opened.first or _first_of_earlier_run(doubt)
        return judge(
            doubt,
            look,
            opened.first,
            taken=context.ledger.explains(ids),
            settle_s=context.options.settle_s,
            now=context.clock.now(),
            hold_unknown=context.options.hold_unknown,
        )

    async def _act(self, opened: _Open, doubt: Doubt, look: Look, verdict: Verdict) -> None:
        match verdict:
            case Adopt(found):
                await self._context.adopt(doubt, JobState.IN_DOUBT, found)
                self._context.desk.seen(doubt.job_id)
                self._context.desk.doubt_settled()
            case Absent():
                await self._send_again(opened, doubt, look)
            case Held(reason):
                await self._hold(doubt, reason)
                stop_if_canary(self._context, doubt.job_id, doubt.key.sent_as)
                self._context.desk.doubt_settled()
            case NotYet(first=True):
                await self._begin_window(opened, doubt, look)
                self._look_again(opened)
            case NotYet():
                self._look_again(opened)

    async def _send_again(self, opened: _Open, doubt: Doubt, look: Look) -> None:
        context = self._context
        await context.journal.write(partial(context.ledger.settle_absent, doubt.job_id))
        context.desk.not_ordered(doubt.job_id)
        if opened.order is not None:
            opened.order.looked_at_s = look.began_s
            self.on_empty(opened.order)
        context.desk.doubt_settled()

    async def _hold(self, doubt: Doubt, reason: str) -> None:
        if doubt.held != reason:
            ledger = self._context.ledger
            await self._context.journal.write(partial(ledger.hold, doubt.job_id, reason))

    async def _begin_window(self, opened: _Open, doubt: Doubt, look: Look) -> None:
        context = self._context
        opened.first = FirstLook(look.server_ended_at, context.clock.now(), look.ended_s)
        opened.looks = 1
        await context.journal.write(
            partial(
                context.ledger.note_empty_look, doubt.job_id, doubt.attempt_no, look.server_ended_at
            )
        )

    def _look_again(self, opened: _Open) -> None:
        """Come back after 1, 4, 16 … seconds, and at the end of the window at the latest."""
        now_s = self._context.clock.monotonic_s()
        first_s = opened.first.ended_s if opened.first else None
        ends_s = now_s if first_s is None else first_s + self._context.options.settle_s
        next_s = now_s + _LOOKS_GROW ** max(opened.looks - 1, 0)
        opened.due_s = max(min(next_s, ends_s + _AFTER_WINDOW_S), now_s + 1.0)
        heapq.heappush(self._heap, opened)

    def _again_or_never(self, opened: _Open) -> None:
        """After a look that failed: try later, but not for ever. It stays in doubt then."""
        context = self._context
        now_s = context.clock.monotonic_s()
        opened.failed += 1
        if now_s - opened.opened_s > 2 * context.options.settle_s + _PATIENCE_S:
            context.desk.doubt_settled()
            return
        opened.due_s = now_s + min(2.0**opened.failed, 60.0)
        heapq.heappush(self._heap, opened)

    def _leave_all(self) -> None:
        for _ in range(len(self._heap)):
            self._context.desk.doubt_settled()
        self._heap.clear()


def _first_of_earlier_run(doubt: Doubt) -> FirstLook | None:
    if doubt.empty_wall_at is None:
        return None
    return FirstLook(doubt.empty_server_at, doubt.empty_wall_at, ended_s=None)
