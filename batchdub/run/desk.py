"""The desk: which row is sent next, and whether anything may be sent at this moment.

All waiting of the workers happens here, so the rules that hold orders back stand in one place:
the stop, the breaker, the canary, the purse, and after a loss the proof.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from batchdub.exits import Exit
from batchdub.models import JobKey, MediaVersion, Outcome, Row
from batchdub.preflight import Life
from batchdub.run.breaker import Breaker, Position, after_attempt, after_probe
from batchdub.run.purse import Purse
from batchdub.run.stop import Stop
from batchdub.states import Event


class Canary(StrEnum):
    """The first order of a run, which goes alone: how far it is."""

    READY = "ready"
    """Not sent yet."""
    OUT = "out"
    """Sent, and not yet seen in the API's list."""
    SEEN = "seen"
    """Seen; or the run goes without."""


@dataclass(slots=True, eq=False)
class Order:
    """A row on its way through the run: its job, and what this run has done for it so far.

    `reached` tells that a byte of an earlier attempt may have reached the API, so that a look-up
    must come before the next; `looked_at_s` is when the last complete empty one began, and
    `sent_at_s` when its last slot was (both monotonic). `sent` tells that this run has sent it.
    `tries` counts all but the 429s. `life` is how long its links are good, where they say so.
    `cost` is in millionths, None if it is not known. `media` are the versions of video and audio
    that a probe has seen, None where none has.
    """

    job_id: int
    key: JobKey
    row: Row
    reached: bool = False
    looked_at_s: float | None = None
    sent_at_s: float | None = None
    sent: bool = False
    tries: int = 0
    failed_looks: int = 0
    life: Life | None = None
    cost: int | None = None
    media: tuple[MediaVersion | None, MediaVersion | None] = (None, None)


class Desk:
    """Hands out orders while they may be sent, each with its share from the purse.

    `at_api` counts the submitted jobs that are being asked about; orders are held back while there
    are `max_in_flight`. While there is `polling` a job may still be put in doubt. While orders are
    `unproven`, because what was sent before a loss may still arrive, none goes.
    """

    def __init__(self, orders: Iterable[Order], stop: Stop, purse: Purse) -> None:
        self.stop = stop
        self.purse = purse
        self.breaker = Breaker()
        self.canary = Canary.SEEN
        self.open_doubts = 0
        self.max_in_flight: int | None = None
        self.at_api = 0
        self.polling = False
        self.unproven = False
        self._ready = deque(orders)
        self._in_hand: set[Order] = set()
        self._on_wire = 0
        self._canary_job: int | None = None
        self._changed = asyncio.Event()
        stop.on_ask = self.changed

    @property
    def left(self) -> int:
        """How many orders are still to be sent: those that wait, and those a worker has in hand."""
        return len(self._ready) + len(self._in_hand) - self._on_wire

    @property
    def may_go(self) -> int | None:
        """How many of those left the caps let go, by what the next one costs; None: all."""
        if not self._ready:
            return None
        room = self.purse.room(self._ready[0].cost)
        return None if room is None else room + len(self._in_hand) - self._on_wire

    @property
    def on_wire(self) -> int:
        """How many orders are between intent and outcome."""
        return self._on_wire

    @property
    def finished(self) -> bool:
        """Whether nothing can come any more: no order waits, moves, or may come back from doubt."""
        return not (self._in_hand or self.open_doubts or (self._ready and not self.stop.asked))

    def changed(self) -> None:
        """Wake all who wait, to look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_changed(self, timeout_s: float | None = None) -> None:
        """Wait until something changes, or for so many seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def take(self) -> Order | None:
        """Give the next order; None when the run has nothing more to send."""
        self._stop_at_cap()
        while not self.stop.asked and not self.finished:
            if self._ready and self._may_send() and not self.purse.refusal(self._ready[0].cost):
                order = self._ready.popleft()
                self._in_hand.add(order)
                self.purse.hand_out(order.job_id, order.cost)
                return order
            await self.wait_changed()
        return None

    def put_down(self, order: Order) -> None:
        """A worker is done with the order it took."""
        self._in_hand.discard(order)
        self.purse.put_down(order.job_id)
        self._stop_at_cap()
        self.changed()

    def put_back(self, order: Order) -> None:
        """An order is to be sent, again, ahead of those that were never tried."""
        self._ready.appendleft(order)
        self.changed()

    def proven(self, found: Collection[Order]) -> None:
        """Let orders go, but for those that were found at the API meanwhile."""
        self._ready = deque(order for order in self._ready if order not in found)
        self.unproven = False
        self.changed()

    async def gate(self) -> bool:
        """Wait until an order may go on the wire; False if none may any more."""
        while not self.stop.asked:
            if self._may_send():
                return True
            await self.wait_changed()
        return False

    def enter_wire(self, order: Order) -> bool:
        """Take the last look before the intent: False if things have changed since the gate."""
        if self.stop.asked or not self._may_send():
            return False
        self._on_wire += 1
        self.purse.send(order.job_id)
        order.sent = True
        if self.canary is Canary.READY:
            self.canary, self._canary_job = Canary.OUT, order.job_id
        return True

    def leave_wire(self, order: Order, outcome: Outcome) -> None:
        """Take in an outcome: what it says of the API, and of what was spent."""
        self._on_wire -= 1
        if outcome.event not in {Event.ACCEPTED, Event.LOST}:
            self.not_ordered(order.job_id)
        clear = outcome.event not in {Event.LOST, Event.NOT_SENT}
        self.breaker = after_attempt(self.breaker, clear=clear)
        if self.breaker.exhausted:
            self.stop.ask(
                Exit.API_UNAVAILABLE, "order after order got no clear answer", looks_go_on=True
            )
        self.changed()

    def not_ordered(self, job_id: int) -> None:
        """A job that may have been ordered was not."""
        self.purse.not_ordered(job_id)
        if job_id == self._canary_job and self.canary is Canary.OUT:
            self.canary = Canary.READY

    def seen(self, job_id: int) -> None:
        """The API's list has shown a job's order under its reference_id."""
        if job_id == self._canary_job:
            self.canary = Canary.SEEN
            self.changed()

    def is_canary(self, job_id: int) -> bool:
        """Whether the run waits to see this job's order before it sends another."""
        return self.canary is Canary.OUT and job_id == self._canary_job

    def doubt_settled(self) -> None:
        """One doubt fewer is open."""
        self.open_doubts -= 1
        self._stop_at_cap()
        self.changed()

    def probe_ended(self, *, succeeded: bool) -> None:
        """Take in the free call that was made while the breaker was open."""
        self.breaker = after_probe(self.breaker, succeeded=succeeded)
        if self.breaker.exhausted:
            self.stop.ask(Exit.API_UNAVAILABLE, "the API did not answer several times in a row")
        self.changed()

    def _may_send(self) -> bool:
        if self._full or self.unproven or self.canary is Canary.OUT:
            return False
        if self.breaker.position is Position.HALF_OPEN:
            return self._on_wire == 0
        return self.breaker.position is Position.CLOSED

    @property
    def _full(self) -> bool:
        # What is in doubt may well be at the API.
        unfinished = self.at_api + self._on_wire + self.open_doubts
        return self.max_in_flight is not None and unfinished >= self.max_in_flight

    def _stop_at_cap(self) -> None:
        """Stop when the next order may not go, and nothing may come back into the purse."""
        if self._in_hand or self.open_doubts or not self._ready:
            return
        if reached := self.purse.refusal(self._ready[0].cost):
            self.stop.ask(Exit.CAP, str(reached), hint=reached.hint)
