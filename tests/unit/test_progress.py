"""What a snapshot says about pace and time left."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from batchdub.progress import Snapshot, orders_per_min, time_left_s

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
    assert orders_per_min(HALF_WAY) == 30.0
    assert orders_per_min(replace(HALF_WAY, elapsed_s=0.0)) == 0.0


def test_the_time_left_is_the_slower_of_pace_and_experience():
    """A first quick order must not promise a quick night."""
    assert time_left_s(HALF_WAY) == 60.0
    assert time_left_s(replace(HALF_WAY, pace_s=10.0)) == 300.0
    assert time_left_s(replace(HALF_WAY, pace_s=0.1)) == 60.0


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
