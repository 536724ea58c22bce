"""When the next call may go: pure arithmetic (`Pace`), and a thin clockwork that waits (`Pacer`).

Calls are spaced evenly, a little wider than the limit asks for, and never in a burst: that keeps
fixed windows, sliding windows and token buckets alike free of refusals, without knowing which it
is. A slot that was not used in time is gone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batchdub.models import Cause
from batchdub.states import Event
from batchdub.units import SPACING
from batchdub.wire.learning import Learned, on_accepted, on_refused, on_sent, start_learning

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from batchdub.clock import Clock
    from batchdub.models import Outcome
    from batchdub.units import Rate

_LATE_SHARE = 0.002
_NAP_S = 0.25
_SHORTEST_PAUSE_S = 1.0
_SLOW_INTERVAL_S = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Evenly spaced slots: the spacing, when the next slot is due, and a pause for all.

    Times are seconds of the monotonic clock. `late_s` is how late a slot may be taken without
    moving the ones after it; it stays far below what `SPACING` leaves over in a whole window.
    """

    interval_s: float
    next_at_s: float
    late_s: float = 0.0
    paused_until_s: float = float("-inf")


def start_pace(
    interval_s: float, late_s: float, now_s: float, last_call_ago_s: float | None
) -> Pace:
    """Begin, so that the first slot keeps its distance to the last call before this process.

    A negative `last_call_ago_s` comes from a clock that was set back: as if it was just now.
    """
    if last_call_ago_s is None:
        return Pace(interval_s, now_s, late_s)
    return Pace(interval_s, now_s + interval_s - max(0.0, last_call_ago_s), late_s)


def wait_s(pace: Pace, now_s: float) -> float:
    """Tell how long until the next slot may be taken; 0 or less is now."""
    return max(pace.next_at_s, pace.paused_until_s) - now_s


def take_slot(pace: Pace, now_s: float) -> Pace:
    """Take the slot that is due: the pace afterwards."""
    due_s = max(pace.next_at_s, pace.paused_until_s, now_s - pace.late_s)
    return replace(pace, next_at_s=due_s + pace.interval_s)


def pause_for(pace: Pace, now_s: float, seconds: float) -> Pace:
    """Let no call go for some time; a longer pause that is on already stays."""
    return replace(pace, paused_until_s=max(pace.paused_until_s, now_s + seconds))


def refused_pause_s(refusals: int, interval_s: float, retry_after_s: float | None) -> float:
    """Choose the pause after a 429 at a told rate: as asked for, else 1 s doubling to a minute.

    `refusals` counts the ones in a row, from 1. It is never shorter than one interval.
    """
    if retry_after_s is not None:
        return max(retry_after_s, interval_s)
    return max(min(_SHORTEST_PAUSE_S * 2.0 ** min(refusals - 1, 6), 60.0), interval_s)


class Pacer:
    """Gives slots to many workers, first come first served, one rate for all of them.

    `last_call_ago_s` is how long before this start the last call went out, as the ledger
    remembers it, so that a loop of crashes keeps the limit. `learned_per_s` is what an earlier
    run learned, for a rate of `auto`. `on_take` is told the time of each slot as it is taken,
    `on_refused` that a call met a limit.
    """

    def __init__(
        self,
        rate: Rate,
        clock: Clock,
        *,
        last_call_ago_s: float | None = None,
        learned_per_s: float | None = None,
    ) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()
        self._refusals = 0
        self._refused_at_s = float("-inf")
        self._slot_at_s = float("-inf")
        self._preparing = self._lent = False
        self.on_take: Callable[[float], None] = _ignore
        self.on_refused: Callable[[], None] = _ignore
        self._learned = _start_learned(rate, learned_per_s)
        interval_s = self._learned.interval_s if self._learned else rate.interval_s * SPACING
        late_s = min(interval_s / 4, rate.window_s * _LATE_SHARE)
        self._pace = start_pace(interval_s, late_s, clock.monotonic_s(), last_call_ago_s)

    async def slot(self) -> float:
        """Wait for the next slot; gives the time it was taken at, for `feedback`.

        Fair: whoever came first goes first. A cancelled waiter has taken nothing.
        """
        async with self._turn:
            await self._due()
            return self._take()

    def slot_at_once(self) -> float | None:
        """Take a slot if no limit spaces calls and no pause is on; None says that it may be long.

        A wait that cannot be is not worth the means to cut it short.
        """
        if self._pace.interval_s or self._turn.locked() or self._wait_s() > 0:
            return None
        return self._take()

    async def slot_after(self, prepare: Callable[[], Awaitable[bool]]) -> float | None:
        """Wait for the next slot, do something that takes time, and only then take the slot.

        Others wait meanwhile: a call that came late for its slot would go together with the
        next one. None if `prepare` gives False; the slot is then still there for the next.
        """
        async with self._turn:
            while True:
                await self._due()
                if not await self._prepared(prepare):
                    return None
                # A pause may have begun while it prepared, or a free call have used the slot.
                if self._wait_s() <= 0 or self._goes_with_its_look():
                    now_s = self._clock.monotonic_s()
                    self._pace = replace(self._pace, next_at_s=max(now_s, self._pace.next_at_s))
                    return self._take()

    async def lend(self) -> float:
        """Take the next slot for a call of another kind, ahead of those who wait for one."""
        now_s = self._clock.monotonic_s()
        at_s = max(now_s, self._pace.next_at_s, self._pace.paused_until_s)
        self._take_at(at_s)
        self._lent = True
        await self._clock.sleep(at_s - now_s)
        while (paused_s := self._pace.paused_until_s - self._clock.monotonic_s()) > 0:
            await self._clock.sleep(paused_s)
        return self._clock.monotonic_s()

    @property
    def waited_for(self) -> bool:
        """Whether somebody waits for a slot, and not for something to be prepared."""
        return self._turn.locked() and not self._preparing

    def _goes_with_its_look(self) -> bool:
        """Whether a call goes right after the free call it needed, and the next one later.

        At a slow pace the look would be too old at the next slot, each time anew.
        """
        paused = self._pace.paused_until_s > self._clock.monotonic_s()
        return self._lent and not paused and self._pace.interval_s >= _SLOW_INTERVAL_S

    async def _prepared(self, prepare: Callable[[], Awaitable[bool]]) -> bool:
        self._preparing, self._lent = True, False
        try:
            return await prepare()
        finally:
            self._preparing = False

    async def _due(self) -> None:
        while (seconds := self._wait_s()) > 0:
            await self._clock.sleep(seconds)

    def _take(self) -> float:
        now_s = self._clock.monotonic_s()
        self._take_at(now_s)
        self.on_take(now_s)
        return now_s

    def _take_at(self, at_s: float) -> None:
        self._pace = take_slot(self._pace, at_s)
        self._slot_at_s = at_s
        if self._learned is not None:
            self._relearn(on_sent(self._learned, at_s))

    def pause(self, seconds: float) -> None:
        """Let nobody go for some time, those who wait already included."""
        self._pace = pause_for(self._pace, self._clock.monotonic_s(), seconds)

    def feedback(self, outcome: Outcome, sent_at_s: float | None = None) -> None:
        """Take notice of how a call ended: a 429 pauses all workers, and `auto` learns.

        Call it for every outcome, with the time that `slot` gave. Calls that were refused
        together make one pause.
        """
        now_s = self._clock.monotonic_s()
        sent_at_s = now_s if sent_at_s is None else sent_at_s
        if is_rate_limited(outcome):
            self.on_refused()
            self._refused(outcome.retry_after_s, sent_at_s, now_s)
        elif outcome.event in (Event.ACCEPTED, Event.REFUSED):
            self._let_through(sent_at_s, now_s)

    @property
    def learned_per_s(self) -> float | None:
        """The rate that `auto` has learned, worth keeping for the next run; None before that."""
        if self._learned is None or not self._learned.from_full:
            return None
        return self._learned.rate_per_s

    @property
    def interval_s(self) -> float:
        """Seconds between two calls at the present pace; 0 without a limit."""
        return self._pace.interval_s

    def _wait_s(self) -> float:
        seconds = wait_s(self._pace, self._clock.monotonic_s())
        # While probing, an answer may make the next slot come sooner than it looked.
        probing = self._learned is not None and self._learned.full_since is not None
        return min(seconds, _NAP_S) if probing else seconds

    def _refused(self, retry_after_s: float | None, sent_at_s: float, now_s: float) -> None:
        if self._learned is not None:
            self._relearn(on_refused(self._learned, sent_at_s))
            self.pause(retry_after_s or 0.0)
            return
        if sent_at_s <= self._refused_at_s:
            return
        self._refusals += 1
        self._refused_at_s = now_s
        self.pause(refused_pause_s(self._refusals, self._pace.interval_s, retry_after_s))

    def _let_through(self, sent_at_s: float, now_s: float) -> None:
        if sent_at_s > self._refused_at_s:
            self._refusals = 0
        if self._learned is not None:
            self._relearn(on_accepted(self._learned, sent_at_s))

    def _relearn(self, learned: Learned) -> None:
        self._learned = learned
        interval_s = learned.interval_s
        after_last_s = self._slot_at_s + interval_s
        if learned.full_since is not None:
            after_last_s = max(after_last_s, learned.refused_at + interval_s)
        next_at_s = max(after_last_s, learned.not_before_s)
        self._pace = replace(self._pace, interval_s=interval_s, next_at_s=next_at_s)


def _ignore(*_: float) -> None:
    """Nobody wants to know."""


def is_rate_limited(outcome: Outcome) -> bool:
    """Tell whether a call met the rate limit; a 429 of something in between counts as well."""
    return outcome.cause is Cause.RATE_LIMIT or outcome.http_status == 429


def _start_learned(rate: Rate, learned_per_s: float | None) -> Learned | None:
    if not rate.auto:
        return None
    if learned_per_s is not None:
        return start_learning(learned_per_s, known=True)
    return start_learning(rate.calls / rate.window_s)
