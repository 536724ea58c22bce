"""Servers that keep a limit, in three kinds and on a virtual clock: the judges of the pacing."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0


class FixedWindow:
    """So many calls in each window, whose edges are where the server likes them."""

    def __init__(self, limit, window_s=WINDOW_S, phase_s=17.3):
        self.limit, self.window_s, self.phase_s = limit, window_s, phase_s
        self.window, self.used = None, 0

    def allows(self, now_s):
        window = (now_s + self.phase_s) // self.window_s
        if window != self.window:
            self.window, self.used = window, 0
        if self.used >= self.limit:
            return False
        self.used += 1
        return True


class SlidingWindow:
    """So many calls in any stretch of a window's length."""

    def __init__(self, limit, window_s=WINDOW_S):
        self.limit, self.window_s = limit, window_s
        self.taken = deque()

    def allows(self, now_s):
        while self.taken and self.taken[0] <= now_s - self.window_s:
            self.taken.popleft()
        if len(self.taken) >= self.limit:
            return False
        self.taken.append(now_s)
        return True


class TokenBucket:
    """A bucket of a tenth of the limit, refilled at the limit's pace."""

    def __init__(self, limit, window_s=WINDOW_S):
        self.size = max(1.0, limit / 10)
        self.per_s = limit / window_s
        self.tokens, self.at_s = self.size, 0.0

    def allows(self, now_s):
        self.tokens = min(self.size, self.tokens + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


KINDS = (FixedWindow, SlidingWindow, TokenBucket)
