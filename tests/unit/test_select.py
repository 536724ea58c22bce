"""Choosing rows: one grammar wherever rows are chosen."""

from __future__ import annotations

from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.select import Choosing, Pattern, as_value, parse_selection
from batchdub.states import JobState

TEXTS = st.text('ab,"*?[] =é', max_size=6)
ROWS = {
    "S01E01-ja": {"language": "ja", "season": "1"},
    "S02E01-ja": {"language": "ja", "season": "2"},
    "S02E02-ko": {"language": "ko", "season": "2"},
    "S02E03-JA": {"language": "JA", "season": "2"},
}


def chosen(*only, ids=(), states=()):
    """Give the ids of the rows that are chosen; each row's state is `failed`."""
    selector = parse_selection(only, ids, states)
    return [row for row, columns in ROWS.items() if selector.chooses(row, columns, "failed")]


# -- the grammar ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        ((), list(ROWS)),
        (("language=ja,ko",), ["S01E01-ja", "S02E01-ja", "S02E02-ko"]),
        (("language=ja,ko", "season=2"), ["S02E01-ja", "S02E02-ko"]),
        (("language=j?",), ["S01E01-ja", "S02E01-ja"]),
        (("language=[jJ]*", "language=*a"), ["S01E01-ja", "S02E01-ja"]),
        (("language=ja", "language=ko"), []),
        ((" language = ja , ko ", "season=1"), ["S01E01-ja"]),
        (("note=*",), []),
    ],
)
def test_values_are_alternatives_and_several_options_must_all_hold(only, rows):
    """`--only language=ja,ko --only season=2`."""
    assert chosen(*only) == rows


def test_rows_are_chosen_by_id_and_state_in_the_same_words():
    """A row has one of each, so that naming the option again adds."""
    assert chosen(ids=["S02E0[12]*"]) == ["S02E01-ja", "S02E02-ko"]
    assert chosen(ids=["S01E01-ja,S02E0?-k*"]) == ["S01E01-ja", "S02E02-ko"]
    assert chosen(ids=["S01*", "S02E03*"]) == ["S01E01-ja", "S02E03-JA"]
    assert chosen("language=ja", ids=["S02*"]) == ["S02E01-ja"]
    assert chosen(states=["failed,rejected"]) == list(ROWS)
    assert chosen(states=["rej*", "pending"]) == []


def test_a_value_may_hold_an_equals_sign_and_in_quotes_anything():
    """A title is a value too."""
    columns = {"note": "a=b", "title": 'Yes, "maybe" *', "none": ""}
    for text in ("note=a=b", 'title="Yes, ""maybe"" *"', 'title=x,"Yes, ""maybe"" *"', 'none=""'):
        assert parse_selection([text]).chooses("a", columns), text
    for text in ('note="a*"', 'title="Yes*"'):
        assert not parse_selection([text]).chooses("a", columns), text


@pytest.mark.parametrize(
    "text",
    ["language", "language=", "=ja", " =ja", "language= ", "language=ja,", "language=,ja",
     'language="ja', 'language="ja"x'],
)  # fmt: skip
def test_what_chooses_nothing_is_refused_with_an_example(text):
    """A typing slip, or a variable that is empty, must not order the whole season."""
    with pytest.raises(UnusableInputError, match="chooses nothing") as refused:
        parse_selection([text])
    assert "language=ja,ko" in refused.value.hint


@pytest.mark.parametrize(("state", "hint"), [("fialed", "`failed`"), ("xyz", "`pending`")])
def test_a_state_that_does_not_exist_is_refused(state, hint):
    """It would choose nothing for ever."""
    with pytest.raises(UnusableInputError, match=f"`{state}` is not a state") as refused:
        parse_selection(states=[state])
    assert hint in refused.value.hint


@given(TEXTS, TEXTS)
def test_a_value_as_it_is_written_for_a_command_chooses_itself_alone(text, other):
    """What a command tells to type next must mean what it was told of."""
    for selector in (
        parse_selection(ids=[as_value(text)]),
        parse_selection([f"a={as_value(text)}"]),
    ):
        assert selector.chooses(text, {"a": text})
        assert selector.chooses(other, {"a": other}) == (text == other)


@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_several_values_choose_what_any_of_them_does(values, value):
    """Whatever they hold: commas, quotes, stars."""
    selector = parse_selection(["a=" + ",".join('"' + v.replace('"', '""') + '"' for v in values)])
    assert selector.chooses("row", {"a": value}) == (value in values)


@given(st.lists(st.sampled_from(["language=ja", "season=2", "season=*", "language=k*"])))
def test_one_more_option_never_chooses_more(only):
    """Each narrows what the others leave."""
    for number in range(len(only)):
        assert set(chosen(*only[: number + 1])) <= set(chosen(*only[:number]))


def test_letters_keep_their_case_on_every_platform():
    """`fnmatch` alone would fold them on some."""
    assert translate("a")
    assert not Pattern("JA").fits("ja")
    assert not Pattern("J*").fits("ja")


# -- a choice of nothing ----------------------------------------------------------------------


def refused(*only, ids=(), states=(), rows=ROWS):
    """Choose among the rows; gives the message and the hint of the refusal."""
    choosing = Choosing(parse_selection(only, ids, states))
    for row, columns in rows.items():
        choosing.chooses(row, columns, JobState.FAILED)
    with pytest.raises(UnusableInputError) as caught:
        choosing.require_all()
    return caught.value.message, caught.value.hint


def test_an_unknown_column_is_explained_by_the_nearest_or_by_all():
    """So that nobody has to open the manifest."""
    assert refused("langage=ja") == (
        "--only: no row has a column `langage`",
        "did you mean `language`?",
    )
    assert "`language`, `season`" in refused("zzz=1")[1]
    assert "did you mean `language`?" in refused("LANGUAGE=ja")[1]
    assert refused("reference_id=S01E01-ja")[1] == "that is chosen with `--id`"


def test_an_unknown_value_is_explained_by_the_nearest_or_by_all():
    """The first one is named."""
    assert refused("language=jp")[0] == "--only: no row has language=`jp`"
    assert "the values of `language` are `JA`, `ja`, `ko`" in refused("language=zzz")[1]


def test_values_that_exist_but_never_together_are_told_so():
    """Each alone would choose something."""
    message, hint = refused("language=ko", "season=1")
    assert message == "--only: no row has all of these at once"
    assert "language=ja,ko" in hint
    assert refused("language=ko", ids=["S01*"])[0].startswith("--only and --id: no row has all")


def test_a_row_that_was_named_must_be_there_though_others_are():
    """One slip among ten ids must not pass in silence; a pattern may fit nothing tonight."""
    assert refused(ids=["S01E01-ja,S02E01-jaa"]) == (
        "--id: there is no row `S02E01-jaa`",
        "did you mean `S02E01-ja`, `S02E03-JA` or `S01E01-ja`?",
    )
    assert refused(ids=["S09*"])[0] == "--id: there is no row `S09*`"
    choosing = Choosing(parse_selection(ids=["S01E01-ja,S09*"]))
    assert choosing.chooses("S01E01-ja", {})
    choosing.require_all()


def test_a_state_that_no_row_is_in_is_told_with_those_that_there_are():
    """An empty answer looks like good news."""
    assert refused(states=["pending,rejected"]) == (
        "--state: no row is pending or rejected",
        "rows are `failed`",
    )


def test_of_no_rows_there_is_nothing_to_choose():
    """And without a choice that is no error."""
    assert refused(ids=["a"], rows={}) == ("--id: there is no row `a`", "there are no rows")
    Choosing(parse_selection()).require_all()
