"""`auto` finds the limit, whichever kind of server keeps it, and then stays a little under it."""

from __future__ import annotations

import functools
import random

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
from tests.support.virtual import VirtualClock, virtual_run
from tests.wire.calling import call_through
from tests.wire.limit_servers import KINDS, WINDOW_S, FixedWindow

LIMITS = (30, 60, 137, 600, 1200)


@functools.cache
def first_night(kind, limit):
    """A night of 2,400 calls from cold: what it learned is what the tests after it start with."""
    return virtual_run(call_through(kind(limit), 2400))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
async def test_from_cold_it_uses_the_limit_with_few_refusals(kind, limit):
    """Over the first 360 calls: at least 0.35 of the limit used, at most 6 % refused."""
    calls = await call_through(kind(limit), 360)
    assert calls.use_of(limit) >= 0.35
    assert calls.refused_share <= 0.06


@pytest.mark.parametrize("phase_s", [0.5, 31.0, 59.5])
@pytest.mark.parametrize("limit", [60, 600])
async def test_from_cold_it_matters_little_when_the_server_s_minute_began(limit, phase_s):
    """Its windows have edges of their own."""
    calls = await call_through(FixedWindow(limit, phase_s=phase_s), 360)
    assert calls.use_of(limit) >= 0.35
    assert calls.refused_share <= 0.06


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
def test_what_it_learns_is_close_to_the_limit(kind, limit):
    """It is kept in the ledger, and the next run starts with it."""
    night = first_night(kind, limit)
    assert night.learned_per_s == pytest.approx(limit / WINDOW_S, rel=0.05)
    assert night.refused_share <= 0.06


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
def test_with_what_was_learned_it_uses_nearly_all(kind, limit):
    """Over 240 calls: at least 0.90 used, at most 2 % refused."""
    learned_per_s = first_night(kind, limit).learned_per_s
    calls = virtual_run(call_through(kind(limit), 240, seed=2, learned_per_s=learned_per_s))
    assert calls.use_of(limit) >= 0.90
    assert calls.refused_share <= 0.02


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
def test_with_what_was_learned_a_long_night_wastes_little(kind, limit):
    """Over 2,400 calls: at least 0.96 used, at most 0.3 % refused."""
    learned_per_s = first_night(kind, limit).learned_per_s
    calls = virtual_run(call_through(kind(limit), 2400, seed=3, learned_per_s=learned_per_s))
    assert calls.use_of(limit) >= 0.96
    assert calls.refused_share <= 0.003


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("learned", [1200, 120])
async def test_a_plan_with_a_lower_limit_is_noticed_at_once(kind, learned):
    """What was learned under the old one must not go on as a storm of refusals."""
    calls = await call_through(kind(60), 600, learned_per_s=learned / WINDOW_S)
    assert calls.refused_share <= 0.04
    assert calls.use_of(60) >= 0.80
    assert calls.learned_per_s <= 1.02


class ChangingLimit:
    """A window that holds half as many between two times."""

    def __init__(self, kind, limit, from_s, until_s):
        self.servers = kind(limit), kind(limit / 2), kind(limit)
        self.from_s, self.until_s = from_s, until_s

    def allows(self, now_s):
        return self.servers[(now_s >= self.from_s) + (now_s >= self.until_s)].allows(now_s)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_limit_that_is_halved_and_given_back_is_followed(kind):
    """Down at once; up again as the quiet grows long."""
    server = ChangingLimit(kind, 120, 600.0, 1200.0)
    calls = await call_through(server, 9000, learned_per_s=120 / WINDOW_S * 0.985)
    assert calls.refused_share <= 0.005
    assert calls.use_of(120) >= 0.52


class Moody:
    """Refuses some calls for no reason at all."""

    def __init__(self, share, seed):
        self.share, self.rng = share, random.Random(seed)  # noqa: S311  can be repeated

    def allows(self, _now_s):
        return self.rng.random() >= self.share


@pytest.mark.parametrize("seed", range(3))
async def test_refusals_without_reason_do_not_stop_the_night(seed):
    """Three in ten refused at random look like a limit below any pace: it goes slowly, but on."""
    calls = await call_through(Moody(0.3, seed), 600, seed=seed)
    assert calls.accepted / calls.seconds * WINDOW_S >= 3.5
    assert calls.refused_share <= 0.35


async def test_before_any_refusal_nothing_is_learned():
    """A rate that was never refused is not a limit."""
    assert (await call_through(KINDS[0](10_000), 20)).learned_per_s is None
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
