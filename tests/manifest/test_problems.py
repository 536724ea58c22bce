"""Problems: in order, bounded, counted, and without secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import ManifestError
from batchdub.manifest import Problem, Problems
from batchdub.manifest.problems import KEPT, quoted, shown_name
from tests.manifest.conftest import AUDIO


def test_a_problem_reads_file_line_column_field_what_and_hint():
    """It is what editors and people can jump to."""
    problem = Problem("tonight.csv", 47, 12, "audio_url", "not an http(s) URL", "mend it")

    assert str(problem) == "tonight.csv:47:12: audio_url: not an http(s) URL (mend it)"
    assert str(Problem("a.csv", 3, None, "x", "bad")) == "a.csv:3: x: bad"
    assert str(Problem("a.csv", None, None, "", "is a directory")) == "a.csv: is a directory"


def test_ten_thousand_problems_show_the_first_hundred_and_the_count(read):
    """One wrong formula is a million problems; nobody reads the rest."""
    got = read("video,audio\n" + f"nonsense,{AUDIO}\n" * 10_000)

    with pytest.raises(ManifestError) as caught:
        got.problems.raise_if_any()
    assert caught.value.total == 10_000
    assert len(caught.value.problems) == 100
    assert caught.value.problems[0].startswith("m.csv:2:1: video_url: ")
    assert caught.value.problems[99].startswith("m.csv:101:1: video_url: ")
    assert str(caught.value) == "10000 problems in the manifest"
    assert got.problems.rows_left_out == 10_000


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 400), st.integers(1, 3)),
        max_size=400,
        unique=True,
    )
)
def test_the_kept_are_the_first_by_path_as_given_then_line_then_column(places):
    """Whatever the order in which they were found."""
    problems = Problems()
    problems.expect("cab")
    for path, line, column in places:
        problems.add(Problem(path, line, column, "", "bad"))

    wanted = sorted(places, key=lambda place: ("cab".index(place[0]), *place[1:]))[:KEPT]
    assert [(each.path, each.line, each.column) for each in problems.first()] == wanted
    assert problems.total == len(places)


def test_one_and_the_same_problem_counts_once():
    """A default is wrong once, however many rows it fills."""
    problems = Problems()
    for _ in range(3):
        problems.add(Problem("a", 1, 1, "x", "bad"))

    assert problems.total == len(problems.first()) == 1


def test_warnings_are_kept_apart_and_raise_nothing():
    """They are for reading; the row is used."""
    problems = Problems()
    problems.warn(Problem("a", 1, None, "x", "odd"))

    problems.raise_if_any()
    assert problems.warnings_total == len(problems.warnings()) == 1
    assert problems.total == 0


def test_leaving_rows_out_helps_only_against_problems_of_rows():
    """A file that cannot be read to its end has more rows than we know of."""
    problems = Problems()
    problems.add(Problem("a", 1, None, "x", "bad"), of_row=True)
    problems.raise_if_any(skip_rows=True)
    with pytest.raises(ManifestError, match="1 problem in the manifest"):
        problems.raise_if_any()

    problems.add(Problem("a", None, None, "", "gone"))
    with pytest.raises(ManifestError):
        problems.raise_if_any(skip_rows=True)


def test_quoted_text_is_short_printable_and_holds_no_link():
    """Any cell may hold a signed link, for cells slip."""
    assert quoted("abc") == "`abc`"
    assert quoted("a\x1b[31m\u200b") == "`a<U+001B>[31m<U+200B>`"
    assert quoted("x" * 500) == f"`{'x' * 60}…`"
    assert quoted("https://cdn/x?sig=hush") == "`[a link]`"
    assert quoted("user:hush@host/x") == "`[a link]`"
    assert quoted("cdn/x?sig=hush") == "`cdn/x…`"
    assert shown_name("a b") == "a b"
