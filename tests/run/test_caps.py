"""What we allow ourselves: how many orders, and how fast."""

from __future__ import annotations

from itertools import pairwise

import pytest

from batchdub.exits import Exit
from batchdub.price import Tariff, parse_price
from batchdub.progress import left_now, time_left_s
from batchdub.run.options import Window
from batchdub.states import JobState
from batchdub.units import parse_rate
from tests.support.night import Night, make_rows

_LEAST_GAP_S = 0.89  # a slot may be taken a little late without moving those after it


@pytest.mark.parametrize("concurrency", [1, 8, 32])
@pytest.mark.parametrize("cap", [1, 3, 5])
async def test_max_jobs_sends_so_many_and_ends(night, cap, concurrency):
    """Also where workers have taken more rows than may be sent; exit 5 if rows are left."""
    night.transport.latency_s = lambda: 0.5

    result = await night.run(make_rows(5), max_jobs=cap, concurrency=concurrency)

    assert len(night.transport.posts()) == cap
    assert result.exit_code == (Exit.CAP if cap < 5 else Exit.DONE)


async def test_no_jobs_at_all_is_a_cap_too(night):
    """It must end, not wait."""
    assert (await night.run(make_rows(2), max_jobs=0)).exit_code == Exit.CAP
    assert night.transport.posts() == []


async def test_a_doubt_counts_as_spent(night):
    """What may have been paid is counted as paid."""
    night.transport.script("accept_then_drop")

    result = await night.run(make_rows(9), max_jobs=3)

    assert result.exit_code == Exit.CAP
    assert sum(night.orders().values()) == len(night.transport.posts()) == 3


async def test_what_turned_out_absent_is_free_again(night):
    """Three orders are wanted, and three are had."""
    night.transport.script("drop", times=2)

    result = await night.run(make_rows(9), max_jobs=3)

    assert result.exit_code == Exit.CAP
    assert sum(night.orders().values()) == 3


async def test_a_refusal_is_not_spent(night):
    """Neither a row's own nor a 429."""
    night.transport.script("reply", 400, {"error": "invalid request body"})
    night.transport.script("reply", 429, {"error": "rate limit exceeded"})

    await night.run(make_rows(9), max_jobs=3)

    assert sum(night.orders().values()) == 3


async def test_a_held_doubt_stays_spent(night):
    """It may have been paid for all we know."""
    night.transport.script("reply", 200, {"status": "success"})

    result = await night.run(make_rows(9), max_jobs=3)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 3


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_orders_are_spaced_evenly_without_an_opening_burst(night, concurrency):
    """Sixty a minute is one each second, a little less, from the first on."""
    await night.run(make_rows(30), rate=parse_rate("60/min"), concurrency=concurrency)

    at_s = [post.at_s for post in night.transport.posts()]
    gaps_s = [later - earlier for earlier, later in pairwise(at_s)]
    assert min(gaps_s) > _LEAST_GAP_S
    assert max(gaps_s) < 1.1
    assert at_s[-1] - at_s[0] > 29.0


async def test_a_crash_loop_keeps_the_pace(tmp_path):
    """F-98: the pace is in the ledger: a restart every two seconds buys nothing."""
    night = Night(tmp_path, rate=parse_rate("60/min"))
    night.transport.latency_s = lambda: 0.01
    for _ in range(12):
        await night.run_killed(make_rows(60), after_s=16.0, rate=parse_rate("60/min"))

    at_s = [post.at_s for post in night.transport.posts()]
    gaps_s = [later - earlier for earlier, later in pairwise(at_s)]
    assert len(at_s) > 12
    assert min(gaps_s) > _LEAST_GAP_S


async def test_free_calls_have_a_pace_of_their_own(night):
    """They never starve the orders."""
    for _ in range(5):
        night.transport.script("accept_then_drop")
        night.transport.script("pass")

    result = await night.run(make_rows(20), rate=parse_rate("60/min"))

    gets_s = [call.at_s for call in night.transport.gets()]
    assert result.exit_code == 0
    assert all(later - earlier > _LEAST_GAP_S for earlier, later in pairwise(gets_s))
    assert [post.at_s for post in night.transport.posts()][19] < 23


async def test_a_learned_rate_is_kept_for_the_next_run(tmp_path):
    """`auto` need not climb again."""
    night = Night(tmp_path, rate=parse_rate("20/min"))
    first = await night.run(make_rows(60), rate=parse_rate("auto"))
    with night.ledger() as ledger:
        learned_per_s = float(ledger.meta("learned_per_s"))
    await night.clock.sleep(120)
    second = await night.run(make_rows(90), rate=parse_rate("auto"))

    assert first.rate_limited > 0
    assert learned_per_s < 1.0
    assert second.rate_limited < first.rate_limited
    assert set(night.orders().values()) == {1}


async def test_verify_looks_up_every_row_just_ahead_of_its_send(night):
    """For those who fear another machine: one free call for each order."""
    rows = make_rows(10)
    await night.run(rows[:1])
    before = len(night.transport.gets())

    await night.run(rows, verify=True, concurrency=1)

    asked = [call.reference_id for call in night.transport.gets()[before:]]
    assert all(asked.count(row.reference_id) == 2 for row in rows[1:])  # the start look's, and this


@pytest.mark.parametrize(
    "cap",
    [
        {"max_jobs": 4},
        {"max_cost": 4_500_000, "tariff": Tariff(parse_price("1/job"))},
        {"window": Window(lasts_s=3.5)},
    ],
)
async def test_progress_tells_how_many_of_those_left_this_run_orders(night, cap):
    """By a cap on orders or on money, and by the hours of the run."""
    result = await night.run(make_rows(30), rate=parse_rate("60/min"), concurrency=1, **cap)

    ordering = [each for each in night.snapshots if each.phase == "ordering" and each.orders]
    assert 3 <= result.ordered <= 4
    assert {each.left for each in ordering} >= {29, 28}
    assert all(abs(each.orders + left_now(each) - result.ordered) <= 1 for each in ordering)
    assert all(time_left_s(each) <= 4.5 for each in ordering)


async def test_progress_is_shown_from_start_to_end(night):
    """The last word is the whole."""
    night.transport.latency_s = lambda: 0.5
    night.transport.script("reply", 400, {"error": "invalid request body"})
    night.transport.script("drop")

    await night.run(make_rows(10), concurrency=2)

    phases = [snapshot.phase for snapshot in night.snapshots]
    last = night.snapshots[-1]
    assert phases[0] == "ordering"
    assert "settling" in phases
    assert (last.done, last.failed, last.left, last.in_flight) == (9, 1, 0, 0)
    assert all(shown.done + shown.failed + shown.left <= 10 for shown in night.snapshots)
    assert night.state("S01E001") is JobState.REJECTED
