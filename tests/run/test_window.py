"""Orders go only in the hours that they may, and too many failures end a night early."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from batchdub.exits import Exit
from batchdub.run.options import Window
from batchdub.run.threshold import Threshold
from batchdub.run.window import closing_words, left_s
from batchdub.states import JobState
from batchdub.units import Rate
from tests.support.night import make_rows
from tests.support.virtual import EPOCH

SLOW = Rate(6, 60.0)


def sent_at_s(night):
    return [post.at_s for post in night.transport.posts()]


async def test_nothing_is_ordered_before_the_opening(night):
    """Not even a free call is made: the night's rates begin later."""
    window = Window(opens_at=EPOCH + timedelta(hours=2))

    result = await night.run(make_rows(3), window=window)

    assert result.exit_code == Exit.DONE
    assert min(sent_at_s(night)) >= 7200
    assert any("waiting until" in line for line in night.said)


async def test_an_opening_in_the_past_is_open(night):
    """Cron was late."""
    await night.run(make_rows(1), window=Window(opens_at=EPOCH - timedelta(hours=2)))

    assert max(sent_at_s(night)) < 60


async def test_ctrl_c_ends_the_waiting(night):
    """Nothing was sent, and nothing is left undone."""
    night.signal_at(60.0)

    result = await night.run(make_rows(3), window=Window(opens_at=EPOCH + timedelta(hours=2)))

    assert result.exit_code == Exit.INTERRUPTED
    assert not night.orders()


@pytest.mark.parametrize(
    "window",
    [Window(closes_at=EPOCH + timedelta(seconds=65)), Window(lasts_s=65.0)],
    ids=["until", "max-duration"],
)
async def test_at_the_closing_the_rest_stays_pending(night, window):
    """What is in flight ends well; exit 5, which is no failure."""
    result = await night.run(make_rows(30), rate=SLOW, window=window)

    assert result.exit_code == Exit.CAP
    assert max(sent_at_s(night)) <= 65
    assert 5 <= len(sent_at_s(night)) <= 7
    assert night.states() == {
        JobState.SUBMITTED: len(sent_at_s(night)),
        JobState.PENDING: 30 - len(sent_at_s(night)),
    }
    assert not night.findings()


async def test_a_run_that_ends_in_time_does_not_wait_for_the_closing(night):
    """And is done."""
    result = await night.run(make_rows(3), window=Window(lasts_s=3600.0))

    assert result.exit_code == Exit.DONE
    assert result.elapsed_s < 60


async def test_a_wall_clock_that_jumps_past_the_closing_closes(night):
    """A laptop that slept must not go on spending in the morning."""
    window = Window(closes_at=EPOCH + timedelta(hours=8))
    asyncio.get_running_loop().call_later(25.0, setattr, night.clock, "skew_s", 9 * 3600.0)

    result = await night.run(make_rows(30), rate=SLOW, window=window)

    assert result.exit_code == Exit.CAP
    assert max(sent_at_s(night)) <= 60


def test_the_nearer_end_closes_and_is_named():
    """Both may be given."""
    both = Window(closes_at=EPOCH + timedelta(hours=1), lasts_s=600.0)

    assert left_s(both, EPOCH, 0.0) == 600.0
    assert left_s(Window(), EPOCH, 1e9) is None
    assert closing_words(both, EPOCH) == "`--max-duration 10 min 00 s` is over"
    assert closing_words(both, EPOCH + timedelta(hours=1)).startswith("`--until`: it is ")


async def test_too_many_failures_end_the_run(night):
    """`--max-failures 2`: the third row is not sent for nothing."""
    for number in range(3):
        night.transport.script("reply", 400, {"error": f"bad row {number}"})

    result = await night.run(make_rows(9), concurrency=1, max_failures=Threshold(rows=2))

    assert result.exit_code == Exit.ROWS_FAILED
    assert len(sent_at_s(night)) == 2
    assert "`--max-failures 2`: 2 rows failed" in [reason.message for reason in result.reasons]
