"""Choosing rows on the command line: one grammar wherever rows are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from batchdub.cli.options import option, several

if TYPE_CHECKING:
    from batchdub.run.source import Choice

only_option = option(
    "--only",
    multiple=True,
    type=several,
    metavar="COLUMN=VALUE[,VALUE]",
    help="Only rows with one of these values in that column; `*`, `?` and `[…]` stand for others."
    " Several --only must all hold; in the variable they stand on a line each, or with `;`"
    " between.",
)
id_option = option(
    "--id",
    "ids",
    multiple=True,
    type=several,
    metavar="ID[,ID]",
    help="Only these rows, by reference_id; `*`, `?` and `[…]` stand for others, as in --only.",
)
state_option = option(
    "--state",
    "states",
    env="BATCHDUB_REPORT_STATE",
    multiple=True,
    type=several,
    metavar="STATE[,STATE]",
    help="Only rows in one of these states.",
)
limit_option = option(
    "--limit", type=click.IntRange(1), metavar="N", help="Only the manifest's first N rows."
)


def choice_of(only: Sequence[str], ids: Sequence[str], limit: int | None) -> Choice:
    """Make a choice of a manifest's rows from the options. Raises UnusableInputError."""
    from batchdub.run.source import Choice  # noqa: PLC0415  not for `--help`
    from batchdub.select import parse_selection  # noqa: PLC0415  as above

    return Choice(parse_selection(only, ids), limit)
