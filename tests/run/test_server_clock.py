"""The server's clock: a lower bound, since an own order must never look older than its intent."""

from __future__ import annotations

from datetime import timedelta

from batchdub.run.server_clock import ServerClock
from tests.support.virtual import EPOCH, VirtualClock


async def test_of_several_clocks_the_slowest_counts():
    """Nodes disagree, and a cached Date is old: what was seen first or last means nothing.

    Faults: F-51.
    """
    clock = VirtualClock()
    server = ServerClock(clock)
    for skew_s in (0, 7200, -7200, 30):
        server.note(EPOCH + timedelta(seconds=skew_s))
    await clock.sleep(10)
    assert server.at_least() == EPOCH + timedelta(seconds=-7200 + 10)


async def test_it_goes_on_between_answers_and_without_them_tells_nothing():
    """Our monotonic clock carries it; our wall clock may be set meanwhile."""
    clock = VirtualClock()
    server = ServerClock(clock)
    server.note(None)
    assert server.at_least() is None
    server.note(EPOCH)
    clock.skew_s = 7200
    await clock.sleep(60)
    assert server.at_least() == EPOCH + timedelta(seconds=60)


async def test_an_intent_without_any_date_goes_by_our_own_clock_with_hours_to_spare():
    """Else every older order under its reference_id would be taken for its own."""
    clock = VirtualClock()
    server = ServerClock(clock)
    assert server.earliest() == EPOCH - timedelta(hours=3)
    server.note(EPOCH + timedelta(seconds=5))
    assert server.earliest() == EPOCH + timedelta(seconds=5)
