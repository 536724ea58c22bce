"""Rate limits: what each kind of window lets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.sandbox.limits import (
    Limit,
    Window,
    WindowKind,
    admit,
    limit_of,
    replay,
    seconds_until,
)
from batchdub.units import DOCUMENTED_RATE, UNLIMITED, Rate

STEPS = st.lists(st.integers(0, 30), max_size=80)
CALLS = st.integers(1, 6)


def admitted(limit, steps):
    """Call after each step of seconds; give the times that were admitted."""
    window, now_s, times_s = Window(), 1000, []
    for step in steps:
        now_s += step
        window, wait_s = admit(limit, window, now_s)
        if not wait_s:
            times_s.append(now_s)
    return times_s


@given(STEPS, CALLS)
def test_a_sliding_window_never_holds_more_than_its_calls(steps, calls):
    """Whatever window one looks at, not only those that end at a call."""
    times_s = admitted(Limit(WindowKind.SLIDING, calls, 20), steps)
    for start in times_s:
        assert sum(start <= time < start + 20 for time in times_s) <= calls


@given(STEPS, CALLS)
def test_a_fixed_window_never_holds_more_than_its_calls(steps, calls):
    """The windows are the clock's."""
    times_s = admitted(Limit(WindowKind.FIXED, calls, 20), steps)
    for start in {time // 20 for time in times_s}:
        assert sum(time // 20 == start for time in times_s) <= calls


@given(STEPS, CALLS)
def test_a_bucket_never_gives_more_than_it_held_and_got(steps, calls):
    """A full bucket, and what has flowed in since."""
    times_s = admitted(Limit(WindowKind.BUCKET, calls, 20), steps)
    for nth, start in enumerate(times_s):
        for count, end in enumerate(times_s[nth:], 1):
            assert count <= calls + (end - start) * calls / 20 + 1e-6


@given(STEPS, CALLS, st.sampled_from(WindowKind))
def test_after_the_wait_a_call_is_admitted(steps, calls, kind):
    """`Retry-After` must be true, and must not be a second too long either."""
    limit = Limit(kind, calls, 20)
    window, now_s = Window(), 1000
    for step in steps:
        now_s += step
        window, wait_s = admit(limit, window, now_s)
        if wait_s:
            assert seconds_until(limit, window, now_s + wait_s) == 0
            assert seconds_until(limit, window, now_s + wait_s / 2) > 0


@given(STEPS, CALLS, st.sampled_from(WindowKind))
def test_a_window_can_be_rebuilt_from_the_calls_it_admitted(steps, calls, kind):
    """That is how a restart keeps the rate limit."""
    limit = Limit(kind, calls, 20)
    window, now_s, times_s = Window(), 1000, []
    for step in steps:
        now_s += step
        window, wait_s = admit(limit, window, now_s)
        if not wait_s:
            times_s.append(now_s)
    assert replay(limit, times_s) == window


@pytest.mark.parametrize("kind", WindowKind)
def test_sixty_a_minute_lets_sixty_through_at_once_and_no_more(kind):
    """The documented limit, in each way of counting."""
    assert len(admitted(limit_of(DOCUMENTED_RATE, kind), [0] * 100)) == 60


@pytest.mark.parametrize("kind", WindowKind)
def test_evenly_spaced_calls_are_never_turned_away(kind):
    """A client that keeps a little more than the interval sees no 429."""
    steps = [1.015] * 300
    assert len(admitted(limit_of(DOCUMENTED_RATE, kind), steps)) == 300


def test_without_a_limit_everything_passes_and_nothing_is_remembered():
    """`unlimited` costs nothing."""
    limit = limit_of(UNLIMITED, WindowKind.SLIDING)
    assert len(admitted(limit, [0] * 100)) == 100
    assert replay(limit, [1.0, 2.0]) == Window()


def test_less_than_one_call_a_window_is_one_call_in_a_longer_window():
    """`0.5/s` is one call in two seconds."""
    assert limit_of(Rate(0.5, 1.0), WindowKind.FIXED) == Limit(WindowKind.FIXED, 1, 2.0)
    assert limit_of(Rate(2.5, 1.0), WindowKind.FIXED) == Limit(WindowKind.FIXED, 2, 0.8)


def test_a_clock_that_is_set_back_lets_nothing_extra_through():
    """The wall clock jumps; the calls of the future still count."""
    limit = Limit(WindowKind.SLIDING, 2, 20)
    window, _ = admit(limit, Window(), 1000)
    window, _ = admit(limit, window, 900)
    assert window.times_s == (1000, 1000)
    assert admit(limit, window, 901)[1] == 119
