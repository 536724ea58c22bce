"""The workbook: typed cells, a text is a text, and the grid on a sheet of its own."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook

from batchdub.errors import UnusableInputError
from batchdub.report.as_xlsx import MOST_ROWS, write_xlsx
from batchdub.report.axes import Axes
from batchdub.report.digest import digest_of, standing_of_row
from batchdub.report.fields import REPORT_COLUMNS, report_row, shown_names

NOW = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
AXES = Axes("language", ("season",), "episode")
NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "{=1}", "https://x/", "007", "x" * 40_000, "tonight\udcff",
         "a\x00\x07b", "日本語", "<b>&amp;"]  # fmt: skip


def known(number, state="completed", held=None, **columns):
    own = {"language": "ja", "season": "01", "episode": f"{number:02d}", "note": "", **columns}
    return {
        "reference_id": f"row{number}", "revision": 1, "state": state, "held": held,
        "error": "no" if state == "failed" else None, "attempts": 2, "http_status": 200,
        "source": f"t.csv:{number}", "submitted_at": "2026-11-25T21:00:17.095Z", "columns": own,
    }  # fmt: skip


def book_of(*rows, axes=AXES):
    own = list(dict.fromkeys(name for row in rows for name in row["columns"]))
    columns = (*REPORT_COLUMNS, *shown_names(own).values())
    made = (
        (report_row(row, row["columns"], shown_names(own)), standing_of_row(row)) for row in rows
    )
    out = io.BytesIO()
    write_xlsx(made, columns, digest_of(rows, axes), NOW, out)
    return load_workbook(out)


def cells(sheet, line):
    return {head.value: cell for head, cell in zip(sheet[1], sheet[line], strict=True)}


def test_cells_have_their_types():
    """A number can be added up, a time can be sorted, and a season's name keeps its zero."""
    row = cells(book_of(known(1))["Rows"], 2)

    assert (row["attempts"].value, row["attempts"].data_type) == (2, "n")
    assert str(row["submitted_at"].value) == "2026-11-25 21:00:17.095000"
    assert row["submitted_at"].number_format == 'yyyy-mm-dd hh:mm:ss "UTC"'
    assert (row["season"].value, row["season"].data_type) == ("01", "s")
    assert row["request_id"].value is None


@pytest.mark.parametrize("nasty", NASTY)
def test_a_text_of_the_users_stays_a_text(nasty):
    """No formula, no link, no number; and what a cell cannot hold is shown, not stumbled over."""
    row = cells(book_of(known(1, note=nasty))["Rows"], 2)["note"]

    assert row.data_type in {"s", "inlineStr"}
    assert row.hyperlink is None
    assert row.value.startswith(nasty[:1])
    assert len(row.value) <= 32_767


def test_a_header_is_a_text_as_well():
    """It came from the same spreadsheet."""
    sheet = book_of(known(1, **{"=cmd": "x"}))["Rows"]

    assert [cell.value for cell in sheet[1]][-1] == "=cmd"
    assert {cell.data_type for cell in sheet[1]} == {"s"}


def test_the_header_stays_in_sight_and_filters():
    """As somebody would set it up by hand, each morning."""
    sheet = book_of(*map(known, range(5)))["Rows"]

    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:T6"


def test_colours_go_by_the_state_and_a_row_that_is_held_needs_somebody():
    """The state says it in words beside the colour."""
    sheet = book_of(
        known(1), known(2, "failed"), known(3, "pending"), known(4, "pending", held="why")
    )["Rows"]
    colours = [cells(sheet, line)["state"].fill.fgColor.rgb for line in range(2, 6)]

    assert len(set(colours)) == 3
    assert colours[1] == colours[3]


def test_the_grid_says_what_is_done_and_names_what_is_missing():
    """In the same words as the page."""
    sheet = book_of(known(1), known(2, "failed"), known(1, language="ko"))["Grid"]

    assert [cell.value for cell in sheet[1]] == ["language", "01"]
    assert [cell.value for cell in sheet[2]] == ["ja", "1 of 2 done\n1 needs you: 02"]
    assert sheet.row_dimensions[2].height == 30
    assert [cell.value for cell in sheet[3]] == ["ko", "1 of 1 done\nnot in a manifest: 02"]


def test_without_columns_for_a_grid_there_is_none():
    """An empty sheet asks what is wrong."""
    assert book_of(known(1), axes=Axes()).sheetnames == ["Rows", "Summary"]


def test_more_rows_than_a_sheet_holds_are_told_before_anything_is_written():
    """Excel would cut them off in silence."""
    digest, out = digest_of([known(1)], Axes()), io.BytesIO()
    digest.counts[next(iter(digest.counts))] = MOST_ROWS + 1

    with pytest.raises(UnusableInputError, match="1,048,576 rows: a sheet holds 1,048,575"):
        write_xlsx([], REPORT_COLUMNS, digest, NOW, out)

    assert out.getvalue() == b""


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    """One line, and no traceback."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(UnusableInputError) as caught:
        book_of(known(1))

    assert "pip install 'batchdub[xlsx]'" in caught.value.hint
