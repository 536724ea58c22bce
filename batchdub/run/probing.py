"""Looking at the media of the rows that are to be ordered, ahead of the run and free of charge."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from batchdub.clock import Clock
from batchdub.ledger import Ledger, Queries
from batchdub.ledger.media_versions import ordered_media
from batchdub.manifest import Problem, Problems
from batchdub.media_url import url_hash
from batchdub.models import MediaLook, MediaVersion, Row, Source
from batchdub.plan import Fate, Holds, PlannedRow
from batchdub.preflight import Finding, judge, version_of
from batchdub.run.desk import Order
from batchdub.units import Rate, counted
from batchdub.wire import MediaClient, Pacer

_WORKERS = 8
_PER_HOST = 4
_PACE = Rate(calls=50, window_s=1.0)
_FRESH_FOR = timedelta(hours=1)
_SHOWN = 20
_CHUNK = 500
_HINT = "make it reachable without a login, or correct the link"
COMPARED = frozenset({Fate.SUBMITTED, Fate.COMPLETED, Fate.FAILED})
"""Fates of rows whose media are compared with what they were when they were ordered."""

Seen = tuple[MediaLook, datetime]
"""A look, and when it was."""


class Link(NamedTuple):
    """A link to be looked at: in which field of which row it stands.

    `ordered` tells that the row is ordered already: its medium is only compared with what it was.
    """

    field: str
    source: Source
    url: str
    ordered: bool = False


@dataclass(slots=True)
class Probed:
    """What the looks showed: links that are doomed, by their hash, and what is worth keeping.

    `looks` are new, `seen` has the last one of them at each link by its hash. `useless` counts the
    links of rows to be sent that cannot be fetched, `mute` the links of ordered rows that told
    nothing to compare, and `unknown` the ordered rows whose media nobody knows as they were then.
    """

    doomed: dict[str, str] = field(default_factory=dict)
    looks: list[tuple[str, MediaLook]] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    cached: int = 0
    useless: int = 0
    mute: int = 0
    unknown: int = 0

    def holds(self, row: Row) -> str:
        """Say why a row cannot be fetched; empty if nothing is known against it."""
        for name, url in (("video", row.video_url), ("audio", row.audio_url)):
            what = self.doomed.get(url_hash(url)) if self.doomed else None
            if what:
                return f"its {name} {what}; {_HINT}"
        return ""

    def before(self, holds: Holds) -> Holds:
        """Put what was seen before another reason to hold a row."""
        return lambda row, ahead: self.holds(row) or holds(row, ahead)

    def media_of(self, row: Row) -> tuple[MediaVersion | None, MediaVersion | None]:
        """Give which versions of a row's video and audio were seen; None where that is unknown."""
        if not self.seen:
            return None, None
        return self._version("video_url", row.video_url), self._version("audio_url", row.audio_url)

    def _version(self, name: str, url: str) -> MediaVersion | None:
        seen = self.seen.get(url_hash(url))
        return None if seen is None else version_of(name, *seen)

    def tell(self, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
        """Tell how many were looked at, and what is doubtful: a screenful, and the rest counted."""
        asked = counted(len(self.looks), "link")
        known = f", {self.cached:,} known from less than an hour ago" if self.cached else ""
        say(f"probe: {asked} looked at{known}, {self.useless:,} of no use")
        if self.unknown:
            were = "row was" if self.unknown == 1 else "rows were"
            say(
                f"{self.unknown:,} {were} ordered without a probe, or restored: whether their"
                " media changed is not known"
            )
        if self.mute:
            say(f"{counted(self.mute, 'link')} of ordered rows told nothing that could be compared")
        shown = self.problems.warnings()[:_SHOWN]
        for warning in shown:
            warn(str(warning))
        if more := self.problems.warnings_total - len(shown):
            warn(f"… and {counted(more, 'more link')} in doubt")


def links_of(
    planned: Iterable[PlannedRow], ledger: Queries | None = None, probed: Probed | None = None
) -> Iterator[Link]:
    """Give the links of the rows that are to be sent, each once.

    With a ledger also those of ordered rows whose media it knows as they were then; the ordered
    rows of which it knows nothing are counted in `probed`.
    """
    to_send: set[str] = set()
    ordered: set[str] = set()
    iterator = iter(planned)
    while chunk := list(islice(iterator, _CHUNK)):
        for item in chunk:
            if item.fate.sends:
                yield from _fresh(_links(item.row), to_send)
        if ledger is not None and probed is not None:
            yield from _fresh(_compared(chunk, ledger, probed), ordered)


def _links(row: Row) -> Iterator[Link]:
    yield Link("video_url", row.source, row.video_url)
    yield Link("audio_url", row.source, row.audio_url)


def _fresh(links: Iterable[Link], before: set[str]) -> Iterator[Link]:
    for link in links:
        digest = url_hash(link.url)
        if digest not in before:
            before.add(digest)
            yield link


def _compared(chunk: list[PlannedRow], ledger: Queries, probed: Probed) -> Iterator[Link]:
    """Give the links of ordered rows that there is something to compare with."""
    jobs = {item.row.reference_id: item for item in chunk if item.fate in COMPARED}
    known = ordered_media(ledger, list(jobs)) if jobs else {}
    for name, item in jobs.items():
        last = next(iter(known.get(name, ())[-1:]), None)
        then = (
            (last.video, last.audio)
            if last and item.job and last.key == item.job.key
            else (None, None)
        )
        for link, version in zip(_links(item.row), then, strict=True):
            if version is not None:
                yield link._replace(ordered=True)
        probed.unknown += then == (None, None) and item.fate is not Fate.FAILED


def known_looks(ledger: Queries | None, now: datetime) -> Callable[[str], Seen | None]:
    """Give what tells of a link what a run saw of it less than an hour ago, if that was good."""
    if ledger is None:
        return lambda _: None
    return lambda url: ledger.media_look(url, now - _FRESH_FOR)


def keep_looks(ledger: Ledger, probed: Probed, orders: Iterable[Order]) -> None:
    """Keep what was seen, in the caller's transaction, and have orders know their media."""
    for url, look in probed.looks:
        ledger.remember_media(url, look)
    if probed.seen:
        for order in orders:
            order.media = probed.media_of(order.row)


async def probe(
    links: Iterable[Link],
    client: MediaClient,
    clock: Clock,
    known: Callable[[str], Seen | None] = lambda _: None,
    probed: Probed | None = None,
) -> Probed:
    """Look at all links: several at once, few at each host, and evenly spaced.

    What is to be compared is always looked at anew. Gives `probed`, if there is one already.
    """
    probed = probed or Probed()
    waiting = iter(links)
    pacer = Pacer(_PACE, clock)
    hosts: Mapping[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_PER_HOST))

    async def work() -> None:
        for link in waiting:
            seen = None if link.ordered else known(link.url)
            if seen is not None and judge(link.field, seen[0]).finding is Finding.GOOD:
                probed.cached += 1
            else:
                async with hosts[urlsplit(link.url).netloc]:
                    await pacer.slot()
                    # The time before the look: what changes meanwhile has changed since.
                    now = clock.now()
                    seen = await client.look(link.url), now
                probed.looks.append((link.url, seen[0]))
                _note_seen(probed, link, seen)
            _take_in(probed, link, seen)

    async with asyncio.TaskGroup() as group:
        for _ in range(_WORKERS):
            group.create_task(work())
    return probed


def _note_seen(probed: Probed, link: Link, seen: Seen) -> None:
    digest = url_hash(link.url)
    if digest not in probed.seen or seen[1] >= probed.seen[digest][1]:
        probed.seen[digest] = seen


def _take_in(probed: Probed, link: Link, seen: Seen) -> None:
    look, digest = seen[0], url_hash(link.url)
    finding, what = judge(link.field, look)
    if finding is Finding.DOOMED:
        probed.doomed[digest] = what
    if link.ordered:
        probed.mute += version_of(link.field, *seen) is None
        return
    problem = Problem(link.source.path, link.source.line, None, link.field, what, _HINT)
    if finding is Finding.DOOMED:
        probed.useless += 1
        probed.problems.add(problem, of_row=True)
    elif finding is Finding.DOUBTFUL:
        probed.problems.warn(problem)
