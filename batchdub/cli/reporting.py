"""From the options of `report` to what is written: one moment of the ledger, in one format."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TextIO

import click

from batchdub.cli.at_hand import disk_of
from batchdub.cli.kept_files import require_not_kept
from batchdub.cli.options import settings_of
from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries, open_for_reading
from batchdub.ledger.overview import column_names, run_ids
from batchdub.report import open_output, write_report, write_rows
from batchdub.report.choosing import Choice, chosen_rows
from batchdub.report.output import open_bytes
from batchdub.report.statement import Per
from batchdub.select.nearness import near
from batchdub.settings import Settings

Write = Callable[[TextIO], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows in which format; without `output` they go to standard output.

    `by` are the columns of a statement, which is wanted if there is a `per`.
    """

    format_name: str
    choice: Choice
    output: str | None = None
    excel: bool = False
    grid: str = ""
    per: Per | None = None
    by: Sequence[str] = ()


def write_wanted(context: click.Context, wanted: Wanted) -> None:
    """Write a report. Raises UnusableInputError before anything is written for an empty choice."""
    settings = settings_of(context)
    with open_for_reading(settings.ledger) as ledger, ledger.moment():
        require_not_kept(wanted.output, "--output", settings.ledger, ledger.manifest_paths())
        wanted = replace(wanted, choice=with_run(ledger, wanted.choice))
        if wanted.format_name == "xlsx":
            _write_workbook(ledger, wanted)
            return
        write = _writer(ledger, settings, wanted)
        if wanted.output is None:
            write(sys.stdout)
            return
        with open_output(wanted.output, byte_order_mark=wanted.excel) as out:
            write(out)


def with_run(ledger: Queries, choice: Choice) -> Choice:
    """Give a choice whose run is a run_id: `last` is that of the last one.

    Raises UnusableInputError for a run that there was not.
    """
    named = choice.run_id
    if named is None:
        return choice
    known = run_ids(ledger)
    if named == "last" and known:
        return replace(choice, run_id=known[0])
    if named not in known:
        raise UnusableInputError(
            f"--run: there is no run `{named}`", near([named], known, "the runs are")
        )
    return choice


def _writer(ledger: Queries, settings: Settings, wanted: Wanted) -> Write:
    if wanted.per is not None:
        return _statement(ledger, wanted, wanted.per)
    if wanted.format_name == "html":
        from batchdub.cli.paging import page_of  # noqa: PLC0415  only this format needs jinja2

        return page_of(ledger, settings, wanted.choice, wanted.grid)
    disk = disk_of(ledger)
    title = []
    if wanted.format_name == "markdown":
        from batchdub.cli.paging import title_of  # noqa: PLC0415  for this format alone

        title = title_of(ledger, wanted.choice, disk)
    columns, rows = chosen_rows(ledger, wanted.choice, disk)
    return lambda out: write_report(
        rows, columns, wanted.format_name, out, files=disk is not None, title=title
    )


def _write_workbook(ledger: Queries, wanted: Wanted) -> None:
    from batchdub.cli.paging import workbook_of  # noqa: PLC0415  an extra, and slow to import

    write = workbook_of(ledger, wanted.choice, wanted.grid)
    with open_bytes(str(wanted.output)) as out:
        write(out)


def _statement(ledger: Queries, wanted: Wanted, per: Per) -> Write:
    from batchdub.ledger.spend import bought  # noqa: PLC0415  only a statement counts orders
    from batchdub.report.statement import (  # noqa: PLC0415  as above
        columns_meant,
        statement_columns,
        statement_of,
    )

    by = columns_meant(wanted.by, column_names(ledger))
    orders = wanted.choice.of(bought(ledger, wanted.choice.since, wanted.choice.run_id))
    lines = list(statement_of(orders, per, by))  # an empty choice is told before a header
    return partial(write_rows, lines, statement_columns(per, by), wanted.format_name)
