"""Now, and waiting: the one door to time, so that a night can run on a virtual clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the program sees it. The two readings are independent: wall clocks jump."""

    def now(self) -> datetime:
        """Give the wall clock's time, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Give seconds that only grow, from an arbitrary start, not comparable across restarts."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets other tasks run."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Give the wall clock's time, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Give seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        import asyncio  # noqa: PLC0415  whoever only tells the time does not wait for it

        await asyncio.sleep(max(0.0, seconds))
