"""From the options of `report` to what is written: one moment of the ledger, in one format."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

import click

from batchdub.cli.options import settings_of
from batchdub.ledger import Queries, open_for_reading
from batchdub.report import open_output, write_report
from batchdub.report.choosing import Choice, chosen_rows
from batchdub.settings import Settings

Write = Callable[[TextIO], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows in which format; without `output` they go to standard output."""

    format_name: str
    choice: Choice
    output: str | None = None
    excel: bool = False
    grid: str = ""


def write_wanted(context: click.Context, wanted: Wanted) -> None:
    """Write a report. Raises UnusableInputError before anything is written for an empty choice."""
    settings = settings_of(context)
    with open_for_reading(settings.ledger) as ledger, ledger.moment():
        write = _writer(ledger, settings, wanted)
        if wanted.output is None:
            write(sys.stdout)
            return
        with open_output(wanted.output, byte_order_mark=wanted.excel) as out:
            write(out)


def _writer(ledger: Queries, settings: Settings, wanted: Wanted) -> Write:
    if wanted.format_name == "html":
        from batchdub.cli.paging import page_of  # noqa: PLC0415  only this format needs jinja2

        return page_of(ledger, settings, wanted.choice, wanted.grid)
    columns, rows = chosen_rows(ledger, wanted.choice)
    return lambda out: write_report(rows, columns, wanted.format_name, out)
