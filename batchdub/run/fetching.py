"""Fetching one dub: its link, its bytes in as many requests as it takes, and its name.

How much of it is on disk is noted in the ledger before the first byte, and every second: what is
found after a death is believed as far as that, and gone on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from batchdub.ledger.outputs import FinishedDub, KnownOutput
from batchdub.run.aside import Aside
from batchdub.run.context import RunContext
from batchdub.run.lookup import read_request
from batchdub.run.output_files import (
    Draft,
    Found,
    Place,
    Standing,
    drop_part,
    give_name,
    is_foreign_note,
    is_whole,
    write_note,
)
from batchdub.run.output_note import note_of
from batchdub.run.space import DiskFullError, is_full, require_room
from batchdub.run.tries import Tries
from batchdub.wire import DownloadClient, DownloadFailedError, Head, Resume, Trouble, backoff_s

_NOTED_EVERY_S = 1.0


class NotDownloadedError(Exception):
    """A dub could not be fetched, or not put to its place; the message says why and what to do.

    `full` tells that the disk takes no more, so that no other fits either.
    """

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.full = full


@dataclass(slots=True)
class Means:
    """What the downloads of a run share; `promised` is what each under way will still write."""

    context: RunContext
    client: DownloadClient
    aside: Aside
    folder: Path
    api: str
    promised: dict[int, int] = field(default_factory=dict)
    received: int = 0


class Fetch:
    """The download of one dub; `url` is a link in hand, if there is one."""

    def __init__(
        self, means: Means, dub: FinishedDub, place: Place, known: KnownOutput | None, url: str
    ) -> None:
        self._means = means
        self._dub = dub
        self._place = place
        self._url = url
        self._noted_s = 0.0
        goes_on = known is not None and known.file == str(place.target) and known.sha256 is None
        self._keep = known.kept if known and goes_on else 0
        self._validator = known.validator if known and goes_on else ""
        self._total = known.total if known and goes_on else None

    async def to_its_place(self) -> Found:
        """Fetch what is missing, check it, and give it its name. Raises NotDownloadedError."""
        try:
            if await self._aside(partial(is_foreign_note, self._place, self._dub.request_id)):
                raise NotDownloadedError(
                    f"{self._place.note}: another file stands where the note on it goes; move it"
                    " away"
                )
            self._draft: Draft = await self._aside(partial(Draft, self._place, self._keep))
            try:
                await self._get_all()
                return await self._finish()
            finally:
                self._draft.close()
                if not self._draft.length:
                    drop_part(self._place)
        except DiskFullError as error:
            raise NotDownloadedError(str(error), full=True) from None
        except FileExistsError:
            raise NotDownloadedError(foreign_words(self._place)) from None
        except OSError as error:
            where = error.filename or self._place.target
            words = "the disk is full" if is_full(error) else error.strerror or str(error)
            raise NotDownloadedError(f"{where}: {words}", full=is_full(error)) from None
        finally:
            self._means.promised.pop(self._dub.job_id, None)

    async def _aside(self, work: Callable[[], Any]) -> Any:
        return await self._means.aside(work)

    # -- the bytes --------------------------------------------------------------------------------

    async def _get_all(self) -> None:
        tries = Tries(self._draft.length)
        while self._total is None or self._draft.length != self._total:
            failure = await self._get_some()
            if failure is None:
                return
            verdict = tries.after(failure.trouble, self._draft.length)
            if verdict.gives_up:
                raise NotDownloadedError(f"{failure.message}{verdict.why}")
            if verdict.from_the_start:
                await self._aside(partial(self._draft.cut, 0))
                self._validator, self._total = "", None
            if verdict.fresh_link:
                self._url = ""
            if verdict.failures:
                context = self._means.context
                wait_s = backoff_s(verdict.failures, context.rng, failure.retry_after_s)
                await context.rest(wait_s)

    async def _get_some(self) -> DownloadFailedError | None:
        """Make one request; gives what went wrong, or None if all has come."""
        self._url = self._url or await self._fresh_link()
        resume = None
        if self._validator and self._draft.length:
            resume = Resume(self._draft.length, self._validator, self._total)
        try:
            await self._means.client.fetch(self._url, resume, self._begin, self._take)
        except DownloadFailedError as error:
            return error
        if self._total is None:
            whole = await self._aside(partial(is_whole, self._place.part))
            return None if whole else DownloadFailedError(Trouble.CUT, "it ended in the middle")
        if self._draft.length != self._total:
            # A server may answer with less of the rest than was asked for (RFC 9110, 15.3.7).
            return DownloadFailedError(
                Trouble.CUT, f"it gave {self._draft.length:,} of {self._total:,} bytes"
            )
        return None

    async def _begin(self, head: Head) -> None:
        if head.start != self._draft.length:
            await self._aside(partial(self._draft.cut, head.start))
        self._validator, self._total = head.validator, head.total
        needed = max(0, (head.total or 0) - head.start)
        promised = sum(self._means.promised.values())
        await self._aside(partial(require_room, self._means.folder, needed, promised))
        self._means.promised[self._dub.job_id] = needed
        await self._note_part()

    async def _take(self, chunk: bytes) -> None:
        await self._aside(partial(self._draft.write, chunk))
        self._means.received += len(chunk)
        if self._now_s() - self._noted_s >= _NOTED_EVERY_S:
            await self._note_part()
            await self._aside(partial(require_room, self._means.folder, 0))

    async def _note_part(self) -> None:
        """Have the ledger know how much is on disk; of what cannot be gone on with, nothing is."""
        kept = await self._aside(self._draft.sync) if self._draft.length else 0
        kept = kept if self._validator else 0
        context, file = self._means.context, str(self._place.target)
        self._means.promised[self._dub.job_id] = max(0, (self._total or 0) - self._draft.length)
        note = partial(
            context.ledger.note_part, self._dub.job_id, file, self._validator, self._total, kept
        )
        await context.journal.write(note)
        self._noted_s = self._now_s()

    def _now_s(self) -> float:
        return self._means.context.clock.monotonic_s()

    async def _fresh_link(self) -> str:
        """Ask the API for the link, free of charge: the ledger keeps none that works."""
        context, dub = self._means.context, self._dub
        answer = await read_request(context, dub.request_id)
        if answer is None:
            failure = context.last_failure
            raise NotDownloadedError(failure.message if failure else "the API gives no link to it")
        seen = answer[0]
        if seen is None:
            raise NotDownloadedError(f"request {dub.request_id} is not known to the API any more")
        if seen.reference_id != dub.key.sent_as:
            raise NotDownloadedError(f"request {dub.request_id} is another row's at the API")
        if not seen.output_url:
            raise NotDownloadedError(f"the API says `{seen.status}` and gives no link to it")
        return seen.output_url

    # -- the end ----------------------------------------------------------------------------------

    async def _finish(self) -> Found:
        await self._note_part()
        total, sha256 = self._draft.length, self._draft.sha256()
        context = self._means.context
        note = note_of(
            self._dub,
            file=self._place.target.name,
            total=total,
            sha256=sha256,
            api=self._means.api,
            at=context.clock.now(),
        )
        await self._aside(partial(write_note, self._place, note))
        modified_ns = await self._aside(partial(give_name, self._place))
        found = Found(Standing.KNOWN, total, sha256, modified_ns)
        await record(self._means, self._dub, self._place, found)
        return found


async def record(means: Means, dub: FinishedDub, place: Place, found: Found) -> None:
    """Have the ledger know a dub's file as whole."""
    context, file = means.context, str(place.target)
    await context.journal.write(
        partial(
            context.ledger.record_output,
            dub.job_id, file, found.total, found.sha256, found.modified_ns,
        )
    )  # fmt: skip


def foreign_words(place: Place) -> str:
    """Say that another file stands at a dub's place."""
    return f"{place.target}: another file stands there, and none is overwritten; move it away"
