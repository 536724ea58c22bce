"""Time while a doubt settles: clocks jump, stand still and lie; none may cost a second order."""

from __future__ import annotations

import asyncio

import pytest

from batchdub.run.reconcile import TOO_OLD_REASON
from batchdub.states import JobState
from tests.support.night import SETTLE_S, Night, make_rows

REF = "S01E001"


async def test_a_doubt_of_more_than_a_day_is_held(night):
    """The list's memory is documented nowhere; so old a doubt may have been forgotten.

    Faults: F-49.
    """
    night.transport.script("drop")
    assert await night.run_killed(make_rows(1), after_s=2.0)
    await night.clock.sleep(25 * 3600)

    result = await night.run(make_rows(1))

    assert result.exit_code == 6
    assert night.job(REF).held == TOO_OLD_REASON
    assert len(night.transport.posts()) == 1


async def test_a_call_cut_short_a_day_ago_is_as_old_as_its_intent(night):
    """Found `sending` only now, its doubt began when it was sent."""
    night.transport.script("hang")
    assert await night.run_killed(make_rows(1), after_s=2.0)
    assert night.state(REF) is JobState.SENDING
    await night.clock.sleep(25 * 3600)

    assert (await night.run(make_rows(1))).exit_code == 6
    assert night.job(REF).held == TOO_OLD_REASON


@pytest.mark.parametrize("skew_s", [7200.0, -7200.0])
async def test_our_wall_clock_may_jump_during_the_window(night, skew_s):
    """Within a run the monotonic clock and the server's Dates count, nothing else.

    Faults: F-108.
    """
    night.transport.script("accept_later", late_s=SETTLE_S - 0.5)
    asyncio.get_running_loop().call_later(2, setattr, night.clock, "skew_s", skew_s)

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


@pytest.mark.parametrize("date_skew_s", [None, 0.0, -7200.0])
@pytest.mark.parametrize("skew_s", [7200.0, -7200.0, 30.0])
async def test_our_wall_clock_may_jump_while_no_process_watches(night, date_skew_s, skew_s):
    """A killed run's first look is no proof where only the wall clock tells how long ago.

    Faults: F-108.
    """
    night.transport.date_skews_s = lambda: date_skew_s
    night.transport.script("accept_later", late_s=SETTLE_S - 0.5)
    assert await night.run_killed(make_rows(1), after_s=2.0)
    night.clock.skew_s = skew_s

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


async def test_an_earlier_runs_look_proves_nothing_whatever_the_clocks_say(night):
    """The wall clock was set, and another node answers: both may lie by hours, in one direction."""
    night.transport.date_skews_s = lambda: -7200.0
    night.transport.script("accept_later", late_s=SETTLE_S - 0.5)
    assert await night.run_killed(make_rows(1), after_s=2.0)
    night.clock.skew_s = 7200.0
    night.transport.date_skews_s = lambda: 0.0

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


async def test_after_a_crash_the_window_is_waited_out_anew(night):
    night.transport.script("drop")
    assert await night.run_killed(make_rows(1), after_s=2.0)
    await night.clock.sleep(SETTLE_S)
    began_s = night.clock.monotonic_s()

    assert (await night.run(make_rows(1))).exit_code == 0
    assert night.clock.monotonic_s() - began_s >= SETTLE_S
    assert len(night.transport.posts()) == 2


@pytest.mark.parametrize("seed", range(8))
async def test_dates_that_lie_never_cause_a_second_order(tmp_path, seed):
    """Missing, hours off, different on each answer: a row may wait for a person, no more.

    Faults: F-51.
    """
    night = Night(tmp_path, "drop-after=0.3", "error-after=0.2", "list-lag=0.3:2s", seed=seed)
    choices = [[None], [7200.0], [-7200.0], [0.0, 7200.0, -7200.0], [None, 0.0, 7200.0]]
    night.transport.date_skews_s = lambda: night.rng.choice(choices[seed % len(choices)])

    await night.run(make_rows(15))

    assert max(night.orders().values()) == 1


async def test_a_date_that_stands_still_does_not_hold_the_run_for_ever(night):
    """A cached Date never shows the window passing: the doubt stays, and the run ends.

    Faults: F-51.
    """
    night.transport.script("drop")
    night.transport.date_skews_s = lambda: -night.clock.monotonic_s()

    result = await night.run(make_rows(1))

    assert result.exit_code == 6
    assert result.elapsed_s < 4 * SETTLE_S + 120
    assert len(night.transport.posts()) == 1
