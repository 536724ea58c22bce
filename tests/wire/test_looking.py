"""Free calls: their own pace, and one with the orders only where the answers show one limit."""

from __future__ import annotations

import asyncio

import pytest

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.units import UNLIMITED, parse_rate
from batchdub.wire import LookPacer, Pacer
from batchdub.wire.looking import SHARE, shows_one_limit, slots_to_leave
from tests.support.virtual import VirtualClock
from tests.wire.limit_servers import KINDS, SlidingWindow

RATE = parse_rate("60/min")
OK = Outcome(Event.ACCEPTED, Cause.ACCEPTED)
REFUSED = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, http_status=429)


def make_paces(rate=RATE):
    orders = Pacer(rate, VirtualClock())
    return orders, LookPacer(rate, VirtualClock(), orders)


async def order_at_full_pace(orders, server, until_s, sent):
    while (at_s := await orders.slot()) < until_s:
        sent.append((at_s, allowed := server.allows(at_s)))
        orders.feedback(OK if allowed else REFUSED, at_s)


async def look_at_full_pace(looks, server, until_s, sent):
    while (at_s := await looks.slot()) < until_s:
        sent.append((at_s, allowed := server.allows(at_s)))
        if not allowed:
            looks.on_refused()
            looks.pause(1.0)


async def both(order_server, look_server, until_s=600.0, rate=RATE):
    """Order and look as fast as both may, for so long: the two lists of (time, allowed)."""
    orders, looks = make_paces(rate)
    ordered, looked = [], []
    await asyncio.gather(
        order_at_full_pace(orders, order_server, until_s, ordered),
        look_at_full_pace(looks, look_server, until_s, looked),
    )
    return ordered, looked, looks


@pytest.mark.parametrize(
    ("orders", "looks", "one"),
    [(40, 21, True), (40, 20, False), (60, 0, False), (0, 60, False), (60, 1, True)],
)
def test_only_too_many_together_show_one_limit(orders, looks, one):
    """Either alone was within the limit, so a refusal of fewer has another reason."""
    assert shows_one_limit(orders, looks, 60) is one


def test_orders_go_first():
    """Settling goes on all the same."""
    assert slots_to_leave(order_waits=True) == SHARE
    assert slots_to_leave(order_waits=False) == 1


async def test_with_a_limit_of_their_own_both_go_at_full_pace():
    """Free calls take nothing from the orders."""
    ordered, looked, looks = await both(SlidingWindow(60), SlidingWindow(60))
    assert not looks.shared
    assert len(ordered) == len(looked) == pytest.approx(600 / 1.015, abs=1)


@pytest.mark.parametrize("kind", KINDS)
async def test_one_limit_is_shared_with_orders_first(kind):
    """A tenth is enough to settle; after the first minutes nothing is refused any more."""
    server = kind(60)
    ordered, looked, looks = await both(server, server)
    assert looks.shared
    calm = [(at_s, allowed) for at_s, allowed in ordered + looked if at_s > 130]
    assert all(allowed for _, allowed in calm)
    assert len(calm) >= 0.95 * (600 - 130)
    late_looks = sum(1 for at_s, _ in looked if at_s > 130)
    assert late_looks == pytest.approx(len(calm) / (SHARE + 1), rel=0.2)


async def test_what_orders_do_not_use_is_for_free_calls():
    """At the end of a night only doubts are left."""
    orders, looks = make_paces()
    looks.shared = True
    await orders.slot()
    taken = [await looks.slot() for _ in range(5)]
    assert taken == pytest.approx([1.015 * number for number in range(1, 6)])


async def test_an_order_that_needs_a_look_first_gets_it_at_once():
    """It would wait for its own free call otherwise."""
    orders, looks = make_paces()
    looks.shared = True
    await looks.slot()

    looked = []

    async def look_if_stale():
        if not looked:
            looked.append(await looks.slot())
        return True

    assert await orders.slot_after(look_if_stale) == pytest.approx(2 * 1.015)
    assert looked == [pytest.approx(1.015)]


async def test_at_a_slow_pace_an_order_goes_with_its_look():
    """At the next slot the look would be too old, and so would the one after it."""
    orders, looks = make_paces(parse_rate("30/h"))
    looks.shared = True
    await looks.slot()

    async def look():
        await looks.slot()
        return True

    interval_s = 120 * 1.015
    assert await orders.slot_after(look) == pytest.approx(interval_s)
    assert await orders.slot() == pytest.approx(3 * interval_s)


async def test_a_refused_free_call_pauses_orders_only_if_they_share_a_limit():
    """With limits of their own one says nothing of the other."""
    orders, looks = make_paces()
    await orders.slot()
    looks.pause(30)
    assert await orders.slot() == pytest.approx(1.015)
    looks.shared = True
    looks.pause(30)
    assert await orders.slot() == pytest.approx(31.015)


async def test_a_free_call_s_slot_waits_for_a_pause_that_begins_meanwhile():
    """A pause is for all."""
    orders, looks = make_paces()
    looks.shared = True
    await orders.slot()
    looking = asyncio.ensure_future(looks.slot())
    await asyncio.sleep(0.5)
    orders.pause(20)
    assert await looking == pytest.approx(20.5)


async def test_429s_for_free_calls_alone_never_slow_the_orders():
    """A limit on free calls that is lower than the orders' is theirs only."""
    ordered, looked, looks = await both(SlidingWindow(60), SlidingWindow(20), 300.0)
    assert all(allowed for _, allowed in ordered)
    assert len(ordered) >= 0.85 * 300 / 1.015
    assert any(allowed for _, allowed in looked)
    assert looks is not None


@pytest.mark.parametrize("rate", [UNLIMITED, parse_rate("auto")])
async def test_an_order_s_429_without_a_told_rate_shows_nothing_of_free_calls(rate):
    """`auto` meets its limit now and then, and `unlimited` has none to share."""
    orders, looks = make_paces(rate)
    for _ in range(40):
        orders.feedback(OK, await orders.slot())
        await looks.slot()
    orders.feedback(REFUSED, await orders.slot())
    assert not looks.shared


async def test_auto_shares_once_a_free_call_is_refused():
    """At its present pace both together were more than it lets orders go."""
    orders, looks = make_paces(parse_rate("auto"))
    for _ in range(45):
        await asyncio.gather(orders.slot(), looks.slot())
    looks.on_refused()
    assert looks.shared
    assert await looks.slot() > 0
