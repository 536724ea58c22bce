"""What a snapshot says about pace and time left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.progress import Snapshot, left_now, orders_per_min, time_left_s

HALF_WAY = Snapshot(
    done=30,
    in_flight=2,
    in_doubt=0,
    failed=0,
    left=30,
    orders=30,
    rate_limited=0,
    elapsed_s=60.0,
    phase="ordering",
)


def test_the_pace_is_orders_over_time():
    """Per minute, as the API's limit is told."""
    assert orders_per_min(HALF_WAY) == 29.0
    assert orders_per_min(replace(HALF_WAY, elapsed_s=0.0)) == 0.0


@given(st.integers(1, 500), st.floats(0, 0.999))
def test_a_run_at_its_limit_is_never_shown_above_it(orders, since_the_last_s):
    """One a second: the first goes at once, so so many orders take one second less."""
    snapshot = replace(HALF_WAY, orders=orders, elapsed_s=orders - 1 + since_the_last_s)

    assert orders_per_min(snapshot) <= 60.0


def test_what_caps_and_hours_keep_from_going_takes_no_time():
    """Who goes home by this line must not wait for rows that are ordered tomorrow."""
    at_pace = replace(HALF_WAY, left=400, pace_s=2.5)

    assert (left_now(at_pace), time_left_s(at_pace)) == (400, 1000.0)
    capped = replace(at_pace, may_go=7)
    assert (left_now(capped), time_left_s(capped)) == (7, 17.5)
    closing = replace(at_pace, closes_in_s=50.0)
    assert (left_now(closing), time_left_s(closing)) == (20, 50.0)
    assert time_left_s(replace(at_pace, may_go=0)) == 0.0


def test_the_time_left_is_the_slower_of_pace_and_experience():
    """A first quick order must not promise a quick night."""
    reached = 30 * 60 / 29
    assert time_left_s(HALF_WAY) == pytest.approx(reached)
    assert time_left_s(replace(HALF_WAY, pace_s=10.0)) == 300.0
    assert time_left_s(replace(HALF_WAY, pace_s=0.1)) == pytest.approx(reached)


def test_before_anything_is_known_no_time_is_told():
    """A guess out of nothing is worse than none; when nothing is left the time is known."""
    assert time_left_s(replace(HALF_WAY, orders=0)) is None
    assert time_left_s(replace(HALF_WAY, orders=0, pace_s=1.0)) == 30.0
    assert time_left_s(replace(HALF_WAY, orders=0, left=0)) == 0.0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 10**6))
def test_the_time_left_is_never_negative(left, orders, elapsed_s):
    """Whatever a clock or a count does."""
    left_s = time_left_s(replace(HALF_WAY, left=left, orders=orders, elapsed_s=elapsed_s))

    assert left_s is None or left_s >= 0
