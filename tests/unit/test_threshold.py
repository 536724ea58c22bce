"""A run in which everything fails ends by itself, and a first failure does not end it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.run.threshold import (
    SAME_IN_A_ROW,
    WARM_UP,
    Failures,
    Threshold,
    parse_threshold,
    too_many,
)


def after(*ends, dubs=()):
    failures = Failures()
    for end in ends:
        failures = failures.after_order(end)
    for end in dubs:
        failures = failures.after_dub(end)
    return failures


def test_it_is_a_number_or_a_share():
    """As one says it."""
    assert parse_threshold("20") == Threshold(rows=20)
    assert parse_threshold("2.5%") == Threshold(percent=2.5)
    assert str(parse_threshold("5 %")) == "5%"


@pytest.mark.parametrize("text", ["", "-1", "many", "0%", "100%", "5%%", "1.5"])
def test_what_is_neither_is_refused(text):
    """It caps what is spent for nothing."""
    with pytest.raises(UnusableInputError):
        parse_threshold(text)


def test_the_same_refusal_again_and_again_is_not_the_rows_fault():
    """Without any option: ten in the same words, one after the other."""
    nine = after(*["bad"] * (SAME_IN_A_ROW - 1))

    assert not too_many(nine, None)
    assert too_many(nine.after_order("bad"), None) == "10 rows in a row refused alike: bad"
    assert not too_many(nine.after_order("worse"), None)
    assert not too_many(nine.after_order(None).after_order("bad"), None)


def test_orders_that_go_well_do_not_hide_dubs_that_fail():
    """The API accepts an order for a video that it cannot reach, and charges who knows what."""
    failures = Failures()
    for _ in range(SAME_IN_A_ROW):
        failures = failures.after_order(None).after_dub("video URL is not accessible")

    assert too_many(failures, None) == "10 rows in a row failed alike: video URL is not accessible"


def test_a_number_of_rows_is_counted_over_both():
    """Refused and failed rows alike need a person."""
    threshold = Threshold(rows=3)

    assert not too_many(after("a", None, "b"), threshold)
    assert too_many(after("a", None, "b", dubs=["c"]), threshold) == (
        "`--max-failures 3`: 3 rows failed"
    )
    assert not too_many(after(None, None), Threshold(rows=0))
    assert too_many(after("a"), Threshold(rows=0))


def test_a_share_counts_only_after_a_warm_up():
    """Or the first failure of the night would end it."""
    threshold = Threshold(percent=10)

    assert not too_many(after("a", *[None] * (WARM_UP - 2)), threshold)
    assert not too_many(after("a", *[None] * (WARM_UP - 1)), threshold)
    assert too_many(after("a", "b", *[None] * (WARM_UP - 2)), threshold) == (
        "`--max-failures 10%`: 2 rows of 20 failed"
    )


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 99))
def test_where_nothing_failed_nothing_is_too_many(ends, percent):
    """Whatever the threshold."""
    failures = after(*[None for _ in ends], dubs=[None for _ in ends])

    assert not too_many(failures, Threshold(percent=percent))
    assert not too_many(failures, Threshold(rows=percent))
