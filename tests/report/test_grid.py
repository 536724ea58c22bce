"""The grid finds its columns by their names, and names what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batchdub.errors import UnusableInputError
from batchdub.headline import Standing, standing_of
from batchdub.report.axes import Axes, ColumnValues, find_axes, parse_axes
from batchdub.report.grid import Grid, shortened
from batchdub.states import JobState

NOW = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
AXES = Axes("language", ("season",), "episode")


def seen(**columns):
    """Note rows that have every combination of these values."""
    found = ColumnValues()
    rows = [{}]
    for name, values in columns.items():
        rows = [{**row, name: value} for row in rows for value in values]
    for row in rows:
        found.add(row)
    return found


def grid_of(*rows):
    grid = Grid(AXES)
    for language, episode, state, *more in rows:
        columns = {"language": language, "season": "01", "episode": episode}
        hours = more[0] if more else 0
        known = JobState(state)
        grid.add(columns, f"{language}{episode}", known,
                 standing=standing_of(known, held=len(more) > 1),
                 submitted_at=NOW - timedelta(hours=hours))  # fmt: skip
    return grid


@pytest.mark.parametrize(
    ("columns", "axes"),
    [
        ({"language": "ab", "season": "12", "episode": "123"}, AXES),
        ({"Lang": "ab", "Staffel": "12", "Folge": "12"}, Axes("Lang", ("Staffel",), "Folge")),
        ({"target-language": "ab", "client": "xy"}, Axes("target-language")),
        ({"client": "wxyz", "season": "12", "take": "12"}, Axes("client", ("season",))),
        ({"season": "12", "take": "1"}, Axes("season")),
        ({"show": "pq", "language": "ab", "season": "12"}, Axes("language", ("show", "season"))),
        ({"show": "p", "language": "ab", "season": "12"}, Axes("language", ("season",))),
        ({"show": "pq", "language": "ab", "n": "12"}, Axes("language", ("show",))),
        ({}, Axes()),
    ],
)
def test_the_columns_are_found_by_their_names_or_by_what_groups_the_rows(columns, axes):
    """A season's number alone tells little where there are several shows."""
    assert find_axes(seen(**columns)) == axes


def test_a_column_that_tells_rows_apart_makes_no_grid():
    """A table of a thousand titles is no overview."""
    assert find_axes(seen(title=[f"title {number}" for number in range(300)])) == Axes()


def test_the_reader_may_choose_the_columns():
    """Who is asked about clients wants clients."""
    there = seen(client="xyz", language="ab", episode="12")

    assert parse_axes("client, language", there) == Axes("client", ("language",), "episode")
    assert parse_axes("client", there) == Axes("client", (), "episode")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("langauge", "no row has a column `langauge`", "did you mean `language`?"),
        ("a,b,c", "is not one or two columns", "write DOWN,ACROSS"),
        ("language,", "is not one or two columns", "write DOWN,ACROSS"),
        ("title", "`title` has more than 80 values", "choose a column that groups rows"),
    ],
)
def test_a_choice_that_makes_no_grid_is_told(text, message, hint):
    """It is not answered with another grid."""
    with pytest.raises(UnusableInputError, match=message) as caught:
        parse_axes(text, seen(language="ab", title=[str(number) for number in range(90)]))

    assert hint in caught.value.hint


def test_a_cell_names_what_is_missing_and_how_old_the_oldest_is():
    """The coordinator's question is: which episodes of which language?"""
    grid = grid_of(
        ("ja", "01", "completed"), ("ja", "02", "failed"), ("ja", "03", "submitted", 2),
        ("ja", "04", "submitted", 7), ("ja", "05", "pending"), ("ja", "06", "pending", 0, "held"),
    )  # fmt: skip
    cell = grid.cell("ja", ("01",))

    assert (cell.done, cell.rows, cell.worst) == (1, 6, Standing.NEEDS_YOU)
    assert list(cell.lines(NOW)) == [
        (Standing.NEEDS_YOU, "2 need you: 02, 06"),
        (Standing.WAITING, "3 waiting, oldest 7 h 00 min: 03–05"),
    ]


def test_an_episode_that_one_language_lacks_is_named():
    """No run can tell: the row was never in a manifest."""
    grid = grid_of(("ja", "1", "completed"), ("ja", "2", "completed"), ("ko", "2", "completed"))

    assert grid.lacking("ko", ("01",)) == ["1"]
    assert grid.lacking("ja", ("01",)) == []


def test_values_stand_in_the_order_in_which_people_count():
    """Season 10 comes after 9, and rows without a season come last."""
    grid = Grid(Axes("language", ("season",)))
    for season in ("10", "9", "", "2"):
        grid.add(
            {"language": "ja", "season": season},
            "x",
            JobState.PENDING,
            standing=Standing.WAITING,
            submitted_at=None,
        )

    assert grid.across == [("2",), ("9",), ("10",), ("–",)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["03", "01"], "01, 03"),
        (["1", "2"], "1, 2"),
        (["08", "09", "10", "12"], "08–10, 12"),
        (["9", "10", "11"], "9–11"),
        ([f"{2 * number:02d}" for number in range(15)], ", ".join(
            f"{2 * number:02d}" for number in range(12)) + " +3"),
        (["pilot", "1"], "1, pilot"),
    ],
)  # fmt: skip
def test_names_are_listed_as_people_list_them(names, said):
    """Runs of numbers are short, and twelve names are enough."""
    assert shortened(names) == said
