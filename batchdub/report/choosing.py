"""Which of the ledger's rows a report has; an empty choice is told, with what there is instead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from batchdub.ledger import Queries
from batchdub.ledger.overview import column_names
from batchdub.report.fields import report_row, shown_names
from batchdub.select import Choosing, Selector


def chosen_rows(
    ledger: Queries, selector: Selector
) -> tuple[list[str], Iterator[dict[str, object]]]:
    """Give the manifests' own columns, and the chosen rows of the report as they stream.

    Every report of a ledger has the same columns, whatever is chosen. Raises UnusableInputError
    before any row if a choice was made and no row is in it.
    """
    names = column_names(ledger)
    shown = shown_names(names)
    choosing = Choosing(selector)
    rows = (
        report_row(row, row["columns"], shown)
        for row in ledger.report_rows()
        if choosing.chooses(row["reference_id"], row["columns"], row["state"])
    )
    first = next(rows, None)
    if first is None:
        choosing.require_any()
        return names, iter(())
    return names, chain([first], rows)
