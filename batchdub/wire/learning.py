"""Finding an unknown limit from the answers alone: pure arithmetic for `--rate auto`.

A limit of N a minute may be kept by a fixed window, a sliding window or a token bucket, and the
answers look different. What they have in common is used here: a refusal says that the limit is
full, the next acceptance says when there was room again. A long wait between the two is a
window, and then N is what it held: all that was accepted in the minute before there was room. A
short wait is a bucket (or the very end of a window), and then the limit is the pace at which
calls were accepted between two refusals; unless a sliding window empties as slowly as the climb
had filled it, which shows in that it held the same at two refusals.

Three phases: *climbing* quickly until the first refusal, *settling* with a few more, and
*steady*, a little under the estimate, where each refusal doubles the time before the next climb.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from enum import Enum

WINDOW_S = 60.0
"""The window that the API documents its limit for (API.md); only its kind is unknown."""

FASTEST_PER_S = 40.0
SLOWEST_PER_S = 0.1

_MARGIN = 0.985  # a little under the estimate: even spacing 1.5 % wider sees no refusals (measured)
_CLIMB_DOUBLES_S = 8.0
_SETTLE_DOUBLES_S = 120.0
_STEADY_GROWTH = 1.005
_QUIET_S = 60.0
_CALM_STEPS = 5
_CALM_GROWTH = 1.05
_LONGEST_QUIET_S = 1200.0
_LONG_WAIT_S = 6.0
_LONG_WAIT_SLOTS = 4.0
_SURE_OF = 40
_SLACK_S = 0.05
_BUCKET_SHARE = 0.85
_LONGEST_GAP_S = 8.0
_PROBED_CALLS = 1500.0  # a window that holds many can afford more probes, and needs them
_SURE_AFTER_S = 10.0
_ALIKE = 0.03
_LITTLE = 0.05


class Phase(Enum):
    """How much is known of the limit."""

    CLIMBING = "climbing"
    """No refusal yet."""
    SETTLING = "settling"
    """Refused, but measured over few calls only."""
    STEADY = "steady"
    """Measured, or learned in an earlier run."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known so far. Times are seconds of the monotonic clock, rates calls a second.

    `sent_at` are the last window's calls, less the refused ones, in order. `full_since` is when
    the limit was first seen full, None while it is not; `refused_at` is then the last refused
    probe and `gap_s` the space to the next. `counted_from` and `counted` are where the present
    measurement began and how many were accepted in it, `from_full` whether it began with the
    limit full. `grown_at` is when the rate last changed, `quiet_s` how long it then stays while
    steady, and `calm` how often it has grown since the last refusal: a limit that is not met again
    for long was raised. `capacity` is what a window held, for use until `uneven_until_s`.
    """

    rate_per_s: float
    phase: Phase = Phase.CLIMBING
    sent_at: tuple[float, ...] = ()
    full_since: float | None = None
    refused_at: float = 0.0
    gap_s: float = 0.0
    counted_from: float | None = None
    counted: int = 0
    grown_at: float | None = None
    quiet_s: float = _QUIET_S
    calm: int = 0
    from_full: bool = False
    capacity: int = 0
    uneven_until_s: float = 0.0

    @property
    def interval_s(self) -> float:
        """Seconds to leave between two calls now: the pace's, or between probes while full."""
        return 1.0 / self.rate_per_s if self.full_since is None else self.gap_s

    @property
    def not_before_s(self) -> float:
        """When there is room again in a sliding window that is as full as it can be.

        It holds for a while after a long wait only, when a window empties as unevenly as the
        climb filled it; evenly spaced calls under the limit never come up to it.
        """
        if not 0 < self.capacity <= len(self.sent_at) or self.sent_at[-1] > self.uneven_until_s:
            return float("-inf")
        return self.sent_at[-self.capacity] + WINDOW_S + _SLACK_S


def start_learning(calls_per_s: float, *, known: bool = False) -> Learned:
    """Begin at a rate; `known` if it was learned before, so that there is nothing to climb for."""
    rate = min(max(calls_per_s, SLOWEST_PER_S), FASTEST_PER_S)
    return Learned(rate, Phase.STEADY if known else Phase.CLIMBING)


def on_sent(state: Learned, at_s: float) -> Learned:
    """Count a call as it goes out; until it is refused it has to be taken as let through."""
    # While full, the window that counts is the one that ended with the last refusal.
    horizon = (at_s if state.full_since is None else state.refused_at) - WINDOW_S
    recent = state.sent_at[bisect_right(state.sent_at, horizon) :]
    return replace(state, sent_at=(*recent, at_s))


def on_accepted(state: Learned, sent_at_s: float) -> Learned:
    """Learn from a call that the limit let through."""
    state = replace(
        state,
        counted=state.counted + 1,
        counted_from=sent_at_s if state.counted_from is None else state.counted_from,
        grown_at=sent_at_s if state.grown_at is None else state.grown_at,
    )
    if state.full_since is None:
        return _climb(state, sent_at_s)
    # A call from before the refusal says nothing about room after it.
    return _room_again(state, sent_at_s) if sent_at_s > state.refused_at else state


def on_refused(state: Learned, sent_at_s: float) -> Learned:
    """Learn from a 429. Those that were under way together count once."""
    state = replace(state, sent_at=tuple(at for at in state.sent_at if at != sent_at_s))
    if state.full_since is None:
        gap_s = 1.0 / state.rate_per_s
        return replace(state, full_since=sent_at_s, refused_at=sent_at_s, gap_s=gap_s)
    if sent_at_s < state.refused_at + state.gap_s:
        return state
    longest_s = min(_LONGEST_GAP_S, _PROBED_CALLS / (len(state.sent_at) + 1))
    gap_s = min(state.gap_s * 2, max(longest_s, 1.0 / state.rate_per_s))
    return replace(state, refused_at=sent_at_s, gap_s=gap_s)


def _climb(state: Learned, now_s: float) -> Learned:
    passed_s = _since_s(state.grown_at, now_s)
    if state.phase is Phase.STEADY:
        if passed_s < (state.quiet_s if state.calm < _CALM_STEPS else _QUIET_S):
            return state
        factor = _STEADY_GROWTH if state.calm < _CALM_STEPS else _CALM_GROWTH
    else:
        doubles_s = _CLIMB_DOUBLES_S if state.phase is Phase.CLIMBING else _SETTLE_DOUBLES_S
        factor = 2.0 ** (passed_s / doubles_s)
    rate = min(state.rate_per_s * factor, FASTEST_PER_S)
    return replace(state, rate_per_s=rate, grown_at=now_s, calm=state.calm + 1)


def _room_again(state: Learned, now_s: float) -> Learned:
    """End a refusal: estimate the limit from it, and go on a little below."""
    waited_s = _since_s(state.full_since, now_s)
    measured_s = _since_s(state.counted_from, now_s)
    long_wait = waited_s > max(_LONG_WAIT_S, _LONG_WAIT_SLOTS / state.rate_per_s)
    counted_enough = state.counted >= _SURE_OF and measured_s >= _SURE_AFTER_S
    held = _held(state, now_s)
    estimate = _estimate(state, measured_s, held, long_wait=long_wait)
    is_window = long_wait or _looks_sliding(state, held, estimate, now_s)
    sure = is_window or (state.from_full and counted_enough)
    again = state.phase is Phase.STEADY
    restart = sure or not state.from_full
    return replace(
        state,
        rate_per_s=max(min(estimate * _MARGIN, state.rate_per_s), SLOWEST_PER_S),
        phase=Phase.STEADY if sure or again else Phase.SETTLING,
        full_since=None,
        gap_s=0.0,
        counted_from=now_s if restart else state.counted_from,
        counted=0 if restart else state.counted,
        grown_at=now_s,
        quiet_s=min(state.quiet_s * 2, _LONGEST_QUIET_S) if again else state.quiet_s,
        calm=0,
        from_full=True,
        capacity=round(held),
        uneven_until_s=now_s + WINDOW_S if is_window else state.uneven_until_s,
    )


def _looks_sliding(state: Learned, held: float, estimate: float, now_s: float) -> bool:
    """Tell whether a short wait may come from a sliding window that empties unevenly.

    It held the same at two refusals, and made room because a call had left it, not because time
    had passed; and no bucket was seen to let calls through faster than that.
    """
    oldest = state.sent_at[bisect_right(state.sent_at, state.refused_at - WINDOW_S)]
    alike = abs(held - state.capacity) <= _ALIKE * held
    return alike and oldest <= now_s - WINDOW_S and estimate <= held / WINDOW_S


def _held(state: Learned, now_s: float) -> float:
    """Count what the window held that has just made room.

    It made room at some time between the last refused probe and now: if it matters little when,
    in the middle.
    """
    end = bisect_left(state.sent_at, now_s)
    most = end - bisect_right(state.sent_at, state.refused_at - WINDOW_S)
    least = end - bisect_right(state.sent_at, now_s - WINDOW_S)
    return (most + least) / 2 if 1 < most - least <= _LITTLE * most else most


def _estimate(state: Learned, measured_s: float, held: float, *, long_wait: bool) -> float:
    """Estimate the limit, in calls a second, from a refusal that has just ended."""
    if long_wait or measured_s >= WINDOW_S:
        return held / WINDOW_S
    if not state.from_full:
        # The first refusal came from a bucket that had been full: nothing measured yet.
        return state.rate_per_s
    pace = state.counted / measured_s
    # A sliding window gives room back slowly where calls were sparse a minute ago; what it holds
    # now is the measure then. A bucket's pace is never that far below what was in the window.
    return pace if pace > _BUCKET_SHARE * held / WINDOW_S else held / WINDOW_S


def _since_s(began_s: float | None, now_s: float) -> float:
    return 0.0 if began_s is None else now_s - began_s
