"""Finding an unknown limit from the answers alone: pure arithmetic for `--rate auto`.

A limit of N a minute may be kept by a fixed window, a sliding window or a token bucket, and the
answers look different. What they have in common is used here: a refusal says that the limit is
full, the next acceptance says when there was room again. A long wait between the two is a
window, and then N is what it held: all that was accepted in the minute before there was room. A
short wait is a bucket (or the very end of a window), and then the limit is the pace at which
calls were accepted between two refusals.

Three phases: *climbing* quickly until the first refusal, *settling* with a few more, and
*steady*, a little under the estimate, where each refusal doubles the time before the next climb.
"""

from __future__ import annotations

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
_LONGEST_QUIET_S = 3600.0
_LONG_WAIT_S = 6.0
_LONG_WAIT_SLOTS = 4.0
_SURE_OF = 40
_SLACK_S = 0.05
_BUCKET_SHARE = 0.85
_LONGEST_GAP_S = 8.0


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
    steady. `capacity` is what a window held, for use until `uneven_until_s`.
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
    recent = tuple(at for at in state.sent_at if at > horizon)
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
    gap_s = min(state.gap_s * 2, max(_LONGEST_GAP_S, 1.0 / state.rate_per_s))
    return replace(state, refused_at=sent_at_s, gap_s=gap_s)


def _climb(state: Learned, now_s: float) -> Learned:
    passed_s = now_s - (state.grown_at or 0.0)
    if state.phase is Phase.STEADY:
        if passed_s < state.quiet_s:
            return state
        factor = _STEADY_GROWTH
    else:
        doubles_s = _CLIMB_DOUBLES_S if state.phase is Phase.CLIMBING else _SETTLE_DOUBLES_S
        factor = 2.0 ** (passed_s / doubles_s)
    rate = min(state.rate_per_s * factor, FASTEST_PER_S)
    return replace(state, rate_per_s=rate, grown_at=now_s)


def _room_again(state: Learned, now_s: float) -> Learned:
    """End a refusal: estimate the limit from it, and go on a little below."""
    full_since = state.full_since or now_s
    waited_s = now_s - full_since
    long_wait = waited_s > max(_LONG_WAIT_S, _LONG_WAIT_SLOTS / state.rate_per_s)
    sure = long_wait or (state.from_full and state.counted >= _SURE_OF)
    in_window = sum(1 for at in state.sent_at if state.refused_at - WINDOW_S < at < now_s)
    estimate = _estimate(state, now_s, in_window, long_wait=long_wait)
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
        from_full=True,
        capacity=in_window if long_wait else min(state.capacity, in_window),
        uneven_until_s=now_s + WINDOW_S if long_wait else state.uneven_until_s,
    )


def _estimate(state: Learned, now_s: float, in_window: int, *, long_wait: bool) -> float:
    """Estimate the limit, in calls a second, from a refusal that has just ended."""
    measured_s = now_s - (state.counted_from or now_s)
    if long_wait or measured_s >= WINDOW_S:
        return in_window / WINDOW_S
    if not state.from_full:
        # The first refusal came from a bucket that had been full: nothing measured yet.
        return state.rate_per_s
    pace = state.counted / measured_s
    # A sliding window gives room back slowly where calls were sparse a minute ago; what it holds
    # now is the measure then. A bucket's pace is never that far below what was in the window.
    return pace if pace > _BUCKET_SHARE * in_window / WINDOW_S else in_window / WINDOW_S
