"""Polling: a run that waits ends when its rows have, and believes nothing but plain words."""

from __future__ import annotations

from collections import Counter

import pytest

from batchdub.exits import Exit
from batchdub.run import showing
from batchdub.run.options import Window
from batchdub.sandbox.calls import error_answer
from batchdub.states import JobState
from batchdub.units import Rate
from tests.support.night import SETTLE_S, Disk, Night, make_rows
from tests.support.requests import by_id, pages, show

REF = "S01E001"
HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def _few_snapshots(monkeypatch):
    """Hours of waiting are told of four times a second; that is work that nobody watches here."""
    monkeypatch.setattr(showing, "_SHOW_EVERY_S", 5.0)


def show_status(night, status, until_s=1e9):
    """Have every request show this status until then."""
    show(night, lambda row: {**row, "status": status} if now_s(night) < until_s else row)


def now_s(night):
    return night.clock.monotonic_s()


def only_by_id(night):
    """Have what was changed by `show` hold for questions by id alone; the list tells the truth."""
    changed = night.transport.rewrite
    night.transport.rewrite = lambda request, answer: (
        changed(request, answer) if "/requests/" in request.url.path else answer
    )


# -- the plain way --------------------------------------------------------------------------------


async def test_a_run_that_waits_ends_when_every_dub_is_done(night):
    """Submitted is not done: the morning wants to know what came of it."""
    result = await night.run(make_rows(5), wait=True)

    assert result.exit_code == 0
    assert night.states() == {JobState.COMPLETED: 5}
    assert night.findings() == []
    job = night.job(REF)
    assert (job.remote_status, job.finished_at is not None) == ("completed", True)


async def test_without_wait_nothing_is_polled(night):
    await night.run(make_rows(5))

    assert by_id(night) == []
    assert night.states() == {JobState.SUBMITTED: 5}


async def test_the_output_link_is_kept_without_its_signature(night):
    await night.run(make_rows(1), wait=True)

    with night.ledger() as ledger:
        (row,) = ledger.report_rows()
    assert row["output_url"].endswith(".mp4")
    assert "?" not in row["output_url"]


async def test_a_dub_that_fails_is_failed_and_never_ordered_again(tmp_path):
    """It may have been paid, so only a person buys it once more (F-55)."""
    night = Night(tmp_path, "fail=1.0")

    first = await night.run(make_rows(3), wait=True)
    again = await night.run(make_rows(3), wait=True)

    assert (first.exit_code, again.exit_code) == (Exit.ROWS_FAILED, Exit.ROWS_FAILED)
    assert night.states() == {JobState.FAILED: 3}
    assert night.job(REF).error == "video URL is not accessible"
    assert set(night.orders().values()) == {1}


async def test_a_second_run_waits_for_what_an_earlier_one_ordered(night):
    await night.run(make_rows(4))

    result = await night.run(make_rows(4), wait=True)

    assert (result.ordered, result.exit_code) == (0, 0)
    assert night.states() == {JobState.COMPLETED: 4}


async def test_rows_of_other_manifests_are_not_waited_for(night):
    """A night must not wait six hours for what another manifest has left."""
    await night.run(make_rows(2, "OTHER"))

    await night.run(make_rows(2), wait=True)

    assert night.states() == {JobState.COMPLETED: 2, JobState.SUBMITTED: 2}


async def test_what_a_look_finds_is_waited_for_as_well(night):
    """A lost reply that the list explains is an order like any other."""
    night.transport.script("accept_then_drop")

    result = await night.run(make_rows(2), wait=True, concurrency=1)

    assert (result.adopted, night.states()) == (1, {JobState.COMPLETED: 2})
    assert set(night.orders().values()) == {1}


# -- when -----------------------------------------------------------------------------------------


async def test_a_job_is_asked_about_after_2_s_and_then_ever_more_seldom(night):
    """2 s, times 1.5, up to a minute: a dub takes minutes, and each call counts."""
    show_status(night, "processing", until_s=600.0)

    await night.run(make_rows(1), wait=True)

    at_s = [call.at_s for call in by_id(night)]
    waits_s = [later - earlier for earlier, later in zip([0.0, *at_s], at_s, strict=False)]
    assert waits_s[:4] == pytest.approx([2.0, 3.0, 4.5, 6.75])
    assert waits_s[9:] == pytest.approx([60.0] * len(waits_s[9:]))


async def test_a_job_that_takes_too_long_is_stalled_and_that_is_no_failure(night):
    """It stays submitted, is named, can be asked about again, and is never ordered again."""
    show_status(night, "queued")

    result = await night.run(make_rows(2), wait=True, wait_limit_s=6 * HOUR_S)

    assert result.exit_code == 0
    assert now_s(night) == pytest.approx(6 * HOUR_S, abs=10)
    assert night.states() == {JobState.SUBMITTED: 2}
    assert f"`{REF}` is stalled: after 6 h 00 min its status is `queued`" in night.said


async def test_many_stalled_rows_are_counted(night):
    show_status(night, "queued")

    await night.run(make_rows(13), wait=True, wait_limit_s=100.0)

    assert sum("is stalled" in line for line in night.said) == 10
    assert "… and 3 more are stalled" in night.said


async def test_what_was_stalled_goes_on_another_day(night):
    """Stuck in the queue for days: still submitted, and then done (F-54)."""
    show_status(night, "queued", until_s=60 * HOUR_S)
    rows = make_rows(2)
    for _ in range(3):
        await night.run(rows, wait=True)
        await night.clock.sleep(18 * HOUR_S)

    result = await night.run(rows, wait=True)

    assert (result.exit_code, night.states()) == (0, {JobState.COMPLETED: 2})
    assert set(night.orders().values()) == {1}


async def test_old_jobs_are_asked_about_at_once(night):
    await night.run(make_rows(1))
    await night.clock.sleep(HOUR_S)
    asked_from = len(night.transport.gets())

    await night.run(make_rows(1), wait=True)

    assert now_s(night) == pytest.approx(HOUR_S)
    assert len(night.transport.gets()) > asked_from


async def test_calls_keep_their_pace(night):
    """The limit on free calls is not documented, so it is taken to be the one on orders."""
    await night.run(make_rows(30), wait=True, rate=Rate(60, 60.0))

    at_s = [call.at_s for call in night.transport.gets()]
    assert len(at_s) > 10
    assert min(b - a for a, b in zip(at_s, at_s[10:], strict=False)) >= 10.0


async def test_polling_goes_on_beside_the_orders(night):
    """The first dub of a long night is known to be done long before the last is ordered."""
    await night.run(make_rows(100), wait=True, rate=Rate(60, 60.0))

    first_poll_s = min(call.at_s for call in by_id(night))
    assert first_poll_s < night.transport.posts()[-1].at_s / 2


# -- how many calls -------------------------------------------------------------------------------


async def test_many_jobs_cost_pages_of_the_list_not_a_call_each(night):
    """A thousand rows at a call a second would take a quarter of an hour to look at once."""
    rows = make_rows(1000)
    await night.run(rows)
    await night.clock.sleep(60)
    calls_before = len(night.transport.gets())

    await night.run(rows, wait=True)

    assert night.states() == {JobState.COMPLETED: 1000}
    assert len(night.transport.gets()) - calls_before <= 12


async def test_few_jobs_of_a_long_account_are_asked_about_one_by_one(night):
    await night.run(make_rows(500, "OLD"))
    pages_before = len(pages(night))

    await night.run(make_rows(2), wait=True)

    assert len(pages(night)) - pages_before <= 2  # how long it is, before and after
    assert len(by_id(night)) >= 2


async def test_small_pages_are_read_as_long_as_that_saves_calls(tmp_path):
    """A server may clamp the page, here to 5: forty pages for forty rows save nothing."""
    night = Night(tmp_path, list_limit_max=5)
    rows = make_rows(40)
    await night.run(rows)
    await night.clock.sleep(60)
    before = len(night.transport.gets())

    await night.run(rows, wait=True)

    assert night.states() == {JobState.COMPLETED: 40}
    assert len(night.transport.gets()) - before <= 10


async def test_what_the_list_does_not_show_is_asked_for_by_its_id(night):
    """A list that forgets or lags ends nothing: the id has the last word."""
    rows = make_rows(20)
    await night.run(rows)
    await night.clock.sleep(60)
    forgotten = {order.request_id for order in night.books.orders[:3]}
    show(night, lambda row: None if row["id"] in forgotten else row)
    shortened = night.transport.rewrite
    night.transport.rewrite = lambda request, answer: (
        answer if "/requests/" in request.url.path else shortened(request, answer)
    )

    result = await night.run(rows, wait=True)

    assert (result.exit_code, night.states()) == (0, {JobState.COMPLETED: 20})
    assert len(by_id(night)) == 3


async def test_a_list_that_fails_still_lets_jobs_end(night):
    """List trouble for hours: the rows are asked about one by one, some at a time."""
    rows = make_rows(50)
    await night.run(rows)

    def rewrite(request, answer):
        whole_list = request.url.params.get("limit") == "100"
        return error_answer(500, "internal error") if whole_list else answer

    night.transport.rewrite = rewrite

    result = await night.run(rows, wait=True)

    assert (result.exit_code, night.states()) == (0, {JobState.COMPLETED: 50})


# -- answers that make no sense --------------------------------------------------------------------


async def test_an_unknown_status_is_kept_as_text_and_ends_nothing(night):
    """It is shown, and asked about again (F-52)."""
    show_status(night, "awaiting review", until_s=100.0)

    await night.run(make_rows(1), wait=True, wait_limit_s=50.0)
    seen = night.job(REF)
    await night.run(make_rows(1), wait=True)

    assert (seen.state, seen.remote_status) == (JobState.SUBMITTED, "awaiting review")
    assert night.state(REF) is JobState.COMPLETED


async def test_a_status_that_goes_backwards_is_followed(night):
    """From processing back to queued, and then done: only an end is an end (F-53)."""
    seen = iter(["processing", "queued", "processing", "queued"])
    show(night, lambda row: {**row, "status": next(seen, row["status"])})

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)


async def test_completed_without_a_link_is_asked_about_again(night):
    """The link may come a little later."""

    def change(row):
        late = now_s(night) < 60
        return {name: value for name, value in row.items() if not late or name != "output_url"}

    show(night, change)

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)
    assert now_s(night) >= 60


async def test_completed_without_a_link_for_long_needs_a_look(night):
    """It would never end, and nobody would know why: bounded, and then said (F-53)."""
    show(night, lambda row: {**row, "output_url": None})

    result = await night.run(make_rows(1), wait=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert "gives no link" in result.reasons[0].message
    assert night.state(REF) is JobState.SUBMITTED
    assert now_s(night) < HOUR_S


async def test_an_answer_without_a_reference_id_ends_nothing(night):
    """It may be any row's."""
    show(night, lambda row: {**row, "reference_id": None})

    result = await night.run(make_rows(1), wait=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert night.state(REF) is JobState.SUBMITTED


async def test_an_answer_under_another_reference_id_is_disputed(night):
    """The id was handed to two rows, or swapped: this row's own order is looked for (F-22)."""
    await night.run(make_rows(2))
    mine = night.books.orders[0].request_id
    show(night, lambda row: {**row, "reference_id": "OTHER"} if row["id"] == mine else row)

    result = await night.run(make_rows(2), wait=True)

    job = night.job(REF)
    assert (job.state, result.exit_code) == (JobState.IN_DOUBT, Exit.NEEDS_A_LOOK)
    assert "another reference_id, `OTHER`" in job.held
    assert Counter(night.orders().values()) == {1: 2}


async def test_a_dispute_is_settled_from_the_list_within_the_run(night):
    """One odd answer must not cost a person's morning: the list shows the row's own order."""
    await night.run(make_rows(1))
    lies = iter([True])

    def change(row):
        return {**row, "reference_id": "OTHER"} if next(lies, False) else row

    show(night, change)
    only_by_id(night)

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)
    assert set(night.orders().values()) == {1}


async def test_an_api_that_contradicts_itself_is_disputed_once(night):
    """List and id disagree for good: said, and not a loop."""
    await night.run(make_rows(1))
    show(night, lambda row: {**row, "reference_id": "OTHER"})
    only_by_id(night)

    result = await night.run(make_rows(1), wait=True)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert "now under another" in result.reasons[0].message
    assert set(night.orders().values()) == {1}


@pytest.mark.parametrize("status", ["completed", "processing"])
async def test_an_answer_about_an_order_that_is_the_jobs_no_more_is_dropped(night, status):
    """While it was on its way the list has shown the request to be another row's."""
    await night.run(make_rows(1))
    job = night.job(REF)
    ledgers = []
    night.on_session = lambda session: ledgers.append(session.ledger)

    def change(row):
        with ledgers[0].transaction():
            ledgers[0].dispute(job.job_id, "another row's")
        return {**row, "status": status}

    show(night, change)
    only_by_id(night)

    await night.run(make_rows(1), wait=True)

    assert (night.job(REF).state, night.job(REF).held) == (JobState.IN_DOUBT, "another row's")


# -- an id that is not known ----------------------------------------------------------------------


async def test_a_404_of_a_fresh_job_disputes_nothing(night):
    """A replica lags behind: the first 404s of a row prove nothing (F-38)."""
    show(night, lambda row: None if now_s(night) < SETTLE_S / 2 else row)

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)
    assert not any("in doubt" in line for line in night.said)


async def test_an_id_that_stays_unknown_is_held_for_a_person(night):
    """Not completed, never pending: what is forgotten must not be bought twice (F-23, F-49)."""
    rows = make_rows(2)
    await night.run(rows)
    gone = night.books.orders[0].request_id
    show(night, lambda row: None if row["id"] == gone else row)

    results = [await night.run(rows, wait=True) for _ in range(3)]

    assert [result.exit_code for result in results] == [Exit.NEEDS_A_LOOK] * 3
    job = night.job(REF)
    assert (job.state, job.request_id) == (JobState.IN_DOUBT, None)
    assert "not known to the API any more" in job.held
    assert set(night.orders().values()) == {1}


async def test_a_disputed_order_that_comes_back_is_adopted(night):
    """A replica without memory, for an hour: the same order is found again, not a second made."""
    await night.run(make_rows(1))
    show(night, lambda row: None if now_s(night) < HOUR_S else row)
    await night.run(make_rows(1), wait=True)
    assert night.state(REF) is JobState.IN_DOUBT
    await night.clock.sleep(HOUR_S)

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)
    assert set(night.orders().values()) == {1}


async def test_an_id_that_the_list_still_shows_is_not_disputed(night):
    """404 by id and there in the list: it exists, and its end is taken from the list."""
    await night.run(make_rows(1))
    show(night, lambda row: None)
    only_by_id(night)

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)


async def test_a_look_that_fails_disputes_nothing(night):
    """404 by id, and no list for a while: nothing is known."""
    await night.run(make_rows(1))
    show(night, lambda row: None)
    hidden = night.transport.rewrite
    down_until_s = 200.0

    def rewrite(request, answer):
        if "/requests/" in request.url.path:
            return hidden(request, answer)
        if request.url.params.get("reference_id") and now_s(night) < down_until_s:
            return error_answer(500, "internal error")
        return answer

    night.transport.rewrite = rewrite

    result = await night.run(make_rows(1), wait=True)

    assert (result.exit_code, night.state(REF)) == (0, JobState.COMPLETED)
    assert now_s(night) > down_until_s


# -- stopping -------------------------------------------------------------------------------------


async def test_a_token_limit_stops_orders_not_polling(tmp_path):
    """What is at the API goes on, whatever the account may still buy."""
    night = Night(tmp_path, tokens=3)

    result = await night.run(make_rows(6), wait=True, concurrency=1)

    assert result.exit_code == Exit.TOKEN_LIMIT
    assert night.states() == {JobState.COMPLETED: 3, JobState.PENDING: 3}
    assert any(line.startswith("nothing more is ordered: the account's") for line in night.said)


async def test_our_own_cap_stops_orders_not_polling(night):
    result = await night.run(make_rows(5), wait=True, max_jobs=2)

    assert result.exit_code == Exit.CAP
    assert night.states() == {JobState.COMPLETED: 2, JobState.PENDING: 3}


async def test_a_window_that_closes_while_only_dubs_are_waited_for_means_nothing(night):
    """Everything is ordered: that is no cap, and the morning would look for rows left."""
    show_status(night, "queued", until_s=600.0)

    result = await night.run(make_rows(3), wait=True, window=Window(lasts_s=60.0))

    assert (result.exit_code, night.states()) == (0, {JobState.COMPLETED: 3})


async def test_ten_dubs_that_fail_alike_stop_the_orders(tmp_path):
    """An API that goes on accepting and makes no dub: said once, and the rest is not spent."""
    night = Night(tmp_path, "fail=1.0")

    result = await night.run(make_rows(200), wait=True, rate=Rate(60, 60.0))

    assert result.exit_code == Exit.ROWS_FAILED
    assert night.states()[JobState.PENDING] > 100
    assert len(result.reasons) == 1
    assert "10 rows in a row failed alike: video URL" in result.reasons[0].message
    assert JobState.SUBMITTED not in night.states()


async def test_an_order_that_answered_with_anothers_id_is_settled_by_its_echo(night):
    """The ids of two rows were swapped on the way: each gets its own order back."""
    night.transport.script("accept_then_drop")
    stolen = []

    def before_post(_request):
        if len(night.books.orders) == 1 and not stolen:
            stolen.append(night.books.orders[0].request_id)
            body = {"status": "success", "request_id": stolen[0]}
            night.transport.script("reply", 200, body)

    night.transport.before_post = before_post

    result = await night.run(make_rows(2), wait=True, concurrency=1)

    assert stolen
    assert result.exit_code in {0, Exit.NEEDS_A_LOOK}
    assert max(night.orders().values()) == 1
    for order in night.books.orders:
        with night.ledger() as ledger:
            owner = ledger.owner_of(order.request_id)
        assert owner is None or owner.key.sent_as == order.reference_id


async def test_a_refused_key_stops_both(night):
    """Without a key no call makes sense."""
    show_status(night, "queued")
    as_before = night.transport.rewrite
    night.transport.rewrite = lambda request, answer: (
        error_answer(401, "invalid token") if now_s(night) > 30 else as_before(request, answer)
    )

    result = await night.run(make_rows(3), wait=True)

    assert result.exit_code == Exit.KEY
    assert now_s(night) < 100
    assert night.states() == {JobState.SUBMITTED: 3}


async def test_ctrl_c_while_waiting_ends_at_once(night):
    """Nothing is in flight but a question; the rows stay submitted, and a next run goes on."""
    show_status(night, "queued", until_s=500.0)
    night.signal_at(100.0)

    result = await night.run(make_rows(3), wait=True)

    assert (result.exit_code, now_s(night)) == (Exit.INTERRUPTED, pytest.approx(100.0, abs=1.0))
    assert night.states() == {JobState.SUBMITTED: 3}
    assert (await night.run(make_rows(3), wait=True)).exit_code == 0


async def test_a_disk_that_refuses_stops_the_waiting(night):
    """An end that cannot be recorded was not seen: the next run sees it again."""
    await night.run(make_rows(3))
    disk = Disk(after_commits=1)
    night.on_session = disk.watch

    result = await night.run(make_rows(3), wait=True)

    assert disk.refuses
    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert night.states() == {JobState.SUBMITTED: 3}


async def test_an_api_that_stays_silent_is_told_at_the_end(night):
    """Stalled because nobody answered is not the same as stalled in the queue."""
    rows = make_rows(2)
    await night.run(rows)
    down_from_s = now_s(night) + 1.0
    show_status(night, "queued")
    night.transport.down = [("GET", down_from_s, 1e9)]

    result = await night.run(rows, wait=True, wait_limit_s=HOUR_S)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert "did not answer any more about 2 rows" in result.reasons[0].message
    assert night.states() == {JobState.SUBMITTED: 2}


# -- orders held back -----------------------------------------------------------------------------


async def test_max_in_flight_holds_orders_back(night):
    """A plan's limit on concurrent jobs: the next goes out when one has ended."""
    unfinished = []

    def before_post(_request):
        with night.ledger() as ledger:
            unfinished.append(ledger.counts()[JobState.SUBMITTED])

    night.transport.before_post = before_post

    result = await night.run(make_rows(12), max_in_flight=3, concurrency=8)

    assert result.exit_code == 0
    assert len(unfinished) == 12
    assert max(unfinished) <= 2
    assert night.states()[JobState.COMPLETED] >= 9


async def test_max_in_flight_counts_what_is_on_the_wire(night):
    """Eight workers must not send eight at once where three may be there."""
    sent_at_s = []
    night.transport.latency_s = lambda: 1.0
    night.transport.before_post = lambda _request: sent_at_s.append(now_s(night))

    await night.run(make_rows(9), max_in_flight=3, concurrency=8)

    assert max(Counter(sent_at_s).values()) <= 3


async def test_max_in_flight_counts_other_manifests_rows(night):
    """The limit is the account's, not the manifest's."""
    show_status(night, "queued", until_s=120.0)
    await night.run(make_rows(3, "OTHER"))

    await night.run(make_rows(2), max_in_flight=3)

    assert [post.at_s for post in night.transport.posts()][3] >= 120.0


async def test_a_job_that_is_stuck_does_not_hold_orders_back_for_ever(night):
    """After its time it is stalled, and counts no more."""
    show_status(night, "queued")

    result = await night.run(make_rows(2), max_in_flight=1, wait_limit_s=HOUR_S)

    assert result.ordered == 2
    assert night.transport.posts()[1].at_s == pytest.approx(HOUR_S, abs=70)


# -- what is shown --------------------------------------------------------------------------------


async def test_progress_tells_the_waiting_apart(night):
    """Ordered is not done: a run that waits says how many dubs are, and how many are not."""
    show_status(night, "queued", until_s=20.0)

    await night.run(make_rows(4), wait=True)

    waiting = [shot for shot in night.snapshots if shot.phase == "waiting"]
    assert {(shot.done, shot.at_api) for shot in waiting[:3]} == {(0, 4)}
    assert (waiting[-1].done, waiting[-1].at_api) == (4, 0)
