"""Choosing rows by their columns: one grammar wherever rows are chosen."""

from __future__ import annotations

import pytest

from batchdub.errors import UnusableInputError
from batchdub.select import Selector, nothing_chosen, parse_only


def test_several_columns_must_all_hold_and_values_are_alternatives():
    """`language=ja,ko season=2`."""
    chosen = parse_only(["language=ja,ko", "season=2"])
    assert chosen.chooses({"language": "ko", "season": "2", "note": "x"})
    assert not chosen.chooses({"language": "ko", "season": "1"})
    assert not chosen.chooses({"language": "no", "season": "2"})
    assert not chosen.chooses({"season": "2"})


def test_the_same_column_twice_adds_values_and_space_around_is_trimmed():
    """As two options read more easily than one long one."""
    chosen = parse_only([" language = ja", "language=ko , fr"])
    assert chosen.wanted == {"language": {"ja", "ko", "fr"}}


def test_a_value_may_hold_an_equals_sign():
    """Only the first one divides."""
    assert parse_only(["note=a=b"]).chooses({"note": "a=b"})


def test_nothing_wanted_chooses_everything():
    """The default of every command."""
    assert parse_only([]).chooses({})


@pytest.mark.parametrize("text", ["language", "language=", "=ja", " =ja", "language= "])
def test_what_chooses_nothing_is_refused_with_an_example(text):
    """A typing slip must not order the whole season."""
    with pytest.raises(UnusableInputError, match="chooses nothing") as refused:
        parse_only([text])
    assert "language=ja,ko" in refused.value.hint


def explain(seen, *texts):
    error = nothing_chosen(parse_only(texts), seen)
    return error.message, error.hint


def test_an_unknown_column_is_explained_by_the_nearest_or_by_all():
    """So that nobody has to open the manifest."""
    seen = {"language": {"ja"}, "season": {"2"}}
    assert explain(seen, "langage=ja") == (
        "--only: no row has a column `langage`",
        "did you mean `language`?",
    )
    assert "`language`, `season`" in explain(seen, "zzz=1")[1]


def test_an_unknown_value_is_explained_by_the_nearest_or_by_all():
    """The first that is missing is named."""
    seen = {"language": {"ja", "ja-JP", "ko"}}
    assert explain(seen, "language=ja,ja-JB")[0] == "--only: no row has language=`ja-JB`"
    assert "`ja-JP`" in explain(seen, "language=ja-JB")[1]
    assert "the values of `language` are `ja`" in explain(seen, "language=zzz")[1]


def test_values_that_exist_but_never_together_are_told_so():
    """Each alone would choose something."""
    seen = {"language": {"ja"}, "season": {"2"}}
    assert explain(seen, "language=ja", "season=2")[0] == "--only: no row has all of these at once"
    assert nothing_chosen(Selector({}), {}).message.startswith("--only")
