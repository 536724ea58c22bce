"""What a report says above its rows, gathered in one pass over them and in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from batchdub.report.axes import Axes
from batchdub.report.causes import Causes, Stuck
from batchdub.report.grid import Grid
from batchdub.report.headline import Standing, headline, standing_of
from batchdub.states import JobState
from batchdub.units import from_stored_time


@dataclass(slots=True)
class Digest:
    """Counts, grid and causes of a report's rows.

    `duplicates` are reference_id and request_id of further orders that nobody has acknowledged.
    """

    grid: Grid
    counts: Counter[tuple[JobState, bool]] = field(default_factory=Counter)
    causes: Causes = field(default_factory=Causes)
    duplicates: Sequence[tuple[str, str]] = ()
    submitted_at: datetime | None = None

    @property
    def headline(self) -> str:
        """The report in one line."""
        return headline(self.counts)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.counts.total()

    def count(self, *states: JobState, held: bool | None = None) -> int:
        """Count the rows in these states, held or not, or both."""
        return sum(
            number
            for (state, is_held), number in self.counts.items()
            if state in states and held in (None, is_held)
        )


def digest_of(
    known: Iterable[Mapping[str, Any]],
    axes: Axes,
    duplicates: Sequence[tuple[str, str]] = (),
) -> Digest:
    """Gather a digest of rows as the ledger gives them, with `columns` and `held`."""
    digest = Digest(Grid(axes), duplicates=duplicates)
    for row in known:
        state, held = JobState(row["state"]), row["held"] is not None
        digest.counts[state, held] += 1
        name = row["reference_id"]
        submitted_at = row["submitted_at"] and from_stored_time(row["submitted_at"])
        digest.grid.add(row["columns"], name, state, held=held, submitted_at=submitted_at)
        if standing_of(state, held=held) is Standing.NEEDS_YOU:
            # What a row that is held was refused for last is not why it is held now.
            reason = (row["held"] if held else row["error"]) or ""
            digest.causes.add(Stuck(name, row["source"], state, held, reason))
    return digest
