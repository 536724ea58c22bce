"""`auto` finds the limit, whichever kind of server keeps it, and then stays a little under it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.units import parse_rate
from batchdub.wire import Pacer
from batchdub.wire.learning import (
    FASTEST_PER_S,
    SLOWEST_PER_S,
    Phase,
    on_accepted,
    on_refused,
    on_sent,
    start_learning,
)
from tests.support.virtual import VirtualClock
from tests.wire.limit_servers import KINDS, WINDOW_S

OK = Outcome(Event.ACCEPTED, Cause.ACCEPTED)
REFUSED = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, http_status=429)
LATENCY_S = 0.15


async def night(server, calls, learned_per_s=None, workers=8):
    """Let workers call until `calls` were answered: accepted, refused, seconds, the pacer."""
    clock = VirtualClock()
    pacer = Pacer(parse_rate("auto"), clock, learned_per_s=learned_per_s)
    accepted = refused = 0

    async def worker():
        nonlocal accepted, refused
        while accepted + refused < calls:
            at_s = await pacer.slot()
            await asyncio.sleep(LATENCY_S / 2)
            allowed = server.allows(clock.monotonic_s())
            accepted, refused = accepted + allowed, refused + (not allowed)
            await asyncio.sleep(LATENCY_S / 2)
            pacer.feedback(OK if allowed else REFUSED, at_s)

    await asyncio.gather(*(worker() for _ in range(workers)))
    return accepted, refused, clock.monotonic_s(), pacer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [30, 60, 137, 300, 600, 1200])
async def test_from_cold_it_uses_the_limit_with_few_refusals(kind, limit):
    """Over the first 360 calls: at least 0.35 of the limit used, at most 6 % refused."""
    accepted, refused, seconds, _ = await night(kind(limit), 360)
    assert accepted / seconds * WINDOW_S >= 0.35 * limit
    assert refused <= 0.06 * (accepted + refused)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [30, 60, 137, 300, 600, 1200])
async def test_with_what_was_learned_it_uses_nearly_all(kind, limit):
    """Over 240 calls: at least 0.90 used, at most 2 % refused."""
    accepted, refused, seconds, _ = await night(kind(limit), 240, learned_per_s=limit / 60 * 0.985)
    assert accepted / seconds * WINDOW_S >= 0.90 * limit
    assert refused <= 0.02 * (accepted + refused)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [30, 60, 137, 300, 600, 1200])
async def test_what_it_learns_is_close_to_the_limit(kind, limit):
    """It is kept in the ledger, and the next run starts with it."""
    *_, pacer = await night(kind(limit), 2400)
    assert pacer.learned_per_s == pytest.approx(limit / WINDOW_S, rel=0.04)


async def test_before_any_refusal_nothing_is_learned():
    """A rate that was never refused is not a limit."""
    *_, pacer = await night(KINDS[0](10_000), 20)
    assert pacer.learned_per_s is None
    assert Pacer(parse_rate("60/min"), VirtualClock()).learned_per_s is None


async def test_retry_after_holds_all_workers_while_learning():
    """The server's word comes before any estimate."""
    pacer = Pacer(parse_rate("auto"), VirtualClock())
    asked = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, retry_after_s=40.0)
    pacer.feedback(asked, await pacer.slot())
    assert await pacer.slot() >= 40


@pytest.mark.parametrize(("start", "rate"), [(0.0, SLOWEST_PER_S), (1e9, FASTEST_PER_S)])
def test_a_start_is_within_bounds(start, rate):
    """A ledger can hold anything."""
    assert start_learning(start).rate_per_s == rate


def test_calls_that_were_under_way_count_once_and_end_nothing():
    """They were sent before the refusal was known."""
    state = on_refused(start_learning(1.0), 10.0)
    assert on_refused(state, 10.5).gap_s == state.gap_s
    assert on_accepted(state, 9.5).full_since == 10.0


def test_probes_become_rarer():
    """Each costs a refusal."""
    state = on_refused(start_learning(1.0), 10.0)
    for at_s, gap_s in ((11.0, 2), (13.0, 4), (17.0, 8), (25.0, 8)):
        state = on_refused(state, at_s)
        assert state.gap_s == gap_s


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 30)), max_size=80), st.booleans())
def test_whatever_the_answers_the_rate_stays_within_bounds(answers, known):
    """An adversary may answer as it likes."""
    state, now_s = start_learning(1.0, known=known), 0.0
    for allowed, wait_s in answers:
        now_s += wait_s
        state = (on_accepted if allowed else on_refused)(on_sent(state, now_s), now_s)
        assert SLOWEST_PER_S <= state.rate_per_s <= FASTEST_PER_S
        assert state.interval_s > 0
        assert state.phase in Phase
