"""Data for people and programs: tables that line up, streams that stream."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.cli.render import render
from batchdub.cli.text import columns_wide, visible

COLUMNS = ("name", "rows")
ROWS = [{"name": "ja", "rows": 5}, {"name": "pt-BR", "rows": 12_000}, {"name": None, "rows": None}]
WATCHED = {"TERM": "xterm-256color"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def rendered(rows, format_name="table", out=None, environ=None):
    target = out or io.StringIO()
    render(rows, COLUMNS, format_name, environ or {}, target)
    return target.getvalue()


def test_a_table_lines_up_with_numbers_to_the_right():
    """Digits under digits are compared at a glance."""
    assert rendered(ROWS) == "name    rows\nja         5\npt-BR  12000\n\n"


def test_wide_characters_take_two_columns():
    """A title in Japanese must not shift its row."""
    lines = rendered(
        [{"name": "第一話", "rows": "x"}, {"name": "e\u0301", "rows": "x"}]
    ).splitlines()

    assert {columns_wide(line) for line in lines[1:]} == {9}


def test_a_table_of_no_rows_is_its_header():
    """Nothing found is an answer."""
    assert rendered([]) == "name  rows\n"


def test_a_long_table_streams():
    """Widths come from the first rows; those after them need no memory."""
    out = io.StringIO()
    seen = []

    def rows():
        for number in range(5_000):
            seen.append(out.tell())
            yield {"name": f"row-{number}", "rows": number}

    rendered(rows(), out=out)

    assert seen[4_000] > seen[2_000] > 0
    assert len(out.getvalue().splitlines()) == 5_001


def test_a_long_table_is_whole_on_a_terminal_too():
    """It streams there as well, without style."""
    rows = ({"name": "n", "rows": number} for number in range(2_000))

    text = rendered(rows, out=Terminal(), environ=WATCHED)

    assert len(text.splitlines()) == 2_001


@pytest.mark.parametrize("format_name", ["table", "json", "jsonl", "csv"])
@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}, WATCHED])
def test_off_a_terminal_there_is_no_control_character(format_name, environ):
    """A log is read with `less` and `grep`."""
    assert "\x1b" not in rendered(ROWS, format_name, environ=environ)


def test_on_a_terminal_a_table_has_style_unless_no_colour_is_wanted():
    """NO_COLOR is honoured, and a dumb terminal spared."""
    assert "\x1b[" in rendered(ROWS, out=Terminal(), environ=WATCHED)
    assert "12000" in rendered(ROWS, out=Terminal(), environ=WATCHED)
    assert "\x1b" not in rendered(ROWS, out=Terminal(), environ=WATCHED | {"NO_COLOR": "1"})
    assert "\x1b" not in rendered(ROWS, out=Terminal(), environ={"TERM": "dumb"})


@given(st.text(), st.text())
def test_no_cell_leaves_its_line(name, rows):
    """Neither by a line end nor by moving the cursor."""
    text = rendered([{"name": name, "rows": rows}])

    assert text.count("\n") == 2
    assert visible(text.replace("\n", "")) == text.replace("\n", "")


def test_programs_get_the_same_rows_in_any_format():
    """Nothing but the writing differs."""
    assert json.loads(rendered(ROWS, "json")) == ROWS
    assert [json.loads(line) for line in rendered(ROWS, "jsonl").splitlines()] == ROWS
    read = list(csv.DictReader(io.StringIO(rendered(ROWS, "csv"))))
    assert read[1] == {"name": "pt-BR", "rows": "12000"}


def test_data_goes_to_standard_output(capsys):
    """Unless it is told where."""
    render(islice(ROWS, 1), COLUMNS, "jsonl", {})

    assert capsys.readouterr().out == '{"name": "ja", "rows": 5}\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\t\r", "\\t\\r"),
        ("\x1b[0m", "\\x1b[0m"),
        ("\u202e", "\\u202e"),
        ("é", "é"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text, shown):
    """So that it can neither hide nor move anything."""
    assert visible(text) == shown
