"""Settling doubts: only two complete looks, the settle window apart, prove that nothing exists."""

from __future__ import annotations

import asyncio
import json

import pytest

from batchdub.errors import ApiUnavailableError
from batchdub.run.reconcile import NEARLY_REASON, POLICY_REASON
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
    """Absent: two complete empty looks, the window and a second apart on the server's clock.

    Faults: F-8.
    """
    night.transport.script("drop")

    result = await night.run(make_rows(1))

    first, second = night.transport.posts()
    looks = [call.at_s for call in night.transport.gets() if first.at_s <= call.at_s]
    assert result.exit_code == 0
    assert second.at_s >= looks[0] + SETTLE_S
    assert night.orders()[REF] == 1
    assert [each["event"] for each in night.attempts(REF)] == ["lost", "accepted"]


async def test_late_acceptance_within_the_window_is_adopted(night):
    """The server took the cut-off call after we had looked for the first time.

    Faults: F-9.
    """
    night.transport.script("accept_later", late_s=SETTLE_S - 1)

    assert (await night.run(make_rows(1))).exit_code == 0
    assert len(night.transport.posts()) == 1


async def test_several_matches_the_earliest_is_adopted_the_others_are_recorded(night):
    """A proxy that replays a call makes two orders of one; both are known afterwards.

    Faults: F-11.
    """
    night.transport.script("accept_then_hang")
    asyncio.get_running_loop().call_later(
        5, lambda: asyncio.ensure_future(order_elsewhere(night, REF))
    )
    result = await night.run(make_rows(1))

    first, second = night.books.orders
    assert result.exit_code == 6
    assert night.job(REF).request_id == first.request_id
    assert result.standing.duplicates == ((REF, second.request_id),)


@pytest.fixture
def long_account(monkeypatch):
    """An account whose list is too long to be read before each run."""
    monkeypatch.setattr("batchdub.run.reckoning.PAGES", 0)


@pytest.mark.usefixtures("long_account")
async def test_older_orders_under_the_same_id_are_not_adopted(night):
    """What was created before the first intent is somebody else's, or of another season.

    Faults: F-47.
    """
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


@pytest.mark.usefixtures("long_account")
async def test_an_order_from_shortly_before_is_left_to_a_person(night):
    """Its time may be one node's wrong clock; ordering again could pay twice.

    Faults: F-48.
    """
    rows = make_rows(12)
    await order_elsewhere(night, "S01E004")
    await night.run(make_rows(1, "old"))
    await night.clock.sleep(600)
    night.transport.script("pass", times=3)
    night.transport.script("drop")

    result = await night.run(rows, concurrency=1)

    assert result.exit_code == 6
    assert night.state("S01E004") is JobState.IN_DOUBT
    assert night.job("S01E004").held == NEARLY_REASON


@pytest.mark.usefixtures("long_account")
async def test_a_refused_row_with_an_order_from_shortly_before_is_left_to_a_person(night):
    """The same before the next try of a row that was turned away."""
    rows = make_rows(12)
    await order_elsewhere(night, "S01E004")
    await night.run(make_rows(1, "old"))
    await night.clock.sleep(600)
    night.transport.script("pass", times=3)
    night.transport.script("reply", 429, {"error": "rate limit exceeded"})

    result = await night.run(rows, concurrency=1)

    assert result.exit_code == 6
    assert night.state("S01E004") is JobState.PENDING
    assert night.job("S01E004").held == NEARLY_REASON
    assert sum(night.orders().values()) == 13


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
    """Errors, a wrong total, foreign data: the doubt stays, and nothing is sent again.

    Faults: F-42, F-45.
    """
    night.transport.script("drop")
    tamper_list(night, change)

    result = await night.run(make_rows(1))

    assert result.exit_code == 6
    assert night.state(REF) is JobState.IN_DOUBT
    assert len(night.transport.posts()) == 1


async def test_an_outage_of_15_minutes_never_turns_into_absent(night):
    """The order exists all the time; the list comes back, and it is adopted.

    Faults: F-42.
    """
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
    """An order shows in the list only seconds after it was taken.

    Faults: F-38.
    """
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
    """A clamped limit and a strange order hide nothing.

    Faults: F-40, F-44.
    """
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


async def test_a_list_that_does_not_answer_before_the_first_order_ends_the_run(night):
    """Nothing was sent, and that is said."""
    night.transport.down = [("GET", 0, 1e9)]

    with pytest.raises(ApiUnavailableError, match="nothing was sent"):
        await night.run(make_rows(1))
    assert night.transport.posts() == []


async def test_what_was_adopted_stays_so_when_the_list_forgets_it(night):
    """Another replica answers, and it is behind: what was seen once does exist (F-39)."""
    night.transport.script("accept_then_drop")
    await night.run(make_rows(1))
    adopted = night.job(REF).request_id
    tamper_list(night, lambda answer: with_page(answer, data=[], pagination={"total": 0}))

    result = await night.run(make_rows(1))

    assert result.exit_code == 0
    assert (night.state(REF), night.job(REF).request_id) == (JobState.SUBMITTED, adopted)
    assert len(night.transport.posts()) == 1
