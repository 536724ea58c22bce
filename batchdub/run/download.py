"""Downloads beside orders and polling: a few at once, each dub as soon as it is done.

One that fails is told, and stops nothing else. When a run is told to stop, or no call to the API
makes sense any more, those under way are cut: the next run goes on with what they have.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from batchdub.dub_file import Seen, Sight, look_at_file
from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit
from batchdub.ledger.outputs import FinishedDub, KnownOutput, finished_dub, known_output
from batchdub.models import JobKey, Source
from batchdub.run.asking import before_stop
from batchdub.run.fetching import Fetch, Means, NotDownloadedError, foreign_words, record
from batchdub.run.output_files import Found, Place, Standing, drop_part, look_at, place_of
from batchdub.states import JobState
from batchdub.units import counted

_SHOWN = 10

OnFile = Callable[[str, Mapping[str, object]], None]
"""Takes an event about a file: its name, and what is to be told."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came of a run's downloads.

    `fetched` files of `received` bytes came in this run; `gone` had been there once and were
    missing; `present` were there already, `elsewhere` of them under another name of an earlier
    download; `left` are for another run. `failed` are the first ten that could not be had, as
    lines, of `failed_total`.
    """

    folder: str
    fetched: int
    gone: int
    present: int
    received: int
    left: int
    failed: tuple[str, ...]
    failed_total: int
    elsewhere: int = 0


class Downloads:
    """The dubs that this run fetches: of the jobs that have a name in `names`."""

    def __init__(
        self, means: Means, names: Mapping[int, str], at_once: int, on_file: OnFile
    ) -> None:
        self._means = means
        self._names = names
        self._at_once = at_once
        self._on_file = on_file
        self._queue: deque[tuple[int, str]] = deque()
        self._active = 0
        self._fetched = 0
        self._gone = 0
        self._present = 0
        self._elsewhere = 0
        self._full = False
        self._failed: list[str] = []
        self._failed_total = 0
        means.context.fetch = self.add

    def begin(self) -> None:
        """Take up what is completed already: it may not have been fetched, or be gone."""
        for job in self._means.context.ledger.jobs_in(JobState.COMPLETED):
            if job.job_id in self._names:
                self._queue.append((job.job_id, ""))

    def add(self, job_id: int, url: str) -> None:
        """Take up a job that has just been completed, with its link."""
        if job_id in self._names:
            self._queue.append((job_id, url))
            self._means.context.desk.changed()

    @property
    def left(self) -> int:
        """How many dubs wait or are under way."""
        return len(self._queue) + self._active

    @property
    def outcome(self) -> Downloaded:
        """What has come of it so far."""
        return Downloaded(
            folder=str(self._means.folder),
            fetched=self._fetched,
            gone=self._gone,
            present=self._present,
            received=self._means.received,
            left=self.left,
            failed=tuple(self._failed),
            failed_total=self._failed_total,
            elsewhere=self._elsewhere,
        )

    async def work(self) -> None:
        """Fetch until no further dub can come."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._work())

    async def _work(self) -> None:
        stop = self._means.context.stop
        while (item := await self._next()) is not None:
            ended = None
            self._active += 1
            try:
                ended = await before_stop(stop.wait_for_last_look(), self._have(*item))
            except LedgerUnusableError as error:
                # Orders in flight may still end well, and their request_ids be told.
                stop.ask(Exit.LEDGER_UNUSABLE, str(error))
            finally:
                self._active -= 1
            if not ended:
                self._queue.appendleft(item)

    async def _next(self) -> tuple[int, str] | None:
        desk, stop = self._means.context.desk, self._means.context.stop
        while stop.may_look:
            if self._queue:
                return self._queue.popleft()
            if desk.finished and not desk.polling:
                return None
            await desk.wait_changed()
        return None

    # -- one dub ----------------------------------------------------------------------------------

    async def _have(self, job_id: int, url: str) -> bool:
        """See to it that a dub is at its place, or tell why it is not."""
        ledger = self._means.context.ledger
        dub = finished_dub(ledger, job_id)
        if dub is None:
            return True
        place = place_of(self._means.folder, self._names[job_id], dub.request_id)
        try:
            await self._settle(dub, place, url)
        except NotDownloadedError as error:
            if not self._means.context.stop.may_look:
                return False
            self._full = self._full or error.full
            await self._fail(dub, place, error.message)
        return True

    async def _settle(self, dub: FinishedDub, place: Place, url: str) -> None:
        known = known_output(self._means.context.ledger, dub.job_id)
        found: Found = await self._aside(partial(look_at, place, known, dub.request_id))
        match found.standing:
            case Standing.KNOWN | Standing.PROVEN:
                if _is_news(known, place, found):
                    await record(self._means, dub, place, found)
                await self._aside(partial(drop_part, place))
                self._present += 1
            case Standing.CHANGED:
                raise NotDownloadedError(
                    f"{place.target}: is not what was downloaded any more; move it away, and it is"
                    " fetched anew"
                )
            case Standing.FOREIGN:
                raise NotDownloadedError(foreign_words(place))
            case Standing.NOTHING | Standing.GONE:
                if found.standing is Standing.GONE:
                    self._gone += 1
                    line = _line(dub, f"{place.target} has gone; it is fetched again")
                    self._say(line, self._gone)
                elif await self._is_elsewhere(place, known):
                    self._present += 1
                    self._elsewhere += 1
                    return
                await self._fetch(Fetch(self._means, dub, place, known, url), dub, place)

    async def _is_elsewhere(self, place: Place, known: KnownOutput | None) -> bool:
        """Whether a dub stands in this folder already, whole, by an earlier download's name."""
        whole = known.whole if known else None
        if known is None or whole is None or known.file == str(place.target):
            return False
        there = Path(known.file)
        if not there.is_relative_to(self._means.folder):
            return False
        seen: Seen = await self._aside(partial(look_at_file, there, whole))
        return seen.sight is Sight.SAME

    async def _aside(self, work: Callable[[], Any]) -> Any:
        try:
            return await self._means.aside(work)
        except OSError as error:
            raise NotDownloadedError(f"{error.filename}: {error.strerror}") from None

    async def _fetch(self, fetch: Fetch, dub: FinishedDub, place: Place) -> None:
        if self._full:
            raise NotDownloadedError("not begun: the disk is full")
        found = await fetch.to_its_place()
        self._fetched += 1
        told = {"file": str(place.target), "bytes": found.total, "sha256": found.sha256}
        self._on_file("row.downloaded", {**_about(dub.source, dub.key), **told})

    async def _fail(self, dub: FinishedDub, place: Place, why: str) -> None:
        self._failed_total += 1
        line = _line(dub, f"not downloaded: {why}")
        if self._failed_total <= _SHOWN:
            self._failed.append(line)
        self._say(line, self._failed_total)
        ledger, file = self._means.context.ledger, str(place.target)
        note = partial(ledger.note_problem, dub.job_id, file, why)
        await self._means.context.journal.write(note)
        self._on_file("row.not_downloaded", {**_about(dub.source, dub.key), "message": why})

    def _say(self, line: str, number: int) -> None:
        """Tell the first ten of a kind; the rest is counted at the end."""
        if number <= _SHOWN:
            self._means.context.say(line)


def _line(dub: FinishedDub, what: str) -> str:
    return f"{dub.source}: `{dub.key.sent_as}`: {what}"


def _is_news(known: KnownOutput | None, place: Place, found: Found) -> bool:
    """Whether the ledger does not know a whole file as it stands."""
    if known is None or known.sha256 is None or known.file != str(place.target):
        return True
    return known.modified_ns != found.modified_ns


def failed_lines(downloaded: Downloaded) -> list[str]:
    """Say which dubs could not be had: the first ten, then the count."""
    more = downloaded.failed_total - len(downloaded.failed)
    rest = [f"… and {counted(more, 'more dub')} not downloaded"] if more > 0 else []
    return [*downloaded.failed, *rest]


def _about(source: Source, key: JobKey) -> dict[str, object]:
    return {
        "reference_id": key.reference_id,
        "revision": key.revision,
        "source": str(source),
    }
