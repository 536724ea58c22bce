"""Only what surely was not an order is tried again, and not too often."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.wire import backoff_s, may_try_again, try_row
from tests.support.virtual import VirtualClock
from tests.wire.answers import seeded

CONNECT = Outcome(Event.NOT_SENT, Cause.CONNECT)
TLS = Outcome(Event.NOT_SENT, Cause.TLS)
RATE = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT)
LOST = Outcome(Event.LOST, Cause.DROPPED)
ACCEPTED = Outcome(Event.ACCEPTED, Cause.ACCEPTED)


class Tries:
    """Ends each try with the next of its outcomes; remembers when."""

    def __init__(self, clock, *outcomes):
        self.clock, self.outcomes, self.at_s = clock, list(outcomes), []

    async def __call__(self):
        self.at_s.append(self.clock.monotonic_s())
        return self.outcomes.pop(0)


@given(st.integers(0, 5000), st.none() | st.floats(0, 3600), st.integers())
def test_a_wait_is_bounded_and_never_shorter_than_asked_for(failures, retry_after_s, seed):
    """Full jitter: workers that failed together must not come back together."""
    wait_s = backoff_s(failures, seeded(seed), retry_after_s)
    assert (retry_after_s or 0) <= wait_s <= max(60, retry_after_s or 0)


def test_waits_double_up_to_a_minute():
    """The longest wait after 1, 2, 3 … failures."""

    class Longest(random.Random):
        def uniform(self, a, b):
            return b

    longest = [backoff_s(n, Longest()) for n in range(1, 9)]
    assert longest == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("cause", list(Cause))
def test_two_ends_of_an_attempt_may_be_tried_again_and_no_other(event, cause):
    """Whatever is in doubt may have been paid."""
    allowed = (event is Event.NOT_SENT and cause is not Cause.TLS) or (
        (event, cause) == (Event.TURNED_AWAY, Cause.RATE_LIMIT)
    )
    assert may_try_again(Outcome(event, cause)) == allowed


@pytest.mark.parametrize("last", [TLS, LOST, ACCEPTED])
async def test_the_first_certain_end_is_the_last_try(last):
    """Above all a lost reply."""
    tries = Tries(VirtualClock(), CONNECT, last, ACCEPTED)
    assert await try_row(tries, 5, tries.clock.sleep, seeded(1)) is last
    assert len(tries.at_s) == 2


@pytest.mark.parametrize("only", [TLS, LOST, ACCEPTED])
async def test_a_first_try_with_a_certain_end_is_the_only_one(only):
    """As nearly all are."""
    tries = Tries(VirtualClock(), only, ACCEPTED)
    assert await try_row(tries, 5, tries.clock.sleep, seeded(1)) is only
    assert len(tries.at_s) == 1


async def test_tries_without_a_connection_are_counted():
    """The last outcome is given back, not an exception."""
    tries = Tries(VirtualClock(), *[CONNECT] * 9)
    assert await try_row(tries, 3, tries.clock.sleep, seeded(1)) is CONNECT
    assert len(tries.at_s) == 3
    assert tries.at_s[-1] > 0


async def test_a_429_uses_up_no_attempt_and_is_not_waited_for_here():
    """The pacer holds all workers; a second wait would hold this row for longer."""
    tries = Tries(VirtualClock(), *[RATE] * 50, CONNECT, RATE, CONNECT, RATE, ACCEPTED)
    assert await try_row(tries, 3, tries.clock.sleep, seeded(1)) is ACCEPTED
    assert tries.at_s[50] == 0


async def test_a_429_after_the_last_counted_failure_is_tried_again():
    """Two failures of two allowed, and then a 429: the row still ends as the API says."""
    tries = Tries(VirtualClock(), CONNECT, RATE, CONNECT, ACCEPTED)
    assert await try_row(tries, 2, tries.clock.sleep, seeded(1)) is CONNECT
    assert len(tries.at_s) == 3


async def test_what_an_attempt_raises_comes_through():
    """A failing ledger must stop the run."""

    async def attempt():
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await try_row(attempt, 3, VirtualClock().sleep, seeded(1))
