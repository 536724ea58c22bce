"""A workbook: the rows with their types, and the grid; written while the rows are read.

A text is always a text here, whatever it begins with: no formula, no link, no number comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from batchdub.errors import UnusableInputError
from batchdub.headline import Standing, standing_of
from batchdub.report.cells import cell_text
from batchdub.report.digest import Digest
from batchdub.report.grid import Cell, Grid, shortened
from batchdub.report.on_disk import Dubs
from batchdub.states import JobState
from batchdub.units import counted, from_stored_time

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_575
"""What a sheet holds beside its header."""
_LONGEST = 32_767
_TIMES = frozenset({"submitted_at", "finished_at"})
_WIDTHS = {"reference_id": 22, "error": 48, "request_id": 38, "source": 26, "video_url": 40,
           "audio_url": 40, "output_url": 40, "run_id": 24, "submitted_at": 24,
           "finished_at": 24, "output_file": 40, "output_check": 28}  # fmt: skip
_USUAL_WIDTH = 14
_CELL_WIDTH = 30
_LINE_HEIGHT = 15  # points
_COLOURS = {
    Standing.DONE: ("#1F5A3D", "#E4EFE8"),
    Standing.WAITING: ("#654A0B", "#F6EED9"),
    Standing.NEEDS_YOU: ("#8F2515", "#F9E5E0"),
    Standing.OUT: ("#555555", "#ECEBE8"),
}


def write_xlsx(
    rows: Iterable[tuple[Mapping[str, object], Standing]],
    columns: Sequence[str],
    digest: Digest,
    now: datetime,
    out: BinaryIO,
) -> None:
    """Write rows, each with its standing, the digest's grid, and what it says of all of them.

    Raises UnusableInputError if the extra is not installed, or for more rows than a sheet holds;
    both before anything is written.
    """
    if digest.rows > MOST_ROWS:
        raise UnusableInputError(
            f"{counted(digest.rows, 'row')}: a sheet holds {MOST_ROWS:,}",
            "choose fewer with --only, or write csv",
        )
    with _workbook(out) as book:
        book.set_properties(
            {"title": digest.headline, "comments": "Times are UTC.", "created": now}
        )
        formats = _Formats(book)
        _write_rows(book.add_worksheet("Rows"), rows, columns, digest.rows, formats)
        if digest.grid.cells:
            _write_grid(book.add_worksheet("Grid"), digest, now, formats)
        _write_summary(book.add_worksheet("Summary"), digest, formats)


def _workbook(out: BinaryIO) -> Workbook:
    try:
        import xlsxwriter  # noqa: PLC0415  an extra
    except ImportError:
        raise UnusableInputError(
            "xlsx: XlsxWriter is not installed", "install it with `pip install 'batchdub[xlsx]'`"
        ) from None
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
    }
    return xlsxwriter.Workbook(out, options)


class _Formats:
    """The looks of cells; colours go by what a state means, which the text says as well."""

    def __init__(self, book: Workbook) -> None:
        self.head = book.add_format({"bold": True, "bottom": 1, "valign": "top", "text_wrap": True})
        self.title = book.add_format({"bold": True, "font_size": 13})
        self.time = book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss "UTC"'})
        self.standing: dict[Standing, Format] = {}
        self.cell: dict[Standing, Format] = {}
        for standing, (ink, ground) in _COLOURS.items():
            look = {"font_color": ink, "bg_color": ground}
            self.standing[standing] = book.add_format(look)
            self.cell[standing] = book.add_format(
                {**look, "text_wrap": True, "valign": "top", "border": 1, "border_color": "#DAD6CD"}
            )


def _write_rows(
    sheet: Worksheet,
    rows: Iterable[tuple[Mapping[str, object], Standing]],
    columns: Sequence[str],
    total: int,
    formats: _Formats,
) -> None:
    _prepare_paper(sheet, pages=2)
    for place, name in enumerate(columns):
        sheet.set_column(place, place, _WIDTHS.get(name, _USUAL_WIDTH))
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, total, len(columns) - 1)
    # `01` is a season's name and stays one; Excel need not warn of each.
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS + 1}"})
    for place, name in enumerate(columns):
        sheet.write_string(0, place, _text(name), formats.head)
    for line, (row, standing) in enumerate(rows, 1):
        for place, name in enumerate(columns):
            value = row.get(name)
            look = formats.standing[standing] if name == "state" else None
            _write_cell(sheet, (line, place), name, value, look or formats.time)


def _write_cell(
    sheet: Worksheet, place: tuple[int, int], name: str, value: object, look: Format
) -> None:
    if value is None:
        return
    if isinstance(value, int):
        sheet.write_number(*place, value)
    elif name in _TIMES and isinstance(value, str):
        sheet.write_datetime(*place, from_stored_time(value), look)
    elif name == "state":
        sheet.write_string(*place, _text(value), look)
    else:
        sheet.write_string(*place, _text(value))


def _write_grid(sheet: Worksheet, digest: Digest, now: datetime, formats: _Formats) -> None:
    grid = digest.grid
    _prepare_paper(sheet, pages=1)
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 0, _USUAL_WIDTH)
    sheet.set_column(1, len(grid.across), _CELL_WIDTH)
    sheet.write_string(0, 0, _text(grid.axes.down), formats.head)
    for place, across in enumerate(grid.across, 1):
        sheet.write_string(0, place, _text(" · ".join(across) or "rows"), formats.head)
    sheet.autofilter(0, 0, len(grid.down), len(grid.across))
    for line, down in enumerate(grid.down, 1):
        cells = [(grid.cell(down, across), across) for across in grid.across]
        texts = [_said(grid, cell, down, across, now) for cell, across in cells if cell]
        # A spreadsheet that opens the file does not work out how high a row has to be.
        sheet.set_row(line, _LINE_HEIGHT * max(map(_lines_high, texts), default=1))
        sheet.write_string(line, 0, _text(down), formats.head)
        for place, (cell, across) in enumerate(cells, 1):
            if cell is not None:
                said = _said(grid, cell, down, across, now)
                sheet.write_string(line, place, _text(said), formats.cell[cell.worst])


def _write_summary(sheet: Worksheet, digest: Digest, formats: _Formats) -> None:
    """Write the title, the rows of each state, and the dubs that are not on disk, with why."""
    _prepare_paper(sheet, pages=1)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 12)
    sheet.set_column(2, 2, 90)
    line = 0
    for said in digest.title:
        sheet.write_string(line, 0, said, formats.title)
        line += 1
    line += 1
    for place, head in enumerate(("state", "rows")):
        sheet.write_string(line, place, head, formats.head)
    for said, look, number in _states(digest):
        line += 1
        sheet.write_string(line, 0, said, formats.standing[look])
        sheet.write_number(line, 1, number)
    if digest.doubled.total():
        line += 1
        sheet.write_string(line, 0, "of them ordered twice", formats.standing[Standing.NEEDS_YOU])
        sheet.write_number(line, 1, digest.doubled.total())
    if digest.dubs is not None and digest.dubs.missing:
        _write_lacking(sheet, line + 2, digest.dubs, formats)


def _states(digest: Digest) -> Iterator[tuple[str, Standing, int]]:
    """Give each state that a row is in: what it is called, what it means, and how many."""
    for state in JobState:
        is_pending = state is JobState.PENDING
        waiting = digest.counts[state, False] + (0 if is_pending else digest.counts[state, True])
        held = digest.counts[state, True] if is_pending else 0
        name = str(state).replace("_", " ")
        if waiting:
            yield name, standing_of(state, held=False), waiting
        if held:
            yield f"{name}, held", standing_of(state, held=True), held


def _write_lacking(sheet: Worksheet, line: int, dubs: Dubs, formats: _Formats) -> None:
    for place, head in enumerate(("not verified", "", "why")):
        sheet.write_string(line, place, head, formats.head)
    for lacking in dubs.lacking:
        line += 1
        sheet.write_string(line, 0, _text(lacking.reference_id))
        sheet.write_string(line, 2, _text(lacking.why))
    if (more := dubs.missing - len(dubs.lacking)) > 0:
        sheet.write_string(line + 1, 0, f"and {more:,} more")


def _said(grid: Grid, cell: Cell, down: str, across: tuple[str, ...], now: datetime) -> str:
    said = [f"{cell.done} of {cell.rows} done", *(text for _, text in cell.lines(now))]
    if lacking := grid.axes.across and grid.lacking(down, across):
        said.append(f"not in a manifest: {shortened(lacking)}")
    return "\n".join(said)


def _lines_high(text: str) -> int:
    return sum(-(-len(line) // _CELL_WIDTH) for line in text.split("\n"))


def _prepare_paper(sheet: Worksheet, pages: int) -> None:
    """Have a sheet print on so many pages across, with its headers on every page."""
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(pages, 0)
    sheet.repeat_rows(0)
    sheet.repeat_columns(0)


def _text(value: object) -> str:
    """Write a value as a cell may hold it: no half characters, and not too long."""
    text = cell_text(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
