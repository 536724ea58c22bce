"""What an answer about a submitted job leads to: noted, ended, in doubt, or asked about again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from batchdub.exits import Exit
from batchdub.models import RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.lookup import look_up
from batchdub.run.roster import Roster
from batchdub.run.settling import Settling
from batchdub.run.watch import Disputed, Ended, Going, Gone, Odd, Verdict, Watched, judge_answer
from batchdub.states import Event


class Heeding:
    """Carries out what `watch` makes of each answer. What is recorded is committed."""

    def __init__(self, context: RunContext, settling: Settling, roster: Roster) -> None:
        self._context = context
        self._settling = settling
        self._roster = roster

    async def heed(self, watched: Watched, seen: RemoteRequest | None) -> None:
        """Take in what the API shows of a job; None if it knows no such request."""
        if not self._roster.watched.has(watched):  # answered in another way meanwhile
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
                message = f"{watched.name}: {reason}; ask the provider about it"
                self._context.stop.note(Exit.NEEDS_A_LOOK, message)
                self._roster.drop(watched)

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
        self._roster.drop(watched)

    async def _note(self, watched: Watched, noted: Watched, seen: RemoteRequest | None) -> None:
        known = (watched.status, watched.error) == (noted.status, noted.error)
        if seen is not None and not known:
            record = partial(self._context.ledger.record_status, watched.job_id, seen)
            if not await self._write(watched, record):
                self._roster.drop(watched)
                return
        self._roster.again(watched, noted)

    async def _look_for(self, watched: Watched, reason: str) -> None:
        """Ask the list about a job whose id is unknown: a failed look proves nothing, as ever."""
        look = await look_up(self._context, watched.key.sent_as)
        if look is None:
            self._roster.again(watched)
            return
        wanted = watched.request_id.lower()
        found = [request for request in look.requests if request.request_id.lower() == wanted]
        if found:
            await self.heed(watched, found[0])
        else:
            await self._dispute(watched, reason)

    async def _dispute(self, watched: Watched, reason: str) -> None:
        """Put a job in doubt, held: the list may show its own order, else a person decides."""
        ledger = self._context.ledger
        if await self._write(watched, partial(ledger.dispute, watched.job_id, reason)):
            self._roster.disputed.add(watched.job_id)
            self._context.say(f"{watched.name} is in doubt: {reason}")
            self._settling.add(watched.job_id, None)
        self._roster.drop(watched)

    async def _write(self, watched: Watched, change: Callable[[], None]) -> bool:
        """Commit a change, if the job still has the order that was asked about."""
        ledger = self._context.ledger

        def change_if_still() -> bool:
            if not ledger.has_order(watched.job_id, watched.request_id):
                return False
            change()
            return True

        return await self._context.journal.write(change_if_still)
