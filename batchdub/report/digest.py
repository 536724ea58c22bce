"""What a report says above its rows, gathered in one pass over them and in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchdub.headline import Standing, headline, standing_of
from batchdub.report.axes import Axes
from batchdub.report.causes import Causes, Stuck
from batchdub.report.grid import Grid
from batchdub.report.on_disk import Dubs
from batchdub.states import JobState
from batchdub.units import from_stored_time


@dataclass(slots=True)
class Digest:
    """Counts, grid and causes of a report's rows.

    `duplicates` are reference_id and request_id of further orders that nobody has acknowledged;
    `doubled` counts the rows that have one. `dubs` is None where none was downloaded.
    """

    grid: Grid
    counts: Counter[tuple[JobState, bool]] = field(default_factory=Counter)
    doubled: Counter[tuple[JobState, bool]] = field(default_factory=Counter)
    causes: Causes = field(default_factory=Causes)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    dubs: Dubs | None = None

    @property
    def headline(self) -> str:
        """The report in one line."""
        return headline(self.counts, self.doubled)

    @property
    def title(self) -> list[str]:
        """The report in a line or two: the headline, and how many dubs are on disk."""
        return [self.headline, *([str(self.dubs)] if self.dubs is not None else [])]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.counts.total()

    def count(self, *states: JobState, held: bool | None = None) -> int:
        """Count the rows in these states, held or not, or both, that were ordered once at most."""
        return sum(
            number
            for (state, is_held), number in (self.counts - self.doubled).items()
            if state in states and held in (None, is_held)
        )


def digest_of(known: Iterable[Mapping[str, Any]], axes: Axes, *, files: bool = False) -> Digest:
    """Gather a digest of rows as `Choice.known` gives them; with `files` a `Disk` has seen them."""
    digest = Digest(Grid(axes), dubs=Dubs() if files else None)
    for row in known:
        state, held = JobState(row["state"]), row["held"] is not None
        digest.counts[state, held] += 1
        name = row["reference_id"]
        digest.duplicates += [(name, request_id) for request_id in row.get("doubled", ())]
        digest.doubled[state, held] += bool(row.get("doubled"))
        if digest.dubs is not None:
            digest.dubs.add(row)
        submitted_at = row["submitted_at"] and from_stored_time(row["submitted_at"])
        digest.grid.add(
            row["columns"], name, state, standing=standing_of_row(row), submitted_at=submitted_at
        )
        if standing_of(state, held=held) is Standing.NEEDS_YOU:
            # What a row that is held was refused for last is not why it is held now.
            reason = (row["held"] if held else row["error"]) or ""
            digest.causes.add(Stuck(name, row["source"], state, held, reason))
    return digest


def standing_of_row(row: Mapping[str, Any]) -> Standing:
    """Say what a row as `Choice.known` gives it means to whoever reads of it."""
    held, doubled = row["held"] is not None, bool(row.get("doubled"))
    return standing_of(JobState(row["state"]), held=held, doubled=doubled)
