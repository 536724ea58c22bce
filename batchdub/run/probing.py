"""Looking at the media of the rows that are to be ordered, ahead of the run and free of charge."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from batchdub.clock import Clock
from batchdub.ledger import Queries
from batchdub.manifest import Problem, Problems
from batchdub.media_url import url_hash
from batchdub.models import MediaLook, Row, Source
from batchdub.plan import Holds, PlannedRow
from batchdub.preflight import Finding, judge
from batchdub.units import Rate, counted
from batchdub.wire import MediaClient, Pacer

_WORKERS = 8
_PER_HOST = 4
_PACE = Rate(calls=50, window_s=1.0)
_FRESH_FOR = timedelta(hours=1)
_SHOWN = 20
_HINT = "make it reachable without a login, or correct the link"


class Link(NamedTuple):
    """A link to be looked at: in which field of which row it stands."""

    field: str
    source: Source
    url: str


@dataclass(slots=True)
class Probed:
    """What the looks showed: links that are doomed, by their hash, and what is worth keeping."""

    doomed: dict[str, str] = field(default_factory=dict)
    looks: list[tuple[str, MediaLook]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    cached: int = 0

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

    def tell(self, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
        """Tell how many were looked at, and what is doubtful: a screenful, and the rest counted."""
        asked = counted(len(self.looks), "link")
        known = f", {self.cached:,} known from less than an hour ago" if self.cached else ""
        say(f"probe: {asked} looked at{known}, {len(self.doomed):,} of no use")
        shown = self.problems.warnings()[:_SHOWN]
        for warning in shown:
            warn(str(warning))
        if more := self.problems.warnings_total - len(shown):
            warn(f"… and {counted(more, 'more link')} in doubt")


def links_of(planned: Iterable[PlannedRow]) -> Iterator[Link]:
    """Give the links of the rows that are to be sent, each once."""
    seen: set[str] = set()
    for item in planned:
        row = item.row
        for name, url in (("video_url", row.video_url), ("audio_url", row.audio_url)):
            digest = url_hash(url)
            if item.fate.sends and digest not in seen:
                seen.add(digest)
                yield Link(name, row.source, url)


def known_looks(ledger: Queries | None, now: datetime) -> Callable[[str], MediaLook | None]:
    """Give what tells of a link what a run saw of it less than an hour ago, if that was good."""
    if ledger is None:
        return lambda _: None
    return lambda url: ledger.media_look(url, now - _FRESH_FOR)


async def probe(
    links: Iterable[Link],
    client: MediaClient,
    clock: Clock,
    known: Callable[[str], MediaLook | None] = lambda _: None,
) -> Probed:
    """Look at all links: several at once, few at each host, and evenly spaced."""
    probed = Probed()
    waiting = iter(links)
    pacer = Pacer(_PACE, clock)
    hosts: Mapping[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_PER_HOST))

    async def work() -> None:
        for link in waiting:
            look = known(link.url)
            if look is not None and judge(link.field, look).finding is Finding.GOOD:
                probed.cached += 1
            else:
                async with hosts[urlsplit(link.url).netloc]:
                    await pacer.slot()
                    look = await client.look(link.url)
                probed.looks.append((link.url, look))
            _take_in(probed, link, look)

    async with asyncio.TaskGroup() as group:
        for _ in range(_WORKERS):
            group.create_task(work())
    return probed


def _take_in(probed: Probed, link: Link, look: MediaLook) -> None:
    finding, what = judge(link.field, look)
    problem = Problem(link.source.path, link.source.line, None, link.field, what, _HINT)
    if finding is Finding.DOOMED:
        probed.doomed[url_hash(link.url)] = what
        probed.problems.add(problem, of_row=True)
    elif finding is Finding.DOUBTFUL:
        probed.problems.warn(problem)
