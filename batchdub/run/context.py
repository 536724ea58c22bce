"""What every part of a run shares: the means to ask, and besides them the ledger and the desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from batchdub.exits import Exit
from batchdub.ledger import HeldLock, Ledger
from batchdub.models import JobKey, RemoteRequest
from batchdub.run.asking import Asking, before_stop
from batchdub.run.desk import Desk
from batchdub.run.journal import Journal
from batchdub.run.options import RunOptions
from batchdub.run.threshold import Failures, too_many
from batchdub.states import Event, JobState
from batchdub.wire import Pacer


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
    stalled: int = 0


@dataclass(slots=True, kw_only=True)
class RunContext(Asking):
    """What the steps of a run work with; `opened_s` is when orders might go, monotonic.

    `watch` hears of each job that is submitted, `fetch` of each that is completed, with the link to
    its dub.
    """

    options: RunOptions
    ledger: Ledger
    lock: HeldLock
    journal: Journal
    desk: Desk
    order_pace: Pacer
    tally: Tally = field(default_factory=Tally)
    failures: Failures = field(default_factory=Failures)
    opened_s: float = 0.0
    watch: Callable[[int], None] = lambda _: None
    fetch: Callable[[int, str], None] = lambda _job_id, _url: None

    def require_ours(self) -> None:
        """Raise LedgerUnusableError if ledger or lock was moved, deleted or replaced meanwhile."""
        self.ledger.require_same_file()
        self.lock.require_held()

    def order_ended(self, failure: str | None) -> None:
        """Take in the words an order was refused with, or None for one that was accepted."""
        self._heed(self.failures.after_order(failure))

    def dub_ended(self, failure: str | None) -> None:
        """Take in why a dub could not be made, or None for one that is done."""
        self._heed(self.failures.after_dub(failure))

    def _heed(self, failures: Failures) -> None:
        self.failures = failures
        if why := too_many(failures, self.options.max_failures):
            self.stop.ask(Exit.ROWS_FAILED, why)

    async def order_slot(self, prepare: Callable[[], Awaitable[bool]]) -> float | None:
        """Wait for the next slot of an order, prepare, take it, and give its time.

        None if the run stops first, or if `prepare` gives False.
        """
        if self.stop.asked:
            return None
        return await before_stop(self.stop.wait(), self.order_pace.slot_after(prepare))

    async def leave_to_person(self, job_id: int, name: str, reason: str) -> None:
        """Hold a job for a reason that only a person can judge, and have the run end with it."""
        await self.journal.write(partial(self.ledger.hold, job_id, reason))
        self.stop.note(Exit.NEEDS_A_LOOK, f"{name}: {reason}")

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
        self.desk.purse.paid_besides(job.job_id, len(duplicates))
        self.watch(job.job_id)
        for duplicate in duplicates:
            self.say(
                f"`{job.key.sent_as}` was ordered more than once:"
                f" {kept.request_id} is kept, {duplicate.request_id} is a duplicate"
            )
