"""A virtual clock: an event loop whose time jumps to the next timer instead of waiting.

A night of eight hours runs in the time its work takes. Nothing here may wait for a real socket:
with no timer left and nothing ready the loop is stuck, and says so.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


class StuckError(AssertionError):
    """Every task waits, and no timer is left to wake one."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting `timeout` seconds, move the clock on by them."""

    def __init__(self) -> None:
        super().__init__()
        self.time_s = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise StuckError("deadlock on the virtual clock")
        self.time_s += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock that starts at 0 s."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # Two timers closer than this fire together; real loops use the clock's resolution.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.time_s


class VirtualClock:
    """A `Clock` on the running virtual loop; `skew_s` sets the wall clock wrong on purpose."""

    def __init__(self, start: datetime = EPOCH, skew_s: float = 0.0) -> None:
        self.start = start
        self.skew_s = skew_s

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic_s() + self.skew_s)

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def virtual_run(coroutine):
    """Run a coroutine to its end on a new virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
