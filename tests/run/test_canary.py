"""The canary: the first order goes alone, and must show in the list before the second is paid."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from batchdub.exits import Exit
from batchdub.sandbox.calls import json_answer, make_call
from batchdub.states import JobState
from tests.support.night import SETTLE_S, make_row, make_rows

REF = "S01E001"


def hide_orders(night, until_s=1e9):
    """Have the list show nothing until then."""

    def rewrite(request, answer):
        if night.clock.monotonic_s() >= until_s:
            return answer
        page = json.loads(answer.body)
        return json_answer({"data": [], "pagination": page["pagination"] | {"total": 0}})

    night.transport.rewrite = rewrite


async def test_the_first_order_goes_alone_until_it_is_seen(night):
    """One order shows whether the night can be proven."""
    hide_orders(night, until_s=4.0)

    result = await night.run(make_rows(20), canary=True)

    at_s = [post.at_s for post in night.transport.posts()]
    assert result.exit_code == 0
    assert at_s[0] == 0.0
    assert at_s[1] >= 4.0


async def test_a_first_order_that_does_not_show_stops_the_run(night):
    """The id was cut, or the address only looks like the API: one order paid, not a night.

    Faults: F-46.
    """
    hide_orders(night)

    result = await night.run(make_rows(20), canary=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 1
    assert "does not show" in result.reasons[0].message
    assert night.state(REF) is JobState.SUBMITTED


async def test_a_list_that_tells_times_of_another_zone_stops_the_run(night):
    """Eight hours ago it is an older order, so no lost reply could ever be settled.

    Faults: F-50.
    """

    def rewrite(_request, answer):
        page = json.loads(answer.body)
        for each in page["data"]:
            at = datetime.fromisoformat(each["created_at"]) - timedelta(hours=8)
            each["created_at"] = at.replace(tzinfo=None).isoformat()
        return json_answer(page)

    night.transport.rewrite = rewrite

    result = await night.run(make_rows(20), canary=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 1
    assert "hours before it was sent" in result.reasons[0].message


async def test_the_longest_reference_id_goes_first(night):
    """A server that cuts ids cuts that one; the others keep the manifest's order.

    Faults: F-46.
    """
    rows = [*make_rows(3), make_row("S01E004-with-a-long-name", 5), *make_rows(3, "S02E")]

    result = await night.run(rows, canary=True, concurrency=1)

    sent = [post.reference_id for post in night.transport.posts()]
    first = "S01E004-with-a-long-name"
    assert result.exit_code == 0
    assert sent == [first, *(row.reference_id for row in rows if row.reference_id != first)]


async def test_a_list_that_ignores_its_filter_stops_the_run(night):
    """Foreign data in the answer: nothing could be proven from it.

    Faults: F-43.
    """
    await night.run(make_rows(2, "old"))
    night.transport.rewrite = lambda request, answer: (
        night.provider.handle(_without_filter(request)) if night.transport.posts()[2:] else answer
    )

    result = await night.run(make_rows(20), canary=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 3
    assert any("ignores its own filter" in line for line in night.said)


def _without_filter(request):
    return make_call("GET", "/api/v1/lipsync/requests?limit=100&offset=0", request.headers)


@pytest.mark.parametrize("how", ["accept_then_drop", "drop"])
async def test_an_ambiguous_first_order_is_settled_first(night, how):
    """Adopted it has been seen; absent it is sent again, and is the canary again."""
    night.transport.script(how)

    result = await night.run(make_rows(20), canary=True)

    at_s = [post.at_s for post in night.transport.posts()]
    assert result.exit_code == 0
    assert set(night.orders().values()) == {1}
    if how == "drop":
        assert at_s[1] >= SETTLE_S


@pytest.mark.parametrize("status", [400, 429])
async def test_a_refused_first_order_hands_the_part_on(night, status):
    """Nothing was ordered, so the next one is the first."""
    night.transport.script("reply", status, {"error": "rate limit exceeded"})
    hide_orders(night, until_s=4.0)

    await night.run(make_rows(20), canary=True)

    at_s = [post.at_s for post in night.transport.posts()]
    assert at_s[2] >= 4.0


async def test_a_first_order_that_is_held_stops_the_run(night):
    """A 200 without an id, and no trace in the list.

    Faults: F-25, F-56.
    """
    night.transport.script("reply", 200, "<html>captive portal</html>", times=9)

    result = await night.run(make_rows(20), canary=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 1


async def test_a_first_order_that_cannot_be_settled_ends_the_run(night):
    """The list went down after it: nobody waits for ever."""
    night.transport.script("drop")

    def unplug(_request):
        night.transport.down = [("GET", 0.0, 1e9)]

    night.transport.before_post = unplug
    result = await night.run(make_rows(20), canary=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 1


async def test_an_interrupted_wait_for_the_canary_is_no_proof_against_it(night):
    """Ctrl-C says nothing of the API."""
    hide_orders(night)
    night.signal_at(3.0)

    result = await night.run(make_rows(20), canary=True)

    assert result.exit_code == Exit.INTERRUPTED
    assert [reason.code for reason in result.reasons] == [Exit.INTERRUPTED]


async def test_the_only_order_of_a_cap_is_seen_as_well(night):
    """`--max-jobs 1` is the way to try an address out: its proof must not be cut short."""
    hide_orders(night)

    result = await night.run(make_rows(5), canary=True, max_jobs=1)

    assert result.exit_code == Exit.NEEDS_A_LOOK
