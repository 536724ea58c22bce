"""Each format reads back exactly, and none of them does anything when it is opened."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from itertools import islice, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.report import FORMATS, REPORT_COLUMNS, report_row, shown_names, write_report
from batchdub.report.as_csv import disarm
from batchdub.report.as_markdown import escape

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", 'say "hi"', "a,b", "line\nbreak", "日本語"]
_cells = st.text(st.characters(exclude_categories=["Cs"]))


def write(rows, format_name, extra=()):
    out = io.StringIO()
    write_report(rows, extra, format_name, out)
    return out.getvalue()


def row(extra=("note",), **values):
    columns = {name: values.pop(name) for name in list(values) if name in extra}
    return report_row(values, columns, shown_names(extra))


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_names_every_column_in_order(format_name):
    """Also with a user's column that must step aside."""
    text = write([row(extra=["error", "note"], reference_id="a")], format_name, ["error", "note"])

    # Markdown escapes no underscore inside a word, so the names stand in all of them as they are.
    places = [text.index(name) for name in (*REPORT_COLUMNS, "manifest.error", "note")]
    assert places == sorted(places)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_report_is_written_while_it_is_read(format_name):
    """A million rows must not be held at once."""
    out = io.StringIO()
    lengths = []

    def rows():
        for number in range(100):
            lengths.append(out.tell())
            yield row(reference_id=f"row-{number}")

    write_report(rows(), ["note"], format_name, out)

    assert lengths[50] > lengths[2] > 0 or format_name == "json"
    assert lengths[99] > lengths[50] > 0


@pytest.mark.parametrize("nasty", NASTY)
def test_csv_reads_back_and_starts_no_formula(nasty):
    """A title such as `=HYPERLINK(…)` in a client's spreadsheet must stay a title."""
    [header, cells] = csv.reader(io.StringIO(write([row(note=nasty)], "csv", ["note"]), newline=""))

    assert header == [*REPORT_COLUMNS, "note"]
    assert cells[-1] in {nasty, f"'{nasty}"}
    assert cells[-1][0] not in "=+-@\t\r"


def test_a_users_column_name_is_disarmed_as_well():
    """The header is a cell like any other."""
    header = write([], "csv", ["=cmd|x"]).splitlines()[0]

    assert header.endswith(",'=cmd|x")


@given(st.lists(_cells, min_size=1, max_size=4))
def test_any_cell_reads_back_from_csv(cells):
    """Quotes, line ends, lone carriage returns, NULs."""
    extra = [f"c{number}" for number in range(len(cells))]
    rows = [row(extra=extra, **dict(zip(extra, cells, strict=True)))]

    read = list(csv.reader(io.StringIO(write(rows, "csv", extra), newline="")))

    assert len(read) == 2
    assert read[1][len(REPORT_COLUMNS) :] == [disarm(cell) for cell in cells]


def test_csv_lines_end_in_a_bare_newline():
    """`cut` and `awk` would keep a carriage return in the last column."""
    text = write([row(note="x")], "csv", ["note"])

    assert text.endswith("x\n")
    assert "\r" not in text


def test_values_read_the_same_in_every_cell():
    """None is nothing, times are UTC, truth is `true`."""
    moment = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
    text = write([row(note=None, revision=2, submitted_at=moment, error=True)], "csv", ["note"])

    cells = dict(zip(*csv.reader(io.StringIO(text)), strict=True))

    assert cells["note"] == ""
    assert cells["revision"] == "2"
    assert cells["submitted_at"] == "2026-03-01T22:00:00.000Z"
    assert cells["error"] == "true"


@given(st.lists(st.tuples(_cells, st.none() | st.integers()), max_size=4))
def test_json_and_jsonl_say_the_same(cells):
    """One is for programs that want a document, the other for `grep` and `jq`."""
    rows = [row(note=text, attempts=number) for text, number in cells]

    document = json.loads(write(rows, "json", ["note"]))
    lines = [json.loads(line) for line in write(rows, "jsonl", ["note"]).split("\n") if line]

    assert document == lines == rows


def test_json_writes_times_as_stored():
    """UTC with milliseconds, as in the ledger."""
    moment = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)

    [read] = json.loads(write([row(submitted_at=moment)], "json"))

    assert read["submitted_at"] == "2026-03-01T22:00:00.000Z"


def test_no_rows_give_a_whole_document():
    """An empty night is not a broken file."""
    assert write([], "json") == "[]\n"
    assert write([], "jsonl") == ""
    assert write([], "csv") == ",".join(REPORT_COLUMNS) + "\n"
    assert write([], "markdown").count("\n") == 2


@given(_cells)
def test_a_markdown_cell_never_leaves_its_cell(cell):
    """Neither to the next column nor to the next line."""
    text = write([row(note=cell)], "markdown", ["note"])
    line = text.splitlines()[2]
    bars = re.findall(r"(?<!\\)(?:\\\\)*\|", line)

    assert len(text.splitlines()) == 3
    assert len(bars) == len(REPORT_COLUMNS) + 2


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", "a\\|b"),
        ("one\r\ntwo\nthree", "one<br>two<br>three"),
        ("<script>", "\\<script\\>"),
        ("[click](javascript:x)", "\\[click\\](javascript:x)"),
        ("reference_id", "reference_id"),
        ("_it_", "\\_it\\_"),
        ("?a=1&b=2", "?a=1&b=2"),
        ("&copy;", "&amp;copy;"),
        ("bell\x07", "bell "),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markdown_shows_what_was_written(text, escaped):
    """Markup from a spreadsheet is text; what needs no escape stays readable in the source."""
    assert escape(text) == escaped


def test_an_unknown_format_is_refused_before_anything_is_written():
    """With the ones there are."""
    out = io.StringIO()

    with pytest.raises(UnusableInputError, match="`docx` is not a format") as caught:
        write_report(islice(repeat({}), 1), [], "docx", out)

    assert "markdown" in caught.value.hint
    assert out.getvalue() == ""
