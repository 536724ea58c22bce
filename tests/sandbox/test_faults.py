"""Faults: how they are written, and who is hit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.sandbox.faults import (
    TIMED,
    Fate,
    Fault,
    Kind,
    chance,
    draw_fate,
    hit,
    parse_fault,
    parse_faults,
)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_written_as_kind_probability_and_duration(kind):
    """The kinds that last take a duration, the others take none."""
    if kind in TIMED:
        assert parse_fault(f"{kind}=0.25:1.5s") == Fault(kind, 0.25, 1.5)
        bad = f"{kind}=0.25"
    else:
        assert parse_fault(f" {kind}=.25 ") == Fault(kind, 0.25)
        bad = f"{kind}=0.25:2s"
    with pytest.raises(UnusableInputError, match="is not a fault"):
        parse_fault(bad)


@pytest.mark.parametrize("text", ["drop-after=0.25", "fail=0", "late=1:1.5s", "throttle=0.002:3s"])
def test_a_fault_is_written_as_it_is_read(text):
    """One process tells another about it."""
    assert str(parse_fault(text)) == text
    assert str(Fault(Kind.FAIL, 1e-7)) == "fail=0.0000001"


@pytest.mark.parametrize("text", ["drop-after", "drop-after=", "drop-after=1.1", "drop-after=-1"])
def test_a_malformed_probability_is_told_with_an_example(text):
    """The message must show how it is written."""
    with pytest.raises(UnusableInputError) as caught:
        parse_fault(text)
    assert f"`{text}`" in str(caught.value)
    assert "`drop-after=0.1`" in str(caught.value)


def test_a_probability_is_not_any_float():
    """`nan` and `1e-3` are Python's spellings, not the contract's."""
    for text in ("fail=nan", "fail=1e-3", "late=inf:2s"):
        with pytest.raises(UnusableInputError):
            parse_fault(text)


def test_an_unknown_kind_is_told_with_all_kinds():
    """Nobody remembers twelve names."""
    with pytest.raises(UnusableInputError) as caught:
        parse_fault("drop=0.1")
    assert all(f"`{kind}`" in str(caught.value) for kind in Kind)


def test_a_bad_duration_is_told_as_one():
    """The duration's own message says how durations are written."""
    with pytest.raises(UnusableInputError, match="`soon` is not a duration"):
        parse_fault("late=0.1:soon")


def test_a_kind_is_given_once():
    """Two probabilities for one kind leave open which one holds."""
    with pytest.raises(UnusableInputError, match="`fail` is given twice"):
        parse_faults(["fail=0.1", "slow=1:1s", "fail=0.2"])


@given(st.integers(), st.text(), st.integers(0, 9))
def test_a_higher_probability_hits_the_same_calls_and_more(seed, subject, seen_no):
    """So that turning a fault up does not reshuffle a night."""
    low, high = (Fault(Kind.FAIL, 0.3),), (Fault(Kind.FAIL, 0.6),)
    if hit(low, Kind.FAIL, seed, subject, seen_no):
        assert hit(high, Kind.FAIL, seed, subject, seen_no)


@given(st.integers(), st.text(), st.integers(0, 9))
def test_probability_0_never_hits_and_1_always(seed, subject, seen_no):
    """The ends are exact."""
    assert hit((Fault(Kind.FAIL, 0.0),), Kind.FAIL, seed, subject, seen_no) is None
    assert hit((Fault(Kind.FAIL, 1.0),), Kind.FAIL, seed, subject, seen_no)
    assert hit((Fault(Kind.FAIL, 1.0),), Kind.SLOW, seed, subject, seen_no) is None


def test_hits_are_as_frequent_as_the_probability():
    """20 % of 5,000 calls, give or take."""
    faults = (Fault(Kind.DROP_AFTER, 0.2),)
    hits = sum(bool(hit(faults, Kind.DROP_AFTER, 7, f"row-{n}", 0)) for n in range(5000))
    assert 900 < hits < 1100


def test_chances_about_different_things_are_independent():
    """The same row must not draw every fault at once."""
    draws = {chance(7, kind, "row", 0) for kind in Kind} | {chance(8, Kind.LATE, "row", 0)}
    assert len(draws) == len(Kind) + 1
    assert chance(1, "a", "b") != chance(1, "ab", "")


def test_an_order_has_one_ending_and_keeps_its_other_troubles():
    """A dropped reply cannot also be a 500; but the dub may fail and the list lag."""
    faults = parse_faults([*(f"{kind}=1" for kind in Kind if kind not in TIMED), "list-lag=1:3s"])
    fate = draw_fate(faults, 7, "row", 0)
    assert (fate.ending, fate.fails, fate.list_lag_s) == (Kind.DROP_BEFORE, True, 3.0)
    assert not fate.taken


def test_a_late_order_is_taken_later_and_only_then():
    """`late` is an ending of its own and brings its duration."""
    fate = draw_fate(parse_faults(["late=1:2s", "drop-after=1", "slow=1:1s"]), 7, "row", 0)
    assert (fate.ending, fate.late_s, fate.slow_s) == (Kind.LATE, 2.0, 1.0)
    assert fate.taken
    beaten = draw_fate(parse_faults(["late=1:2s", "drop-before=1"]), 7, "row", 0)
    assert (beaten.ending, beaten.late_s) == (Kind.DROP_BEFORE, 0.0)


def test_without_faults_nothing_happens():
    """The plain sandbox is a plain API."""
    fate = draw_fate((), 7, "row", 0)
    assert (fate.ending, fate.fails, fate.slow_s) == (None, False, 0.0)
    assert Fate().taken
