"""What the API refuses: for now, for good, for the row's sake or for ours."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import aiohttp
import httpx
import pytest

from batchdub.errors import ApiUnavailableError, KeyRefusedError
from batchdub.exits import Exit
from batchdub.redact import Secret
from batchdub.states import Event, JobState
from batchdub.units import parse_rate
from tests.ledger.support import remote
from tests.support.night import KEY, Night, make_rows
from tests.support.virtual import EPOCH

REF = "S01E001"
LIMITED = {"error": "rate limit exceeded"}
TOKENS = {"error": "token limit reached"}


async def test_429_never_uses_up_a_rows_attempts(night):
    """It says nothing of the row: after nine of them and one allowed attempt it is still sent.

    Faults: F-31.
    """
    night.transport.script("reply", 429, LIMITED, times=9)

    result = await night.run(make_rows(1), max_attempts=1)

    assert result.exit_code == 0
    assert result.rate_limited == 9
    assert len(night.attempts(REF)) == 10  # each try has its own


async def test_429s_around_a_doubt_do_not_use_them_up_either(night):
    """The row comes back from its doubt with one try gone, not with seven."""
    night.transport.script("reply", 429, LIMITED, times=3)
    night.transport.script("drop")
    night.transport.script("reply", 429, LIMITED, times=3)

    assert (await night.run(make_rows(1), max_attempts=2)).exit_code == 0
    assert night.orders()[REF] == 1


async def test_a_429_pauses_all_workers(night):
    """The limit is the account's, so nobody goes on against it.

    Faults: F-31.
    """
    night.transport.script("pass", times=3)
    night.transport.script("reply", 429, LIMITED, headers={"retry-after": "30"})
    night.transport.latency_s = lambda: 0.1

    await night.run(make_rows(20), concurrency=4)

    at_s = [post.at_s for post in night.transport.posts()]
    assert sum(moment < 1 for moment in at_s) == 4
    assert min(moment for moment in at_s if moment > 1) >= 30


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_obeyed(night, form):
    """The server knows best; a date counts on its own clock."""
    wanted = "90" if form == "seconds" else format_datetime(EPOCH + timedelta(seconds=90))
    night.transport.script("reply", 429, LIMITED, headers={"retry-after": wanted})
    night.clock.skew_s = 7200

    assert (await night.run(make_rows(1))).exit_code == 0
    first, second = night.transport.posts()
    assert second.at_s - first.at_s >= 89


async def test_a_refused_row_is_looked_up_before_its_next_try(night):
    """A 429 that comes after the order was taken would otherwise pay twice.

    Faults: F-32.
    """
    night.transport.script("accept_then_reply", 429, LIMITED)

    result = await night.run(make_rows(1))

    assert (result.exit_code, result.adopted) == (0, 1)
    assert night.orders()[REF] == len(night.transport.posts()) == 1


async def test_the_look_before_the_next_try_is_fresh(night):
    """It began after the last try ended, and less than a minute before the next."""
    night.transport.script("reply", 429, LIMITED, headers={"retry-after": "200"})
    night.transport.latency_s = lambda: 0.1

    await night.run(make_rows(1))

    _, second = night.transport.posts()
    looks = [call.at_s for call in night.transport.gets() if call.reference_id == REF]
    assert any(second.at_s - 60 < look_s < second.at_s for look_s in looks)


@pytest.mark.parametrize("rate", ["1/min", "20/h"])
async def test_a_slow_pace_does_not_make_every_look_stale(night, rate):
    """At less than a call a minute the row waits longer for its slot than a look is good for."""
    night.transport.script("reply", 429, LIMITED)

    result = await night.run(make_rows(2), rate=parse_rate(rate))

    assert result.exit_code == 0
    assert set(night.orders().values()) == {1}
    assert result.elapsed_s < 20 * parse_rate(rate).interval_s


async def test_a_failing_look_before_the_next_try_sends_nothing(night):
    """Nobody can tell whether the row was ordered; the run gives it up and goes on."""
    night.transport.script("reply", 429, LIMITED)
    night.transport.latency_s = lambda: 0.5

    def start_outage(_request):
        night.transport.down = [("GET", 0, 1e9)]

    night.transport.before_post = start_outage
    result = await night.run(make_rows(5), concurrency=1)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert night.state(REF) is JobState.PENDING
    assert sum(night.orders().values()) == 4
    assert any("given up" in reason.message for reason in result.reasons)


@pytest.mark.parametrize(("status", "body"), [(412, TOKENS), (429, TOKENS), (402, {"error": "x"})])
async def test_the_token_limit_stops_new_orders_and_records_those_in_flight(night, status, body):
    """Whatever status its text comes under; the rest is pending, exit 4.

    Faults: F-33.
    """
    night.transport.script("pass", times=4)
    night.transport.script("reply", status, body)
    night.transport.latency_s = lambda: 1.0

    result = await night.run(make_rows(30), concurrency=8)

    assert result.exit_code == Exit.TOKEN_LIMIT
    assert len(night.transport.posts()) == 8
    assert night.states() == {JobState.SUBMITTED: 7, JobState.PENDING: 23}
    assert (await night.run(make_rows(30))).exit_code == 0
    assert set(night.orders().values()) == {1}


async def test_a_token_limit_that_comes_and_goes_is_tried_with_one_order_a_run(night):
    """The first order of a run goes alone, so a limit that still holds is asked once (F-34)."""
    rows = make_rows(20)
    for tokens in (0, 3, 0, 0, 5, 0):
        night.transport.script("pass", times=tokens)
        night.transport.script("reply", 412, TOKENS)
        before = len(night.transport.posts())

        result = await night.run(rows, canary=True, concurrency=1)

        assert result.exit_code == Exit.TOKEN_LIMIT
        assert len(night.transport.posts()) - before == tokens + 1
    night.transport.script("reply", 412, TOKENS, times=20)
    posts = len(night.transport.posts())
    await night.run(rows, canary=True, concurrency=8)
    assert len(night.transport.posts()) == posts + 1
    night.transport._scripts["POST"].clear()
    assert (await night.run(rows, canary=True)).exit_code == 0
    assert night.orders() == dict.fromkeys(night.orders(), 1)


async def test_doubts_are_settled_even_after_the_token_limit(night):
    """Looks are free, and what was paid should be known."""
    night.transport.script("accept_then_drop")
    night.transport.script("drop")
    night.transport.script("reply", 412, TOKENS)
    rows = make_rows(5)

    result = await night.run(rows, concurrency=1)

    assert result.exit_code == Exit.TOKEN_LIMIT
    assert night.states() == {JobState.SUBMITTED: 1, JobState.PENDING: 4}


async def test_a_refused_key_before_anything_sends_nothing(tmp_path):
    """The first call is a free one."""
    night = Night(tmp_path, key=Secret("another-key-of-the-account"))

    with pytest.raises(KeyRefusedError, match="nothing was sent") as refused:
        await night.run(make_rows(3))
    assert night.transport.posts() == []
    assert KEY.reveal() not in str(refused.value)


@pytest.mark.parametrize("seen", [1, 2])
async def test_a_key_refused_while_looking_sends_nothing(night, seen):
    """Whichever free call it is: the account's list, or the look just ahead of the send."""
    night.transport.script("pass", method="GET", times=seen)
    night.transport.script("reply", 401, {"error": "invalid token"}, method="GET", times=9)

    if seen == 1:
        with pytest.raises(KeyRefusedError, match="nothing was sent"):
            await night.run(make_rows(1))
    else:
        assert (await night.run(make_rows(1), verify=True)).exit_code == Exit.KEY
    assert night.transport.posts() == []


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_refused_mid_run_stops_within_those_in_flight(night, status):
    """It was revoked: the rows stay pending, none is lost.

    Faults: F-35.
    """
    night.transport.script("pass", times=10)
    night.transport.script("reply", status, {"error": "invalid token"}, times=1000)
    night.transport.latency_s = lambda: 1.0

    result = await night.run(make_rows(30), concurrency=4)

    assert result.exit_code == Exit.KEY
    assert len(night.transport.posts()) <= 10 + 4
    assert night.states() == {JobState.SUBMITTED: 10, JobState.PENDING: 20}


@pytest.mark.parametrize("status", [404, 405])
async def test_a_wrong_address_ends_the_run(night, status):
    """Its own JSON says that nothing was done: all is pending, exit 9.

    Faults: F-36.
    """
    night.transport.script("reply", status, {"error": "not found"})

    result = await night.run(make_rows(5), concurrency=1)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert len(night.transport.posts()) == 1
    assert night.states() == {JobState.PENDING: 5}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_stops_the_run(night, status):
    """Whoever redirects may have taken the order first, so it is in doubt: that comes before 9.

    Faults: F-18, F-19.
    """
    night.transport.script("reply", status, "", headers={"location": "https://else.example.com/"})

    result = await night.run(make_rows(5), concurrency=1)

    assert Exit.API_UNAVAILABLE in {reason.code for reason in result.reasons}
    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert len(night.transport.posts()) == 1
    assert (await night.run(make_rows(5))).exit_code == 0
    assert set(night.orders().values()) == {1}


@pytest.mark.parametrize("status", [200, 301, 404])
async def test_a_wrong_address_shows_before_anything_is_sent(night, status):
    """The first call is a free one.

    A captive portal answers it with a 200 and a page of its own (F-25).
    """
    night.transport.script("reply", status, "<html>", method="GET", times=9)

    with pytest.raises(ApiUnavailableError, match="nothing was sent"):
        await night.run(make_rows(5))
    assert night.transport.posts() == []


async def test_an_untrusted_certificate_ends_the_run_before_the_key_leaves(night):
    """Not passing trouble: no other try.

    Faults: F-3.
    """
    real = night.transport.handle_async_request

    async def handle(request):
        if request.method == "GET":
            return await real(request)
        tls = aiohttp.ClientSSLError(None, OSError("certificate verify failed"))
        raise httpx.ConnectError("certificate verify failed") from tls

    night.transport.handle_async_request = handle
    result = await night.run(make_rows(5), concurrency=1)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert night.states() == {JobState.PENDING: 5}
    assert len(night.attempts(REF)) == 1


async def test_a_refused_row_is_rejected_and_told(night):
    """It is the row's fault and unpaid; the others are ordered."""
    night.transport.script("reply", 400, {"error": "expected exactly one video input"})

    first = await night.run(make_rows(3), concurrency=1)
    second = await night.run(make_rows(3))

    assert (first.exit_code, second.exit_code) == (8, 8)
    assert night.state(REF) is JobState.REJECTED
    assert "exactly one video" in first.standing.left_out[0].why
    assert len(night.transport.posts()) == 3


async def test_ten_rows_refused_alike_stop_the_run(night):
    """That is ours to mend, not the rows'."""
    night.transport.script("reply", 400, {"error": "invalid request body"}, times=100)

    result = await night.run(make_rows(40), concurrency=1)

    assert result.exit_code == Exit.ROWS_FAILED
    assert len(night.transport.posts()) == 10
    assert "10 rows in a row" in result.reasons[0].message


async def test_rows_refused_alike_are_told_as_one_cause(night):
    """Also those beyond the first ten, which are all that is named one by one."""
    night.transport.script("reply", 400, {"error": "invalid request body"}, times=9)
    night.transport.script("pass")
    night.transport.script("reply", 400, {"error": "invalid request body"}, times=9)

    result = await night.run(make_rows(20), concurrency=1)

    (group,) = result.standing.groups
    assert group.rows == result.standing.left_out_total == 18
    assert [row.source for row in group.first] == [f"tonight.csv:{line}" for line in (2, 3, 4)]


@pytest.mark.parametrize("between", ["accepted", "other_words"])
async def test_refusals_that_differ_do_not_stop_the_run(night, between):
    """Rows may each have a fault of their own."""
    for _ in range(3):
        night.transport.script("reply", 400, {"error": "invalid request body"}, times=9)
        if between == "accepted":
            night.transport.script("pass")
        else:
            night.transport.script("reply", 422, {"error": "no such video"})

    result = await night.run(make_rows(40), concurrency=1)

    assert result.reasons == ()
    assert len(night.transport.posts()) == 40


async def test_a_dub_that_failed_is_told_and_never_bought_again_by_itself(night):
    """It may have been paid for: only a person orders it again (F-55)."""
    rows = make_rows(3)
    await night.run(rows)
    job = night.job(REF)

    def fails(session):
        with session.ledger.transaction():
            seen = remote(job.request_id, "failed", REF)
            session.ledger.record_status(job.job_id, seen, Event.FAILED)

    night.on_session = fails
    first = await night.run(rows)
    night.on_session = lambda _session: None
    second = await night.run(rows)

    assert first.exit_code == second.exit_code == Exit.ROWS_FAILED
    assert night.state(REF) is JobState.FAILED
    assert len(night.transport.posts()) == 3
