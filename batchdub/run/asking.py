"""What free calls need: the API, their own pace, time, chance, and who is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from batchdub.clock import Clock
from batchdub.run.server_clock import ServerClock
from batchdub.run.stop import Stop
from batchdub.wire import ApiClient, CallFailedError, Pacer

Say = Callable[[str], None]
"""Tells the person who watches one line."""


@dataclass(slots=True, kw_only=True)
class Asking:
    """The means to ask the API's list. `last_failure` is how the last call that failed did."""

    api: ApiClient
    look_pace: Pacer
    clock: Clock
    rng: random.Random
    say: Say
    stop: Stop
    server_clock: ServerClock
    last_failure: CallFailedError | None = None

    async def nap(self, seconds: float) -> None:
        """Wait, but not beyond the moment when the run is told to stop."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.stop.wait()
        except TimeoutError:
            return
