"""Data for standard output, in the format that was asked for."""

from __future__ import annotations

import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, TextIO

from batchdub.cli.talk import talk_on
from batchdub.cli.text import columns_wide, visible
from batchdub.report.cells import cell_text
from batchdub.report.formats import write_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[str, object]

_LOOK_AHEAD = 1_000
"""Rows that settle a table's widths; those after them stream, so a table of any length does."""

_GAP = "  "


def render(
    rows: Iterable[Row],
    columns: Sequence[str],
    format_name: str,
    environ: Mapping[str, str],
    out: TextIO | None = None,
) -> None:
    """Print rows as `table`, `json`, `jsonl` or `csv`, to standard output unless told otherwise.

    Only a table on a terminal with colours has control characters in it.
    """
    target = out or sys.stdout
    if format_name == "table":
        _write_table(rows, columns, target, environ)
    else:
        write_rows(rows, columns, format_name, target)
    # What is said next goes to another stream, often into the same file, and must come after.
    target.flush()


def _write_table(
    rows: Iterable[Row], columns: Sequence[str], target: TextIO, environ: Mapping[str, str]
) -> None:
    ahead = iter(rows)
    sample = list(islice(ahead, _LOOK_AHEAD))
    if len(sample) < _LOOK_AHEAD and talk_on(target, environ).colour:
        _write_rich(sample, columns, target)
    else:
        _write_plain(sample, ahead, columns, target)


def _write_plain(
    sample: Sequence[Row], rest: Iterable[Row], columns: Sequence[str], out: TextIO
) -> None:
    cells = [_cells(row, columns) for row in sample]
    heads = [visible(name) for name in columns]
    widths = [max(map(columns_wide, column)) for column in zip(heads, *cells, strict=True)]
    to_right = [_is_numeric(sample, name) for name in columns]
    for line in chain([heads], cells, (_cells(row, columns) for row in rest)):
        padded = map(_pad, line, widths, to_right)
        out.write(_GAP.join(padded).rstrip() + "\n")


def _write_rich(sample: Sequence[Row], columns: Sequence[str], out: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415  slow to import, needed on terminals only
    from rich.table import Table  # noqa: PLC0415  as above
    from rich.text import Text  # noqa: PLC0415  as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        to_right = _is_numeric(sample, name)
        table.add_column(
            Text(visible(name)), justify="right" if to_right else "left", overflow="fold"
        )
    for row in sample:
        table.add_row(*map(Text, _cells(row, columns)))
    Console(file=out).print(table)


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    return [visible(cell_text(row.get(name))) for name in columns]


def _is_numeric(sample: Sequence[Row], name: str) -> bool:
    values = [row.get(name) for row in sample]
    numbers = [isinstance(value, int | float) for value in values if value is not None]
    return bool(numbers) and all(numbers)


def _pad(cell: str, width: int, to_right: bool) -> str:  # noqa: FBT001  called by map
    if cell.isascii():  # nearly every one, and a plan has a million lines
        return cell.rjust(width) if to_right else cell.ljust(width)
    padding = " " * max(0, width - columns_wide(cell))
    return padding + cell if to_right else cell + padding
