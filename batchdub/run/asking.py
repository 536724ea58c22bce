"""What free calls need: the API, their own pace, time, chance, and who is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from batchdub.clock import Clock
from batchdub.run.server_clock import ServerClock
from batchdub.run.stop import Stop
from batchdub.wire import ApiClient, CallFailedError, Pacer

T = TypeVar("T")

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
        """Wait, but not beyond the moment when nothing new may be sent."""
        await _wait_at_most(seconds, self.stop.wait())

    async def rest(self, seconds: float) -> None:
        """Wait between two looks, but not beyond the moment when these make no sense any more."""
        await _wait_at_most(seconds, self.stop.wait_for_last_look())

    async def freely(self, call: Coroutine[Any, Any, T]) -> T | None:
        """Make a free call, its wait for a slot included; None if the run stops looking first."""
        if not self.stop.may_look:
            call.close()
            return None
        return await before_stop(self.stop.wait_for_last_look(), call)


async def before_stop(stop: Coroutine[Any, Any, None], work: Coroutine[Any, Any, T]) -> T | None:
    """Do some work, or cancel it and give None if the stop comes first.

    Never for an order: what was cancelled half-way must not matter.
    """
    stopping, working = asyncio.ensure_future(stop), asyncio.ensure_future(work)
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _wait_at_most(seconds: float, stop: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await stop
    except TimeoutError:
        return
