"""Even, fair, and never more than was told."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.units import Rate, parse_rate
from batchdub.wire import Pacer
from batchdub.wire.pacing import refused_pause_s
from tests.support.virtual import VirtualClock, virtual_run
from tests.wire.calling import call_through
from tests.wire.limit_servers import KINDS, WINDOW_S, FixedWindow

OK = Outcome(Event.ACCEPTED, Cause.ACCEPTED)
REFUSED = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, http_status=429)


class LateClock(VirtualClock):
    """Wakes a little late each time, as a busy machine does."""

    def __init__(self, *late_s):
        super().__init__()
        self.late_s = late_s or (0.0,)
        self.naps = 0

    async def sleep(self, seconds):
        self.naps += 1
        await asyncio.sleep(max(0.0, seconds) + self.late_s[self.naps % len(self.late_s)])


async def take(pacer, count):
    return [await pacer.slot() for _ in range(count)]


@given(
    st.integers(1, 2000),
    st.sampled_from([1.0, 60.0, 3600.0]),
    st.lists(st.floats(0, 0.5), max_size=5),
    st.lists(st.tuples(st.integers(0, 60), st.floats(0, 30)), max_size=3),
)
def test_no_window_ever_holds_more_than_the_rate(calls, window_s, late_s, pauses):
    """Whatever the machine's delays and the pauses: the property that 429s hang on."""

    async def slots():
        pacer = Pacer(Rate(calls, window_s), LateClock(*late_s))
        taken = []
        for number in range(calls + 60):
            for at, seconds in pauses:
                if at == number:
                    pacer.pause(seconds)
            taken.append(await pacer.slot())
        return taken

    taken = virtual_run(slots())
    for first, beyond in zip(taken, taken[calls:], strict=False):
        assert beyond - first > window_s


async def test_slots_are_even_and_a_little_wider_than_exact():
    """1.5 % wider saw no refusal from three kinds of window; exact spacing did."""
    taken = await take(Pacer(parse_rate("60/min"), VirtualClock()), 61)
    assert taken[0] == 0
    assert taken[60] == pytest.approx(60 * 1.015)
    assert taken[1] - taken[0] == pytest.approx(1.015)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [10, 60, 1200])
async def test_a_told_rate_meets_no_refusal_and_wastes_little(kind, limit):
    """At least 0.97 of the limit, from the first window on."""
    clock = VirtualClock()
    pacer, server = Pacer(Rate(limit, WINDOW_S), clock), kind(limit)
    taken = await take(pacer, limit * 3)
    assert all(server.allows(at) for at in taken)
    assert (len(taken) - 1) / (taken[-1] - taken[0]) * WINDOW_S >= 0.97 * limit


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("limit", "seed"), [(30, 1), (30, 2), (60, 3), (240, 4), (1200, 5)])
async def test_many_workers_and_uneven_latency_meet_no_refusal_either(kind, limit, seed):
    """An answer takes 20 to 400 ms, so calls arrive unevenly: what is left over is for that."""
    pacer = Pacer(Rate(limit, WINDOW_S), VirtualClock())
    calls = await call_through(kind(limit), limit + 240, pacer=pacer, workers=16, seed=seed)
    assert calls.refused == 0
    assert calls.use_of(limit) >= 0.97


@pytest.mark.parametrize("phase_s", [0.0, 0.5, 29.0, 59.9])
async def test_a_told_rate_does_not_care_when_the_server_s_minute_began(phase_s):
    """A fixed window has its edges where the server likes them."""
    pacer = Pacer(parse_rate("60/min"), VirtualClock())
    calls = await call_through(FixedWindow(60, phase_s=phase_s), 300, pacer=pacer)
    assert calls.refused == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_restart_in_the_middle_of_a_window_meets_no_refusal(kind):
    """What the ledger remembers of the last call is enough."""
    server, clock = kind(60), VirtualClock()
    last_s = None
    for _ in range(6):
        ago_s = None if last_s is None else clock.monotonic_s() - last_s
        pacer = Pacer(parse_rate("60/min"), clock, last_call_ago_s=ago_s)
        for _ in range(25):
            last_s = await pacer.slot()
            assert server.allows(last_s)


@pytest.mark.parametrize("kind", KINDS)
async def test_two_hosts_with_half_the_rate_each_share_one_limit(kind):
    """The shares of `--rate` are the operator's; together they must fit."""
    server = kind(60)
    hosts = [Pacer(parse_rate("30/min"), VirtualClock()) for _ in range(2)]
    calls = await asyncio.gather(
        call_through(server, 120, pacer=hosts[0], workers=4, seed=1),
        call_through(server, 120, pacer=hosts[1], workers=4, seed=2),
    )
    assert [each.refused for each in calls] == [0, 0]
    assert sum(each.use_of(60) for each in calls) >= 0.97


async def test_without_a_limit_nobody_waits():
    """`unlimited` is the user's word."""
    assert (await take(Pacer(parse_rate("unlimited"), VirtualClock()), 99))[-1] == 0


@pytest.mark.parametrize(
    ("ago_s", "first_s"), [(None, 0), (0.0, 1.015), (0.5, 0.515), (99.0, 0), (-5.0, 1.015)]
)
async def test_a_restart_keeps_its_distance_to_the_last_call(ago_s, first_s):
    """A loop of crashes must not become a burst."""
    pacer = Pacer(parse_rate("60/min"), VirtualClock(), last_call_ago_s=ago_s)
    assert await pacer.slot() == pytest.approx(first_s)


async def test_a_slot_not_used_in_time_is_gone():
    """Catching up would be a burst."""
    clock = VirtualClock()
    pacer = Pacer(parse_rate("60/min"), clock)
    await pacer.slot()
    await clock.sleep(30)
    late = await take(pacer, 2)
    assert late == [30, pytest.approx(31.015, abs=0.13)]


async def test_first_come_first_served():
    """A row must not wait for ever behind luckier ones."""
    pacer, order = Pacer(parse_rate("60/min"), VirtualClock()), []

    async def worker(name):
        await pacer.slot()
        order.append(name)

    await asyncio.gather(*(worker(name) for name in range(9)))
    assert order == list(range(9))


@given(st.sets(st.integers(0, 9)), st.floats(0, 9))
def test_a_cancelled_waiter_leaves_the_others_evenly_spaced(cancelled, after_s):
    """It takes no slot with it, and gives none twice."""

    async def scene():
        pacer = Pacer(parse_rate("60/min"), VirtualClock())
        waiters = [asyncio.ensure_future(pacer.slot()) for _ in range(10)]
        await asyncio.sleep(after_s)
        for number in cancelled:
            waiters[number].cancel()
        return await asyncio.gather(*waiters, return_exceptions=True)

    taken = [at for at in virtual_run(scene()) if isinstance(at, float)]
    assert all(late - early > 1 for early, late in itertools.pairwise(taken))
    assert len(taken) >= 10 - len(cancelled)


async def test_a_pause_holds_those_who_wait_already():
    """One refusal is for all workers; a shorter pause does not end a longer one."""
    pacer = Pacer(parse_rate("60/min"), VirtualClock())
    await pacer.slot()
    waiter = asyncio.ensure_future(pacer.slot())
    await asyncio.sleep(0.5)
    pacer.pause(20)
    pacer.pause(1)
    assert await waiter == pytest.approx(20.5)
    assert await pacer.slot() == pytest.approx(21.515)


async def test_refusals_that_come_together_make_one_pause():
    """Eight workers with a 429 each have met one limit, not eight."""
    pacer = Pacer(parse_rate("60/s"), VirtualClock())
    sent_at_s = [await pacer.slot() for _ in range(8)]
    for at_s in sent_at_s:
        pacer.feedback(REFUSED, at_s)
    assert await pacer.slot() - sent_at_s[-1] == pytest.approx(1)
    await asyncio.sleep(1)
    pacer.feedback(REFUSED)
    assert await pacer.slot() == pytest.approx(asyncio.get_running_loop().time())
    assert asyncio.get_running_loop().time() > 3.9


async def test_after_an_acceptance_a_refusal_is_the_first_again():
    """A pause grows only while nothing is let through."""
    clock = VirtualClock()
    pacer = Pacer(parse_rate("60/s"), clock)
    for _ in range(3):
        pacer.feedback(REFUSED, await pacer.slot())
        pacer.feedback(OK, await pacer.slot())
    assert clock.monotonic_s() == pytest.approx(3, abs=0.1)


async def test_what_says_nothing_of_the_limit_changes_nothing():
    """A lost reply may or may not have been counted."""
    pacer = Pacer(parse_rate("auto"), VirtualClock())
    before = pacer.interval_s
    pacer.feedback(Outcome(Event.LOST, Cause.DROPPED), await pacer.slot())
    assert pacer.interval_s == before


@pytest.mark.parametrize(
    ("refusals", "retry_after_s", "pause_s"),
    [(1, None, 2), (2, None, 2), (4, None, 8), (99, None, 60), (1, 30, 30), (1, 0, 2)],
)
def test_a_pause_is_as_asked_for_or_doubles(refusals, retry_after_s, pause_s):
    """And never shorter than one interval, here two seconds."""
    assert refused_pause_s(refusals, 2.0, retry_after_s) == pause_s


async def test_a_call_that_must_look_first_goes_at_its_look_s_end_and_others_after_it():
    """A look between slot and call would put two calls into one interval."""
    clock = VirtualClock()
    pacer = Pacer(parse_rate("60/min"), clock)
    await pacer.slot()

    async def look():
        await clock.sleep(0.8)
        return True

    looked, plain = await asyncio.gather(pacer.slot_after(look), pacer.slot())

    assert looked == pytest.approx(1.015 + 0.8)
    assert plain - looked == pytest.approx(1.015)


async def test_a_slot_that_turns_out_not_to_be_wanted_is_the_next_one_s():
    clock = VirtualClock()
    pacer = Pacer(parse_rate("60/min"), clock)

    async def found():
        return False

    unwanted, plain = await asyncio.gather(pacer.slot_after(found), pacer.slot())

    assert unwanted is None
    assert plain == 0.0


async def test_a_pause_that_begins_during_the_look_is_kept():
    """And what was learned before the pause is asked again after it."""
    clock = VirtualClock()
    pacer = Pacer(parse_rate("60/min"), clock)
    looks = []

    async def look():
        looks.append(clock.monotonic_s())
        if len(looks) == 1:
            pacer.pause(30)
        return True

    assert await pacer.slot_after(look) == pytest.approx(30)
    assert looks == [0.0, pytest.approx(30)]


async def test_without_a_limit_a_slot_is_there_at_once_but_not_in_a_pause():
    """Nothing has to be ready to cut a wait short that cannot be."""
    clock = VirtualClock()
    pacer = Pacer(parse_rate("unlimited"), clock)
    assert pacer.slot_at_once() == 0.0

    pacer.pause(30)

    assert pacer.slot_at_once() is None


@pytest.mark.parametrize("rate", ["600/s", "auto"])
async def test_a_limited_slot_is_always_waited_for(rate):
    """Else it would overtake those who wait already."""
    assert Pacer(parse_rate(rate), VirtualClock()).slot_at_once() is None
