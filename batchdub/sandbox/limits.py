"""Rate limits as servers count them: three kinds of window, pure.

The API documents 60 calls a minute and not how they are counted, so the sandbox can count in
each of the usual ways. A call that was turned away is not counted by any of them.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from batchdub.units import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable


class WindowKind(StrEnum):
    """How calls are counted."""

    FIXED = "fixed"
    """Since the last full window of the clock, such as since the minute began."""
    SLIDING = "sliding"
    """In the window that ends now; the strictest."""
    BUCKET = "bucket"
    """Against a bucket that holds a window's calls and refills evenly."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in `window_s` seconds, counted as `kind`; no calls means no limit."""

    kind: WindowKind
    calls: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """What a limit remembers: the admitted calls' times, or when the bucket is full again."""

    times_s: tuple[float, ...] = ()
    full_at_s: float = -math.inf


def limit_of(rate: Rate, kind: WindowKind) -> Limit:
    """Make a limit of a rate. Less than one call a window becomes one call in a longer one."""
    if rate.unlimited:
        return Limit(kind, 0, rate.window_s)
    calls = max(1, math.floor(rate.calls))
    return Limit(kind, calls, rate.window_s * calls / rate.calls)


def seconds_until(limit: Limit, window: Window, now_s: float) -> float:
    """Give the seconds until a call would be admitted; 0 if it would be now."""
    if not limit.calls:
        return 0.0
    if limit.kind is WindowKind.BUCKET:
        spare_s = (limit.calls - 1) * limit.window_s / limit.calls
        # Sums of floats: a microsecond early is on time.
        early_s = window.full_at_s - spare_s - now_s
        return early_s if early_s > 1e-6 else 0.0
    counted = _counted(limit, window, now_s)
    if len(counted) < limit.calls:
        return 0.0
    if limit.kind is WindowKind.FIXED:
        return _window_start_s(limit, now_s) + limit.window_s - now_s
    return counted[-limit.calls] + limit.window_s - now_s


def admit(limit: Limit, window: Window, now_s: float) -> tuple[Window, float]:
    """Ask for one call: the window afterwards, and 0, or the seconds until it would pass."""
    wait_s = seconds_until(limit, window, now_s)
    return (window, wait_s) if wait_s > 0 else (_take(limit, window, now_s), 0.0)


def replay(limit: Limit, times_s: Iterable[float]) -> Window:
    """Rebuild a window from calls that were admitted, oldest first."""
    window = Window()
    for time_s in times_s:
        window = _take(limit, window, time_s)
    return window


def _take(limit: Limit, window: Window, now_s: float) -> Window:
    if not limit.calls:
        return window
    if limit.kind is WindowKind.BUCKET:
        interval_s = limit.window_s / limit.calls
        return Window(full_at_s=max(window.full_at_s, now_s) + interval_s)
    counted = _counted(limit, window, now_s)
    # The times stay sorted even when the wall clock is set back.
    return Window(times_s=(*counted, max(now_s, counted[-1]) if counted else now_s))


def _counted(limit: Limit, window: Window, now_s: float) -> tuple[float, ...]:
    if limit.kind is WindowKind.FIXED:
        return window.times_s[bisect_left(window.times_s, _window_start_s(limit, now_s)) :]
    return window.times_s[bisect_right(window.times_s, now_s - limit.window_s) :]


def _window_start_s(limit: Limit, now_s: float) -> float:
    return math.floor(now_s / limit.window_s) * limit.window_s
