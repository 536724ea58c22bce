"""Polling: asking about submitted jobs until each has ended, while orders may go on beside it.

Jobs are known by their request_id alone. Where the account's list answers for many jobs in fewer
calls it is read, and what a page shows counts at once; what the list does not show proves nothing,
and is asked for by its id. `watch` decides what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from functools import partial

from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit
from batchdub.models import Job, RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.lookup import PAGE, look_up, read_page, read_request
from batchdub.run.settling import Settling
from batchdub.run.watch import (
    Disputed,
    Ended,
    Going,
    Gone,
    Odd,
    Verdict,
    Watched,
    judge_answer,
    pages_are_cheaper,
)
from batchdub.run.watchlist import Watchlist
from batchdub.states import Event, JobState
from batchdub.units import counted, format_duration
from batchdub.wire.listing import MAX_PAGES

_AT_ONCE = 4
_WITHOUT_LIST = 20  # asked about one by one where the list fails: a thousand would take too long
_SHOWN = 10


class Polling:
    """The submitted jobs that this run asks about. `awaited` are those it does not end before.

    Without `--wait` none is awaited: they are only counted, for `--max-in-flight`.
    """

    def __init__(self, context: RunContext, settling: Settling, awaited: Collection[int]) -> None:
        self._context = context
        self._settling = settling
        self._awaited = frozenset(awaited) if context.options.wait else frozenset()
        self._list = Watchlist()
        self._disputed: set[int] = set()
        self._rows: int | None = None
        self._rows_a_page = PAGE
        self._silent = False
        self.stalled: list[Watched] = []
        context.watch = self.watch
        context.desk.polling = True

    def begin(self) -> None:
        """Take up what is submitted already: with `--max-in-flight` of every manifest."""
        every = self._context.options.max_in_flight is not None
        for job in self._context.ledger.jobs_in(JobState.SUBMITTED):
            if every or job.job_id in self._awaited:
                self._take_up(job)

    def watch(self, job_id: int) -> None:
        """Take up a job that has just been submitted."""
        for job in self._context.ledger.jobs_by_id([job_id]):
            self._take_up(job)

    @property
    def waiting(self) -> int:
        """How many awaited jobs have not ended."""
        return self._list.awaited

    async def work(self) -> None:
        """Ask until nothing can be sent any more and no awaited job is left."""
        desk, stop = self._context.desk, self._context.stop
        told = False
        try:
            while stop.may_look and not (desk.finished and not self.waiting):
                if desk.finished and not told:
                    told = True
                    self._tell_waiting()
                await self._turn()
        except LedgerUnusableError as error:
            # What is in flight may still end well, and its request_id be told.
            stop.ask(Exit.LEDGER_UNUSABLE, str(error))
        finally:
            self._tell_stalled()
            desk.polling = False
            desk.changed()

    def _tell_waiting(self) -> None:
        reasons = self._context.stop.reasons if self._context.stop.asked else []
        why = f"nothing more is ordered: {reasons[0].message}; " if reasons else ""
        limit = format_duration(self._context.options.wait_limit_s)
        self._context.say(f"{why}waiting for {self.waiting:,} at the API, for up to {limit} each")

    def _tell_stalled(self) -> None:
        """Say which jobs were given up for this run; they stay submitted."""
        waited = format_duration(self._context.options.wait_limit_s)
        for watched in self.stalled[:_SHOWN]:
            status = f"its status is `{watched.status}`" if watched.status else "it was never seen"
            self._context.say(f"{_name(watched)} is stalled: after {waited} {status}")
        if (more := len(self.stalled) - _SHOWN) > 0:
            self._context.say(f"… and {more:,} more are stalled")
        if self.stalled and self._silent:
            left = counted(len(self.stalled), "row")
            self._context.stop.note(
                Exit.API_UNAVAILABLE, f"the API did not answer any more about {left}"
            )

    async def _turn(self) -> None:
        now_s = self._context.clock.monotonic_s()
        if due := self._list.take_due(now_s):
            await self._ask_about(due)
            return
        next_s = self._list.next_due_s
        await self._context.desk.wait_changed(None if next_s is None else next_s - now_s)

    # -- asking ---------------------------------------------------------------------------------

    async def _ask_about(self, due: Collection[Watched]) -> None:
        """Ask about the jobs that are due, by whichever way is fewer calls."""
        self._context.require_ours()
        unseen = {watched.job_id for watched in due}
        readable = await self._by_pages(unseen)
        alone = [watched for watched in due if watched.job_id in unseen]
        asked = alone if readable else alone[:_WITHOUT_LIST]
        answered = await self._one_by_one(asked)
        self._silent = not (readable and answered)
        for watched in alone[len(asked) :]:
            self._again(watched)

    async def _by_pages(self, unseen: set[int]) -> bool:
        """Read the account's list as far as that saves calls; False if a page cannot be read.

        The list may change meanwhile: what a page shows is true all the same.
        """
        offset, left = 0, self._rows
        for _ in range(MAX_PAGES):
            if not pages_are_cheaper(len(unseen), left, self._rows_a_page):
                break
            page = await read_page(self._context, offset)
            if page is None:
                return False
            offset += len(page.requests)
            self._rows, left = page.total, page.total - offset if page.requests else 0
            if left > 0:
                self._rows_a_page = len(page.requests)
            await self._take_in(page.requests, unseen)
        return True

    async def _take_in(self, requests: Iterable[RemoteRequest], unseen: set[int]) -> None:
        changes = []
        for request in requests:
            watched = self._list.of_request(request.request_id)
            if watched is not None:
                unseen.discard(watched.job_id)
                changes.append(self._heed(watched, request))
        await asyncio.gather(*changes)

    async def _one_by_one(self, alone: Collection[Watched]) -> bool:
        """Ask about each of these by its id; False if the API does not answer."""
        waiting = iter(alone)
        answered = True

        async def ask_some() -> None:
            nonlocal answered
            for watched in waiting:
                answer = await read_request(self._context, watched.request_id) if answered else None
                if answer is None:
                    answered = False
                    self._again(watched)
                else:
                    await self._heed(watched, answer[0])

        await asyncio.gather(*(ask_some() for _ in range(min(_AT_ONCE, len(alone)))))
        return answered

    # -- what an answer leads to ------------------------------------------------------------------

    async def _heed(self, watched: Watched, seen: RemoteRequest | None) -> None:
        if not self._list.has(watched):  # answered in another way meanwhile
            return
        now_s = self._context.clock.monotonic_s()
        settle_s = self._context.options.settle_s
        await self._act(watched, judge_answer(watched, seen, now_s=now_s, settle_s=settle_s))

    async def _act(self, watched: Watched, verdict: Verdict) -> None:
        match verdict:
            case Ended(event, seen):
                await self._end(watched, event, seen)
            case Going(noted, seen):
                await self._note(watched, noted, seen)
            case Gone(reason):
                await self._look_for(watched, reason)
            case Disputed(reason):
                await self._dispute(watched, reason)
            case Odd(reason):
                message = f"{_name(watched)}: {reason}; ask the provider about it"
                self._context.stop.note(Exit.NEEDS_A_LOOK, message)
                self._drop(watched)

    async def _end(self, watched: Watched, event: Event, seen: RemoteRequest) -> None:
        """Record how a job ended: from here on its output may be fetched."""
        record = partial(self._context.ledger.record_status, watched.job_id, seen, event)
        if await self._write(watched, record):
            self._context.tally.events[event] += 1
            failed = event is Event.FAILED
            if event is Event.COMPLETED:
                self._context.fetch(watched.job_id, seen.output_url or "")
            if not self._context.stop.asked:
                self._context.dub_ended((seen.error_message or "failed") if failed else None)
        self._drop(watched)

    async def _note(self, watched: Watched, noted: Watched, seen: RemoteRequest | None) -> None:
        known = (watched.status, watched.error) == (noted.status, noted.error)
        if seen is not None and not known:
            record = partial(self._context.ledger.record_status, watched.job_id, seen)
            if not await self._write(watched, record):
                self._drop(watched)
                return
        self._again(watched, noted)

    async def _look_for(self, watched: Watched, reason: str) -> None:
        """Ask the list about a job whose id is unknown: a failed look proves nothing, as ever."""
        look = await look_up(self._context, watched.key.sent_as)
        if look is None:
            self._again(watched)
            return
        wanted = watched.request_id.lower()
        found = [request for request in look.requests if request.request_id.lower() == wanted]
        if found:
            await self._heed(watched, found[0])
        else:
            await self._dispute(watched, reason)

    async def _dispute(self, watched: Watched, reason: str) -> None:
        """Put a job in doubt, held: the list may show its own order, else a person decides."""
        ledger = self._context.ledger
        if await self._write(watched, partial(ledger.dispute, watched.job_id, reason)):
            self._disputed.add(watched.job_id)
            self._context.say(f"{_name(watched)} is in doubt: {reason}")
            self._settling.add(watched.job_id, None)
        self._drop(watched)

    async def _write(self, watched: Watched, change: Callable[[], None]) -> bool:
        """Commit a change, if the job still has the order that was asked about."""
        ledger = self._context.ledger

        def change_if_still() -> bool:
            if not ledger.has_order(watched.job_id, watched.request_id):
                return False
            change()
            return True

        return await self._context.journal.write(change_if_still)

    # -- who is asked about -----------------------------------------------------------------------

    def _take_up(self, job: Job) -> None:
        if job.request_id is None or job.state is not JobState.SUBMITTED:
            return
        clock = self._context.clock
        now_s = clock.monotonic_s()
        age_s = (clock.now() - job.submitted_at).total_seconds() if job.submitted_at else 0.0
        self._list.put(
            Watched(
                job_id=job.job_id,
                key=job.key,
                request_id=job.request_id,
                since_s=now_s - max(0.0, age_s),
                until_s=now_s + self._context.options.wait_limit_s,
                status=job.remote_status,
                error=job.error,
                disputed=job.job_id in self._disputed,
                awaited=job.job_id in self._awaited,
            ),
            now_s,
        )
        self._count()

    def _again(self, watched: Watched, noted: Watched | None = None) -> None:
        """Ask about a job again later; or, after its time, not any more in this run."""
        if not self._list.has(watched):
            return
        now_s = self._context.clock.monotonic_s()
        if not self._list.again(noted or watched, now_s):
            self.stalled.append(noted or watched)
            self._count()

    def _drop(self, watched: Watched) -> None:
        """Be done with a job in this run."""
        self._list.drop(watched)
        self._count()

    def _count(self) -> None:
        self._context.desk.at_api = len(self._list)
        self._context.desk.changed()


def _name(watched: Watched) -> str:
    return f"`{watched.key.sent_as}`"
