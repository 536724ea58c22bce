"""The server's clock, as far as its Date headers tell: the one clock that orders share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from batchdub.clock import Clock

_MAY_BE_FAST = timedelta(hours=3)  # wall clocks were seen two hours wrong


class ServerClock:
    """A lower bound of the time on the server.

    Nodes of one service disagree, and a Date is cut to the second and may come from a cache. So
    of all that were seen the slowest clock counts: an own order must never look older than its
    intent, or it would be taken for somebody else's and ordered again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lead_s: float | None = None

    def note(self, date: datetime | None) -> None:
        """Take in the Date header of an answer that has just arrived."""
        if date is None:
            return
        lead_s = date.timestamp() - self._clock.monotonic_s()
        self._lead_s = lead_s if self._lead_s is None else min(lead_s, self._lead_s)

    def at_least(self) -> datetime | None:
        """Give the earliest time that the server's clock may show now; None if no Date was seen."""
        if self._lead_s is None:
            return None
        return datetime.fromtimestamp(self._lead_s + self._clock.monotonic_s(), UTC)

    def earliest(self) -> datetime:
        """Give the same for an intent, without a Date from our own clock, which may be fast."""
        return self.at_least() or self._clock.now() - _MAY_BE_FAST
