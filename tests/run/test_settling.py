"""Settling doubts: only two complete looks, the settle window apart, prove that nothing exists."""

from __future__ import annotations

import asyncio
import json

import pytest

from batchdub.errors import ApiUnavailableError
from batchdub.exits import Exit
from batchdub.run.reconcile import NEARLY_REASON, POLICY_REASON, TOO_OLD_REASON
from batchdub.sandbox.calls import error_answer, json_answer, make_call
from batchdub.sandbox.faults import Fate
from batchdub.states import JobState
from tests.support.night import SETTLE_S, Night, make_rows

REF = "S01E001"


def tamper_list(night, change, *, only_after_order=True):
    """Change every page under a reference_id, from the first order on."""

    def rewrite(request, answer):
        filtered = "reference_id" in request.url.params
        if not filtered or (only_after_order and not night.transport.posts()):
            return answer
        return change(answer)

    night.transport.rewrite = rewrite


def with_page(answer, **changes):
    """Give a page with other data or pagination."""
    page = json.loads(answer.body)
    page["pagination"] |= changes.pop("pagination", {})
    return json_answer(page | changes)


async def order_elsewhere(night, reference_id, *, fate=None):
    """Have somebody else order the same reference_id."""
    body = {
        "inputs": [
            {"type": "video", "url": "https://cdn.example.com/x.mp4"},
            {"type": "audio", "url": "https://cdn.example.com/x.wav"},
        ],
        "reference_id": reference_id,
    }
    headers = {"authorization": "Bearer other", "content-type": "application/json"}
    call = make_call("POST", "/api/v1/lipsync/generate", headers, json.dumps(body).encode())
    answer = night.provider.handle(call, fate=fate or Fate())
    assert answer.status in {0, 200}


async def test_dropped_before_arrival_is_sent_once_more_after_the_window(night):
    """Absent: two complete empty looks, the window and a second apart on the server's clock."""
    night.transport.script("drop")

    result = await night.run(make_rows(1))

    first, second = night.transport.posts()
    looks = [call.at_s for call in night.transport.gets() if first.at_s <= call.at_s]
    assert result.exit_code == 0
    assert second.at_s >= looks[0] + SETTLE_S
    assert night.orders()[REF] == 1
    assert [each["event"] for each in night.attempts(REF)] == ["lost", "accepted"]


async def test_late_acceptance_within_the_window_is_adopted(night):
    """The server took the cut-off call after we had looked for the first time."""
    night.transport.script("accept_later", late_s=SETTLE_S - 1)

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


async def test_late_acceptance_beyond_the_window_is_flagged_never_silent(night):
    """At most two orders; the later look finds the other one, and the exit code says so."""
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    rows = make_rows(2)

    await night.run(rows)
    await night.clock.sleep(60)
    later = await night.run(rows)
    again = await night.run(rows)

    assert night.orders() == {REF: 2, "S01E002": 1}
    assert (later.exit_code, again.exit_code) == (6, 6)
    assert [reference_id for reference_id, _ in later.standing.duplicates] == [REF]
    assert any("ordered more than once" in line for line in night.said)


async def test_a_later_look_that_fails_is_not_passed_over(night):
    """Whether there is a second order cannot be known now, and the exit code says so."""
    night.transport.script("drop")
    rows = make_rows(1)
    await night.run(rows)
    night.transport.down = [("GET", 0, 1e9)]

    result = await night.run(rows)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert "second order" in result.reasons[0].message


async def test_many_rows_are_looked_at_again_by_the_accounts_list(night):
    """One page of the account answers for all of them."""
    night.transport.script("drop", times=6)
    await night.run(make_rows(6))
    before = len(night.transport.gets())

    assert (await night.run(make_rows(6))).exit_code == 0
    assert len(night.transport.gets()) - before == 2  # how long it is, and the one page


async def test_a_rejected_row_that_was_ordered_after_all_is_flagged(night):
    """A refusal after a doubt settles the row, but the first call may still arrive."""
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("reply", 422, {"error": "invalid request body"})
    rows = make_rows(1)

    first = await night.run(rows)
    await night.clock.sleep(60)
    second = await night.run(rows)

    assert (first.exit_code, second.exit_code) == (8, 6)
    assert any("though it is rejected" in line for line in night.said)


async def test_a_pending_row_that_was_ordered_after_all_is_adopted(night):
    """Absent twice and then there: it is the row's own, so it is not sent again."""
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("drop")
    rows = make_rows(1)
    await night.run(rows, max_attempts=2)
    assert night.state(REF) is JobState.PENDING
    await night.clock.sleep(60)

    result = await night.run([])

    assert night.state(REF) is JobState.SUBMITTED
    assert result.adopted == 1
    assert night.orders()[REF] == 1


async def test_several_matches_the_earliest_is_adopted_the_others_are_recorded(night):
    """A proxy that replays a call makes two orders of one; both are known afterwards."""
    night.transport.script("accept_then_hang")
    asyncio.get_running_loop().call_later(
        5, lambda: asyncio.ensure_future(order_elsewhere(night, REF))
    )
    result = await night.run(make_rows(1))

    first, second = night.books.orders
    assert result.exit_code == 6
    assert night.job(REF).request_id == first.request_id
    assert result.standing.duplicates == ((REF, second.request_id),)


async def test_older_orders_under_the_same_id_are_not_adopted(night):
    """What was created before the first intent is somebody else's, or of another season."""
    rows = make_rows(12)
    await order_elsewhere(night, "S01E004")  # between the rows of the start look's sample
    await night.run(make_rows(1, "old"))
    await night.clock.sleep(24 * 3600)
    night.transport.script("pass", times=3)
    night.transport.script("drop")

    result = await night.run(rows, concurrency=1)

    assert result.exit_code == 0
    assert night.job("S01E004").request_id != night.books.orders[0].request_id
    assert night.orders()["S01E004"] == 2  # the old one, and ours


async def test_an_order_from_shortly_before_is_left_to_a_person(night):
    """Its time may be one node's wrong clock; ordering again could pay twice."""
    rows = make_rows(12)
    await night.run(make_rows(1, "old"))
    await order_elsewhere(night, "S01E004")
    await night.clock.sleep(600)
    night.transport.script("pass", times=3)
    night.transport.script("drop")

    result = await night.run(rows, concurrency=1)

    assert result.exit_code == 6
    assert night.state("S01E004") is JobState.IN_DOUBT
    assert night.job("S01E004").held == NEARLY_REASON


async def test_a_refused_row_with_an_order_from_shortly_before_is_left_to_a_person(night):
    """The same before the next try of a row that was turned away."""
    rows = make_rows(12)
    await night.run(make_rows(1, "old"))
    await order_elsewhere(night, "S01E004")
    await night.clock.sleep(600)
    night.transport.script("pass", times=3)
    night.transport.script("reply", 429, {"error": "rate limit exceeded"})

    result = await night.run(rows, concurrency=1)

    assert result.exit_code == 6
    assert night.state("S01E004") is JobState.PENDING
    assert night.job("S01E004").held == NEARLY_REASON
    assert sum(night.orders().values()) == 13


async def test_a_doubt_of_more_than_a_day_is_held(night):
    """The list's memory is documented nowhere; so old a doubt may have been forgotten."""
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


async def test_on_unknown_hold_sends_nothing_again(night):
    """Some would rather wait than pay twice; what is held stays so until a person decides."""
    night.transport.script("drop")

    first = await night.run(make_rows(1), hold_unknown=True)
    second = await night.run(make_rows(1))

    assert (first.exit_code, second.exit_code) == (6, 6)
    assert night.job(REF).held == POLICY_REASON
    assert len(night.transport.posts()) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: error_answer(500, "internal error"),
        lambda answer: error_answer(429, "rate limit exceeded"),
        lambda answer: with_page(answer, data="x"),
        lambda answer: with_page(answer, pagination={"total": 7}),
        lambda answer: with_page(answer, pagination={"total": -1}),
        lambda answer: with_page(answer, pagination={"total": "0"}),
        lambda answer: with_page(answer, pagination={"offset": 3}),
        lambda answer: with_page(
            answer,
            data=[{"id": "x1", "created_at": "2026-03-01T00:00:00Z", "status": "queued",
                   "reference_id": REF.lower()}],
            pagination={"total": 1},
        ),
    ],
    ids=["error", "limited", "no_list", "total", "negative", "text", "offset", "foreign"],
)  # fmt: skip
async def test_a_look_that_failed_proves_nothing(night, change):
    """Errors, a wrong total, foreign data: the doubt stays, and nothing is sent again."""
    night.transport.script("drop")
    tamper_list(night, change)

    result = await night.run(make_rows(1))

    assert result.exit_code == 6
    assert night.state(REF) is JobState.IN_DOUBT
    assert len(night.transport.posts()) == 1


async def test_an_outage_of_15_minutes_never_turns_into_absent(night):
    """The order exists all the time; the list comes back, and it is adopted."""
    night.transport.script("accept_then_drop")
    night.transport.down = [("GET", 1.0, 900.0)]
    night.transport.latency_s = lambda: 0.3

    first = await night.run(make_rows(1), settle_s=300.0)
    assert first.exit_code == 6
    await night.clock.sleep(900)
    second = await night.run(make_rows(1), settle_s=300.0)

    assert second.exit_code == 0
    assert len(night.transport.posts()) == 1


async def test_a_lagging_list_within_the_window_is_waited_for(night):
    """An order shows in the list only seconds after it was taken."""
    night.transport.script("accept_then_drop")
    tamper_list(
        night,
        lambda answer: (
            with_page(answer, data=[], pagination={"total": 0})
            if night.clock.monotonic_s() < SETTLE_S - 1
            else answer
        ),
    )

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


@pytest.mark.parametrize("order", ["asc", "desc", "hash"])
async def test_all_pages_are_read_in_whatever_order(tmp_path, order):
    """A clamped limit and a strange order hide nothing."""
    night = Night(tmp_path, list_order=order, list_limit_max=1)
    night.transport.script("accept_then_hang")
    for second in (3, 5, 7):
        asyncio.get_running_loop().call_later(
            second, lambda: asyncio.ensure_future(order_elsewhere(night, REF))
        )
    result = await night.run(make_rows(1))

    assert result.exit_code == 6
    assert night.job(REF).request_id == night.books.orders[0].request_id
    assert len(result.standing.duplicates) == 3


@pytest.mark.parametrize("skew_s", [7200.0, -7200.0])
async def test_our_wall_clock_may_jump_during_the_window(night, skew_s):
    """Within a run the monotonic clock and the server's Dates count, nothing else."""
    night.transport.script("accept_later", late_s=SETTLE_S - 0.5)
    asyncio.get_running_loop().call_later(2, setattr, night.clock, "skew_s", skew_s)

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


@pytest.mark.parametrize("date_skew_s", [None, 0.0, -7200.0])
@pytest.mark.parametrize("skew_s", [7200.0, -7200.0, 30.0])
async def test_our_wall_clock_may_jump_while_no_process_watches(night, date_skew_s, skew_s):
    """A killed run's first look is no proof where only the wall clock tells how long ago."""
    night.transport.date_skews_s = lambda: date_skew_s
    night.transport.script("accept_later", late_s=SETTLE_S - 0.5)
    assert await night.run_killed(make_rows(1), after_s=2.0)
    night.clock.skew_s = skew_s

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


async def test_a_window_begun_by_an_earlier_run_goes_on(night):
    """A run that is cut short again and again still gets there."""
    night.transport.script("drop")
    assert await night.run_killed(make_rows(1), after_s=2.0)
    await night.clock.sleep(SETTLE_S)
    began_s = night.clock.monotonic_s()

    assert (await night.run(make_rows(1))).exit_code == 0
    assert night.clock.monotonic_s() - began_s < SETTLE_S
    assert len(night.transport.posts()) == 2


async def test_the_window_ends_with_the_earlier_runs_look(night):
    """The next look is due when the earlier run's window ends, not when ours would."""
    night.transport.script("drop")
    assert await night.run_killed(make_rows(1), after_s=30.0, settle_s=60.0)
    await night.clock.sleep(20.0)
    began_s = night.clock.monotonic_s()

    assert (await night.run(make_rows(1), settle_s=60.0)).exit_code == 0
    assert night.clock.monotonic_s() - began_s < 30.0


@pytest.mark.parametrize("seed", range(8))
async def test_dates_that_lie_never_cause_a_second_order(tmp_path, seed):
    """Missing, hours off, different on each answer: a row may wait for a person, no more."""
    night = Night(tmp_path, "drop-after=0.3", "error-after=0.2", "list-lag=0.3:2s", seed=seed)
    choices = [[None], [7200.0], [-7200.0], [0.0, 7200.0, -7200.0], [None, 0.0, 7200.0]]
    night.transport.date_skews_s = lambda: night.rng.choice(choices[seed % len(choices)])

    await night.run(make_rows(15))

    assert max(night.orders().values()) == 1


async def test_a_date_that_stands_still_does_not_hold_the_run_for_ever(night):
    """A cached Date never shows the window passing: the doubt stays, and the run ends."""
    night.transport.script("drop")
    night.transport.date_skews_s = lambda: -night.clock.monotonic_s()

    result = await night.run(make_rows(1))

    assert result.exit_code == 6
    assert result.elapsed_s < 4 * SETTLE_S + 120
    assert len(night.transport.posts()) == 1


async def test_a_list_that_does_not_answer_before_the_first_order_ends_the_run(night):
    """Nothing was sent, and that is said."""
    night.transport.down = [("GET", 0, 1e9)]

    with pytest.raises(ApiUnavailableError, match="nothing was sent"):
        await night.run(make_rows(1))
    assert night.transport.posts() == []
