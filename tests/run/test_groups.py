"""Hundreds of rows that are not ordered for one cause are told in one line, with file and line."""

from __future__ import annotations

from batchdub.run.groups import Groups, LeftOut
from batchdub.states import JobState


def grouped(*why, state=JobState.FAILED):
    groups = Groups()
    for line, words in enumerate(why, 2):
        groups.add(LeftOut(f"t.csv:{line}", f"e{line}", words, state))
    return groups


def test_a_few_rows_are_told_one_by_one():
    """Each line is whole, for `grep` and for a person."""
    assert list(grouped("failed: gone", "failed: gone").lines()) == [
        "t.csv:2: `e2`: failed: gone",
        "t.csv:3: `e3`: failed: gone",
    ]


def test_many_rows_of_a_cause_are_told_in_one_line():
    """How many, why, and where the first of them stand."""
    (line,) = grouped(*["failed: gone"] * 28).lines()

    assert line == ("28 rows failed: gone: t.csv:2: `e2`, t.csv:3: `e3`, t.csv:4: `e4` and 25 more")


def test_what_differs_from_row_to_row_makes_no_other_cause():
    """Links die at different times, and it is the same export that has to be made again."""
    said = "held back: its link dies on 2026-11-26 20:{}:00 UTC"
    deaths = [said.format(minute) for minute in range(10, 20)]

    (line,) = grouped(*deaths, state=None).lines()

    assert line.startswith("10 rows held back: its link dies on …: t.csv:2: `e2`, ")


def test_the_largest_cause_comes_first():
    """It is the one to mend."""
    lines = list(grouped("failed: a", *["failed: b"] * 4).lines())

    assert lines[0].startswith("4 rows failed: b")
    assert lines[1] == "t.csv:2: `e2`: failed: a"


def test_a_thousand_causes_take_no_more_room_than_a_hundred():
    """And every row is counted all the same."""
    words = [chr(97 + n // 26 % 26) + chr(97 + n % 26) + "x" * (n // 676) for n in range(1_000)]
    groups = grouped(*(f"failed: {word}" for word in words))

    assert len(groups.largest()) == 101
    assert sum(group.rows for group in groups.largest()) == 1_000
    assert list(groups.lines())[-1] == "… and 91 more rows that stay as they are"
