"""Polling: asking about submitted jobs until each has ended, while orders may go on beside it.

Jobs are known by their request_id alone. Where the account's list answers for many jobs in fewer
calls it is read, and what a page shows counts at once; what the list does not show proves nothing,
and is asked for by its id. `watch` decides what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit
from batchdub.models import RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.heeding import Heeding
from batchdub.run.lookup import PAGE, read_page, read_request
from batchdub.run.roster import Roster
from batchdub.run.settling import Settling
from batchdub.run.watch import Watched, pages_are_cheaper
from batchdub.units import counted, format_duration
from batchdub.wire.listing import MAX_PAGES

_AT_ONCE = 4
_WITHOUT_LIST = 20  # asked about one by one where the list fails: a thousand would take too long
_SHOWN = 10


class Polling:
    """Asks about a run's submitted jobs. `awaited` are those it does not end before."""

    def __init__(self, context: RunContext, settling: Settling, awaited: Collection[int]) -> None:
        self._context = context
        self._roster = Roster(context, awaited)
        self._heeding = Heeding(context, settling, self._roster)
        self._rows: int | None = None
        self._rows_a_page = PAGE
        self._silent = False
        context.watch = self._roster.add
        context.desk.polling = True

    def begin(self) -> None:
        """Take up what is submitted already."""
        self._roster.begin()

    @property
    def waiting(self) -> int:
        """How many awaited jobs have not ended."""
        return self._roster.watched.awaited

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
        self._context.tally.stalled = sum(each.awaited for each in self._roster.stalled)
        waited = format_duration(self._context.options.wait_limit_s)
        for watched in self._roster.stalled[:_SHOWN]:
            status = f"its status is `{watched.status}`" if watched.status else "it was never seen"
            self._context.say(f"{watched.name} is stalled: after {waited} {status}")
        if (more := len(self._roster.stalled) - _SHOWN) > 0:
            self._context.say(f"… and {more:,} more are stalled")
        if self._roster.stalled and self._silent:
            left = counted(len(self._roster.stalled), "row")
            self._context.stop.note(
                Exit.API_UNAVAILABLE, f"the API did not answer any more about {left}"
            )

    async def _turn(self) -> None:
        now_s = self._context.clock.monotonic_s()
        if due := self._roster.watched.take_due(now_s):
            await self._ask_about(due)
            return
        next_s = self._roster.watched.next_due_s
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
            self._roster.again(watched)

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
            watched = self._roster.watched.of_request(request.request_id)
            if watched is not None:
                unseen.discard(watched.job_id)
                changes.append(self._heeding.heed(watched, request))
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
                    self._roster.again(watched)
                else:
                    await self._heeding.heed(watched, answer[0])

        await asyncio.gather(*(ask_some() for _ in range(min(_AT_ONCE, len(alone)))))
        return answered
