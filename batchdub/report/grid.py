"""The grid: how far each language of each season is, and which episodes are missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchdub.headline import Standing
from batchdub.report.axes import MOST_ACROSS, Axes
from batchdub.states import JobState
from batchdub.units import format_duration

_NAMED = 12  # names, or runs of them, that a cell has room for
_KEPT = 5_000
_NUMBERS = re.compile(r"(\d+)")
NONE = "–"
"""Stands for a value that a row does not have."""


@dataclass(slots=True)
class Cell:
    """The rows of one language and season: counts, and the names of those that are not done.

    `oldest_at` is when the one that has been at the API for the longest was submitted.
    """

    rows: int = 0
    standings: Counter[Standing] = field(default_factory=Counter)
    names: dict[Standing, list[str]] = field(default_factory=dict)
    episodes: set[str] = field(default_factory=set)
    oldest_at: datetime | None = None

    def add(self, standing: Standing, episode: str, waiting_since: datetime | None) -> None:
        """Take in one more row."""
        self.rows += 1
        self.standings[standing] += 1
        if len(self.episodes) < _KEPT:
            self.episodes.add(episode)
        if standing is not Standing.DONE:
            names = self.names.setdefault(standing, [])
            if len(names) < _KEPT:
                names.append(episode)
        if waiting_since is not None:
            self.oldest_at = min(waiting_since, self.oldest_at or waiting_since)

    @property
    def done(self) -> int:
        """How many are done."""
        return self.standings[Standing.DONE]

    @property
    def worst(self) -> Standing:
        """What the cell as a whole is: as its worst row."""
        for standing in (Standing.NEEDS_YOU, Standing.WAITING, Standing.DONE):
            if self.standings[standing]:
                return standing
        return Standing.OUT

    def lines(self, now: datetime) -> Iterator[tuple[Standing, str]]:
        """Say in a few words each what is not done: how many, and which."""
        for standing in (Standing.NEEDS_YOU, Standing.WAITING, Standing.OUT):
            if number := self.standings[standing]:
                named = shortened(self.names[standing], number)
                aged = standing is Standing.WAITING and self.oldest_at is not None
                age = f", oldest {_age(now, self.oldest_at)}" if aged else ""
                words = "need you" if standing is Standing.NEEDS_YOU and number > 1 else standing
                yield standing, f"{number} {words}{age}: {named}"


@dataclass(slots=True)
class Grid:
    """The cells by what they stand under: a value down, and values across."""

    axes: Axes
    cells: dict[tuple[str, tuple[str, ...]], Cell] = field(default_factory=dict)
    too_wide: bool = False

    def add(
        self,
        columns: Mapping[str, str],
        reference_id: str,
        state: JobState,
        *,
        standing: Standing,
        submitted_at: datetime | None,
    ) -> None:
        """Take in one more row."""
        if not self.axes:
            return
        down = columns.get(self.axes.down) or NONE
        across = tuple(columns.get(name) or NONE for name in self.axes.across)
        cell = self.cells.setdefault((down, across), Cell())
        episode = columns.get(self.axes.episode) or reference_id
        waits_there = state is JobState.SUBMITTED
        cell.add(standing, episode, submitted_at if waits_there else None)

    @property
    def down(self) -> list[str]:
        """The values down, in the order in which people count."""
        return sorted({down for down, _ in self.cells}, key=_counting)

    @property
    def across(self) -> list[tuple[str, ...]]:
        """The values across; the first so many where no page would hold them all."""
        found = sorted(
            {across for _, across in self.cells}, key=lambda each: [*map(_counting, each)]
        )
        return found[:MOST_ACROSS]

    def cell(self, down: str, across: tuple[str, ...]) -> Cell | None:
        """Give a cell; None where no row is in it."""
        return self.cells.get((down, across))

    def lacking(self, down: str, across: tuple[str, ...]) -> list[str]:
        """Give the episodes that another language of the season has, and this one has not."""
        if not self.axes.episode:
            return []
        every: set[str] = set()
        for (_, season), cell in self.cells.items():
            if season == across:
                every |= cell.episodes
        here = self.cell(down, across)
        return list(every - (here.episodes if here else set()))


def shortened(names: Sequence[str], number: int | None = None) -> str:
    """Write names as people list them, `01, 04–07`, and how many more of `number` there are."""
    runs = _runs(sorted(names, key=_counting))
    shown = runs[:_NAMED]
    more = (number or len(names)) - sum(len(run) for run in shown)
    said = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(run) for run in shown]
    return ", ".join(said) + (f" +{more}" if more else "")


def _runs(names: Sequence[str]) -> list[list[str]]:
    """Put numbers that follow each other together; a name by itself is a run of one."""
    runs: list[list[str]] = []
    for name in names:
        last = runs[-1][-1] if runs else ""
        follows = last.isdecimal() and name.isdecimal() and int(name) == int(last) + 1
        if follows and len(name) >= len(last):
            runs[-1].append(name)
        else:
            runs.append([name])
    return runs


def _age(now: datetime, then: datetime | None) -> str:
    return format_duration((now - (then or now)).total_seconds())


def _counting(text: str) -> list[tuple[int, int, str]]:
    """Sort as people count: 2 before 10, and letters in any case; what is not there comes last."""
    if text == NONE:
        return [(2, 0, "")]
    parts = _NUMBERS.split(text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
