"""CSV that a script reads exactly and a spreadsheet opens safely.

Quoting is RFC 4180's; lines end in a bare newline, which spreadsheets take as well and which
leaves no stray carriage return in the last column of `cut` and `awk`. There is no byte order
mark here, since a script would find it glued to the first column's name: `open_output` writes
one on request, for files that Excel is to open by a double click.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

from batchdub.report.cells import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STARTS_A_FORMULA = frozenset("=+-@\t\r")
_ROW_END = "\r\n"


class _NewlineEnds:
    """Takes whole rows from the csv module and ends them in a newline.

    The module quotes a lone carriage return only if its own row end has one (Python 3.11).
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, row: str) -> None:
        self._out.write(row.removesuffix(_ROW_END) + "\n")


def write_csv(rows: Iterable[Mapping[str, object]], columns: Sequence[str], out: TextIO) -> None:
    """Write a header and the rows; text that a spreadsheet would run as a formula is disarmed."""
    writer = csv.writer(_NewlineEnds(out), lineterminator=_ROW_END)
    writer.writerow([disarm(name) for name in columns])
    for row in rows:
        writer.writerow([disarm(cell_text(row.get(name))) for name in columns])


def disarm(text: str) -> str:
    """Put an apostrophe before text that starts like a formula: spreadsheets then show it."""
    return f"'{text}" if text[:1] in _STARTS_A_FORMULA else text
