"""What every part of a run shares: the API, the ledger, time, chance, and who is told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from batchdub.clock import Clock
from batchdub.ledger import Ledger
from batchdub.models import JobKey, RemoteRequest
from batchdub.run.desk import Desk
from batchdub.run.journal import Journal
from batchdub.run.options import RunOptions
from batchdub.run.server_clock import ServerClock
from batchdub.run.stop import Stop
from batchdub.states import Event, JobState
from batchdub.wire import ApiClient, CallFailedError, Pacer

Say = Callable[[str], None]
"""Tells the person who watches one line."""


class Adoptable(Protocol):
    """Whatever names a job: an order, a doubt, a job."""

    @property
    def job_id(self) -> int:
        """The ledger's number of the job."""
        ...

    @property
    def key(self) -> JobKey:
        """Its reference_id and revision."""
        ...


@dataclass(slots=True)
class Tally:
    """What this run did, for progress and summary."""

    events: Counter[Event] = field(default_factory=Counter)
    rate_limited: int = 0
    adopted: int = 0
    resent: int = 0


@dataclass(slots=True)
class RunContext:
    """The things that the steps of a run work with."""

    options: RunOptions
    ledger: Ledger
    journal: Journal
    api: ApiClient
    clock: Clock
    rng: random.Random
    say: Say
    stop: Stop
    desk: Desk
    order_pace: Pacer
    look_pace: Pacer
    server_clock: ServerClock
    tally: Tally = field(default_factory=Tally)
    last_failure: CallFailedError | None = None

    async def nap(self, seconds: float) -> None:
        """Wait, but not beyond the moment when the run is told to stop."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.stop.wait()
        except TimeoutError:
            return

    async def order_slot(self) -> float | None:
        """Wait for the next slot of an order and give its time; None if the run stops first."""
        if self.options.rate.unlimited:
            return await self.order_pace.slot()
        slot = asyncio.ensure_future(self.order_pace.slot())
        stopped = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({slot, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return slot.result() if slot.done() and not self.stop.asked else None
        finally:
            slot.cancel()
            stopped.cancel()

    async def adopt(self, job: Adoptable, state: JobState, found: Sequence[RemoteRequest]) -> None:
        """Take the earliest of these requests as a job's order; further ones are duplicates.

        `found` are the job's own, the earliest first, and at least one.
        """
        kept, *duplicates = found

        def change() -> None:
            self.ledger.adopt(job.job_id, state, kept)
            for duplicate in duplicates:
                self.ledger.record_other(job.job_id, duplicate, "duplicate")

        await self.journal.write(change)
        self.tally.adopted += 1
        for duplicate in duplicates:
            self.say(
                f"`{job.key.sent_as}` was ordered more than once:"
                f" {kept.request_id} is kept, {duplicate.request_id} is a duplicate"
            )
