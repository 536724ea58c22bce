"""A server that counts orders and free calls together must not cost a night its settling."""

from __future__ import annotations

from batchdub.exits import Exit
from batchdub.sandbox.limits import WindowKind
from batchdub.states import JobState
from batchdub.units import parse_rate
from tests.support.night import Night, make_rows

RATE = parse_rate("60/min")


async def test_a_night_on_one_limit_settles_its_doubts_and_orders_each_row_once(tmp_path):
    """Looks before orders, looks for doubts, and all of it within 60 a minute."""
    night = Night(tmp_path, "drop-after=0.2", rate=RATE, window=WindowKind.SLIDING, one_limit=True)
    rows = make_rows(60)

    result = await night.run(rows, rate=RATE, verify=True, settle_s=30.0)

    assert result.exit_code == Exit.DONE
    assert set(night.orders().values()) == {1}
    assert night.states() == {JobState.SUBMITTED: 60}
    assert result.rate_limited <= 3
    # One look before and one order each, and the looks at doubts, at 60 a minute.
    assert result.elapsed_s <= 1.3 * (len(night.transport.calls) * 1.015)


async def test_orders_go_first_while_doubts_are_looked_at(tmp_path):
    """Settling takes a tenth of the limit, not half of the night."""
    night = Night(tmp_path, "drop-after=0.1", rate=RATE, window=WindowKind.SLIDING, one_limit=True)

    result = await night.run(make_rows(200), rate=RATE, settle_s=60.0)

    posts = night.transport.posts()
    assert result.exit_code == Exit.DONE
    assert len(posts) - result.rate_limited == 200
    assert posts[-1].at_s - posts[0].at_s <= 1.2 * 200 * 1.015
