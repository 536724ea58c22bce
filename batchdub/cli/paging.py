"""The page and the workbook of a ledger: its rows, and what is known of all of them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import BinaryIO, TextIO

from batchdub.cli.at_hand import disk_of
from batchdub.cli.next_steps import Leads, fetch_with, next_commands
from batchdub.cli.standing import (
    Overview,
    describe_run,
    found_in,
    leads_at_sight,
    overview_of,
)
from batchdub.headline import Standing
from batchdub.ledger import Queries, RunRecord
from batchdub.ledger.night import ended_since, last_event_at, runs_since, tried_since
from batchdub.ledger.overview import column_names
from batchdub.ledger.spend import bought
from batchdub.price import Amount
from batchdub.report.as_xlsx import write_xlsx
from batchdub.report.axes import Axes, ColumnValues, find_axes, parse_axes
from batchdub.report.causes import Lead
from batchdub.report.choosing import Choice
from batchdub.report.digest import Digest, digest_of, standing_of_row
from batchdub.report.fields import report_columns, report_row, shown_names
from batchdub.report.on_disk import Disk, looked_at
from batchdub.report.page import Page, Told, write_page
from batchdub.report.timeline import Timeline, draw
from batchdub.settings import Settings
from batchdub.units import counted

_NIGHT = timedelta(hours=24)
"""The night ends with what happened last, and began not earlier than that before it."""


def page_of(
    ledger: Queries, settings: Settings, choice: Choice, grid: str
) -> Callable[[TextIO], None]:
    """Gather what a page says, and give what writes it, while the ledger's moment lasts.

    Raises UnusableInputError for a choice of no row, and for a grid of no column.
    """
    disk = disk_of(ledger)
    digest = _digest(ledger, choice, grid, disk)
    overview = replace(overview_of(ledger, choice.rows, files=False), dubs=digest.dubs)
    leads = leads_at_sight(settings, overview)
    line, runs = _night(ledger, choice)
    told = Told(
        now=datetime.now(UTC),
        ledger=settings.ledger.name,
        chosen=choice.describe(),
        last_run=_last_run(overview),
        next_commands=_next(overview, leads),
        lead=Lead(leads.ledger, leads.api),
        cost=_cost(ledger, choice),
        fetch=fetch_with(leads),
    )
    columns = column_names(ledger)
    page = Page(digest, told, columns, line, runs)
    return lambda out: write_page(page, _rows(ledger, choice, columns, disk), out)


def workbook_of(ledger: Queries, choice: Choice, grid: str) -> Callable[[BinaryIO], None]:
    """Do the same for a workbook: the rows, the grid, and what there is to say of them."""
    disk = disk_of(ledger)
    digest = _digest(ledger, choice, grid, disk)
    own = column_names(ledger)
    columns = report_columns(own, files=disk is not None)
    rows = _rows(ledger, choice, own, disk)
    return lambda out: write_xlsx(rows, columns, digest, datetime.now(UTC), out)


def title_of(ledger: Queries, choice: Choice, disk: Disk | None) -> list[str]:
    """Say a report in a line or two, for a format that has room above its rows."""
    rows = looked_at(choice.known(ledger), disk)
    return digest_of(rows, Axes(), files=disk is not None).title


def _digest(ledger: Queries, choice: Choice, grid: str, disk: Disk | None) -> Digest:
    seen = ColumnValues()
    for row in choice.known(ledger):
        seen.add(row["columns"])
    rows = looked_at(choice.known(ledger), disk)
    return digest_of(rows, _axes(grid, seen), files=disk is not None)


def _rows(
    ledger: Queries, choice: Choice, own_columns: Sequence[str], disk: Disk | None
) -> Iterator[tuple[dict[str, object], Standing]]:
    """Give the report's rows, each with its standing."""
    shown = shown_names(own_columns)
    for row in looked_at(choice.known(ledger), disk):
        yield report_row(row, row["columns"], shown), standing_of_row(row)


def _axes(grid: str, seen: ColumnValues) -> Axes:
    return parse_axes(grid, seen) if grid else find_axes(seen)


def _cost(ledger: Queries, choice: Choice) -> str:
    """Say what the chosen rows' orders cost, and what may have been paid besides."""
    sums: Counter[tuple[bool, str]] = Counter()
    unpriced = 0
    for order in bought(ledger, choice.since, choice.run_id):
        if not choice.rows.chooses(order.reference_id, order.columns, order.state):
            continue
        sums[order.sure, order.currency] += order.cost or 0
        unpriced += order.cost is None
    if not +sums:
        return ""
    said = [str(Amount(cost, currency)) for (sure, currency), cost in sums.items() if sure and cost]
    said += [
        f"{Amount(cost, currency)} more is in doubt"
        for (sure, currency), cost in sums.items()
        if cost and not sure
    ]
    said += [f"{counted(unpriced, 'order')} without a price"] if unpriced else []
    return ", ".join(said)


def _last_run(overview: Overview) -> str:
    run = overview.last_run
    return "" if run is None else describe_run(run, running=overview.running)


def _next(overview: Overview, leads: Leads) -> list[str]:
    if overview.running:
        return [shlex.join(["batchdub", "status", *leads.ledger])]
    return next_commands(found_in(overview, leads), leads)


def _night(ledger: Queries, choice: Choice) -> tuple[Timeline | None, list[RunRecord]]:
    """Draw the time that was chosen, else the last day in which anything happened."""
    ended_at = last_event_at(ledger)
    if ended_at is None:
        return None, []
    since = choice.since or ended_at - _NIGHT
    runs = [run for run in runs_since(ledger, since) if choice.run_id in (None, run.run_id)]
    tried = list(islice(tried_since(ledger, since, choice.run_id), 1))
    begins = [max(since, run.started_at) for run in runs] + [each.at for each in tried]
    if not begins:
        return None, []
    ends = [run.ended_at for run in runs if run.ended_at is not None]
    line = draw(
        min(begins),
        max([ended_at, *ends]) if choice.run_id is None else max([*ends, *begins]),
        tried_since(ledger, since, choice.run_id),
        ended_since(ledger, since, choice.run_id),
    )
    return line, runs
