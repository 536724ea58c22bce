"""Workers that call a limited server through a pacer, on the virtual clock, and the count of it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.units import parse_rate
from batchdub.wire import Pacer
from tests.support.virtual import VirtualClock
from tests.wire.limit_servers import WINDOW_S

OK = Outcome(Event.ACCEPTED, Cause.ACCEPTED)
REFUSED = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, http_status=429)
LATENCY_S = (0.02, 0.4)


@dataclass(frozen=True, slots=True)
class Calls:
    """How some calls went: their answers' times, what was refused, and what was learned."""

    accepted: int
    refused: int
    seconds: float
    learned_per_s: float | None

    @property
    def refused_share(self) -> float:
        """The 429s among all calls."""
        return self.refused / (self.accepted + self.refused)

    def use_of(self, limit) -> float:
        """How much of a limit, told in calls a window, was used."""
        return self.accepted / self.seconds * WINDOW_S / limit


async def call_through(server, calls, *, pacer=None, workers=8, seed=1, **learned):
    """Let workers call until so many were answered."""
    pacer = pacer or Pacer(parse_rate("auto"), VirtualClock(), **learned)
    clock, rng = VirtualClock(), random.Random(seed)  # noqa: S311  chance that can be repeated
    accepted = refused = 0
    began_s = clock.monotonic_s()

    async def worker():
        nonlocal accepted, refused
        while accepted + refused < calls:
            at_s = await pacer.slot()
            latency_s = rng.uniform(*LATENCY_S)
            await asyncio.sleep(latency_s / 2)
            allowed = server.allows(clock.monotonic_s())
            accepted, refused = accepted + allowed, refused + (not allowed)
            await asyncio.sleep(latency_s / 2)
            pacer.feedback(OK if allowed else REFUSED, at_s)

    await asyncio.gather(*(worker() for _ in range(workers)))
    return Calls(accepted, refused, clock.monotonic_s() - began_s, pacer.learned_per_s)
