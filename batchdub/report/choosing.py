"""Which of the ledger's rows a report has; an empty choice is told, with what there is instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries
from batchdub.ledger.overview import column_names
from batchdub.ledger.spend import Bought
from batchdub.report.fields import report_row, shown_names
from batchdub.report.on_disk import Disk, looked_at
from batchdub.select import Choosing, Selector
from batchdub.units import local_time


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows: what `rows` chooses of those to which something happened since, and in a run."""

    rows: Selector = field(default_factory=Selector)
    since: datetime | None = None
    run_id: str | None = None

    def known(self, ledger: Queries) -> Iterator[dict[str, Any]]:
        """Give the chosen rows as the ledger has them, in manifest order, as they stream.

        Each also with `doubled`: the request_ids of further orders that nobody has acknowledged.
        Raises UnusableInputError before any row if a choice was made and no row is in it.
        """
        choosing = Choosing(self.rows)
        duplicates = ledger.unseen_duplicates()
        rows = (
            {**row, "doubled": duplicates.get(row["reference_id"], ())}
            for row in ledger.report_rows(self.since, self.run_id)
            if choosing.chooses(row["reference_id"], row["columns"], row["state"])
        )
        first = next(rows, None)
        if first is None:
            self._require_touched(ledger)
            choosing.require_any()
            return iter(())
        return chain([first], rows)

    def of(self, orders: Iterable[Bought]) -> Iterator[Bought]:
        """Choose among orders by what they are of, as they stream.

        Raises UnusableInputError at the end if a choice was made and no order is in it.
        """
        choosing = Choosing(self.rows)
        for order in orders:
            if choosing.chooses(order.reference_id, order.columns, order.state):
                yield order
        choosing.require_any()

    def describe(self) -> str:
        """Say which rows these are; empty if all."""
        said = [
            f"{clause.column or clause.option.removeprefix('--')}"
            f" {' or '.join(pattern.text for pattern in clause.patterns)}"
            for clause in self.rows.clauses
        ]
        said += [f"run {self.run_id}"] if self.run_id else []
        said += [f"what happened since {local_time(self.since)}"] if self.since else []
        return ", ".join(said)

    def _require_touched(self, ledger: Queries) -> None:
        """Say so if nothing happened then: `choosing` knows only the rows that it has seen."""
        if self.since is None and self.run_id is None:
            return
        if next(ledger.report_rows(self.since, self.run_id), None) is None:
            since = f" since {local_time(self.since)}" if self.since else ""
            run = f" in run {self.run_id}" if self.run_id else ""
            raise UnusableInputError(
                f"nothing happened to any row{run}{since}", "see `batchdub status` for the last run"
            )


def chosen_rows(
    ledger: Queries, choice: Choice, disk: Disk | None
) -> tuple[list[str], Iterator[dict[str, object]]]:
    """Give the manifests' own columns, and the chosen rows of the report as they stream.

    Every report of a ledger has the same columns, whatever is chosen. Where a `disk` is given it
    is looked at for each finished dub. Raises as `Choice.known`.
    """
    names = column_names(ledger)
    shown = shown_names(names)
    rows = looked_at(choice.known(ledger), disk)
    return names, (report_row(row, row["columns"], shown) for row in rows)
