"""Ctrl-C and its relatives: nothing new is sent, what is in flight is recorded, all is sound."""

from __future__ import annotations

import asyncio
import signal

import pytest

from batchdub.errors import LedgerInUseError
from batchdub.exits import Exit
from batchdub.run.journal import Journal
from batchdub.run.stop import Stop
from batchdub.states import JobState
from batchdub.units import parse_rate
from tests.support.night import make_rows


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, Exit.INTERRUPTED),
        (signal.SIGTERM, Exit.TERMINATED),
        (signal.SIGHUP, Exit.TERMINATED),
    ],
)
async def test_the_first_signal_sends_nothing_new_and_records_what_is_in_flight(
    night, number, code
):
    """F-99, F-100, F-101: the same command goes on afterwards."""
    night.transport.latency_s = lambda: 1.0
    night.signal_at(5.5, number=number)

    result = await night.run(make_rows(100), concurrency=4)

    posts = len(night.transport.posts())
    assert result.exit_code == code
    assert posts < 20
    assert all(post.at_s <= 6.5 for post in night.transport.posts())
    assert night.states() == {JobState.SUBMITTED: posts, JobState.PENDING: 100 - posts}
    assert (await night.run(make_rows(100))).exit_code == 0
    assert set(night.orders().values()) == {1}


async def test_a_second_signal_leaves_at_once_and_puts_the_cancelled_calls_in_doubt(night):
    """F-99: the ledger is sound, and the next run finds what was ordered."""
    night.transport.script("accept_then_hang", times=4)
    night.signal_at(3.0, 4.0)

    result = await night.run(make_rows(100), concurrency=4)

    assert result.exit_code == Exit.INTERRUPTED
    assert result.elapsed_s == pytest.approx(4.0, abs=0.1)
    assert night.states() == {JobState.IN_DOUBT: 4, JobState.PENDING: 96}
    assert night.attempts("S01E001")[0]["cause"] == "cancelled"
    assert (await night.run(make_rows(100))).exit_code == 0
    assert set(night.orders().values()) == {1}
    assert night.findings() == []


async def test_a_run_that_is_cancelled_from_outside_ends_as_cancelled(night):
    """Nobody asked for a stop, so it is no result; the attempts are in doubt all the same."""
    night.transport.script("hang", times=2)
    task = asyncio.ensure_future(night.run(make_rows(2)))
    asyncio.get_running_loop().call_later(3.0, task.cancel)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert night.states() == {JobState.IN_DOUBT: 2}


async def test_a_call_cancelled_around_its_intent_was_never_sent(night):
    """The intent may be on disk already; then it says that nothing left."""
    night.transport.latency_s = lambda: 1.0
    task = asyncio.ensure_future(night.run(make_rows(1)))

    def cancel_soon(session):
        real = session.ledger.begin_attempt

        def begin(*arguments):
            task.cancel()
            return real(*arguments)

        session.ledger.begin_attempt = begin

    night.on_session = cancel_soon
    with pytest.raises(asyncio.CancelledError):
        await task
    night.on_session = lambda _session: None

    assert night.states() == {JobState.PENDING: 1}
    assert [each["event"] for each in night.attempts("S01E001")] == ["not_sent"]
    assert night.transport.posts() == []
    assert (await night.run(make_rows(1))).exit_code == 0


async def test_a_cancelled_record_is_on_disk_all_the_same(night):
    """F-99: the reply is here; being cancelled before it is flushed must not lose it."""
    task = asyncio.ensure_future(night.run(make_rows(1)))
    answer = night.transport.handle_async_request

    async def cancel_with_the_reply(request):
        response = await answer(request)
        if request.method == "POST":
            task.cancel()
        return response

    night.transport.handle_async_request = cancel_with_the_reply
    with pytest.raises(asyncio.CancelledError):
        await task
    assert night.state("S01E001") is JobState.SUBMITTED


async def test_what_still_waits_for_its_flush_when_a_run_ends_is_committed(night, monkeypatch):
    """The loop may be gone before the turn in which the outcome would have been."""
    task = asyncio.ensure_future(night.run(make_rows(1)))
    answer, gather = night.transport.handle_async_request, Journal._gather

    async def cancel_with_the_reply(request):
        response = await answer(request)
        if request.method == "POST":
            monkeypatch.setattr(Journal, "_gather", lambda *_: None)
            task.cancel()
        return response

    night.transport.handle_async_request = cancel_with_the_reply
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.setattr(Journal, "_gather", gather)
    assert night.state("S01E001") is JobState.SUBMITTED


@pytest.mark.parametrize(
    "waiting",
    ["pace", "pause", "window", "breaker", "list", "list_pause", "canary", "cap_then_window"],
)
async def test_a_signal_ends_every_kind_of_waiting(night, waiting):
    """Nobody waits minutes for a Ctrl-C, whatever the run itself was waiting for."""
    options = {"settle_s": 300.0}
    if waiting == "pace":
        options["rate"] = parse_rate("2/h")
    elif waiting == "pause":
        retry = {"retry-after": "3600"}
        night.transport.script("reply", 429, {"error": "rate limit exceeded"}, headers=retry)
    elif waiting == "window":
        night.transport.script("drop")
    elif waiting == "breaker":
        night.transport.down = [("POST", 0.0, 1e9), ("GET", 0.5, 1e9)]
    elif waiting == "list":
        night.transport.script("drop")
        night.transport.script("pass", method="GET", times=2)
        night.transport.script("hang", method="GET", times=9)
    elif waiting == "list_pause":
        night.transport.script("drop")
        night.transport.script("pass", method="GET", times=2)
        retry = {"retry-after": "3000"}
        night.transport.script("reply", 429, "", headers=retry, method="GET", times=9)
    elif waiting == "canary":
        options["canary"] = True
        night.transport.script("drop")
    else:
        options["max_jobs"] = 1
        night.transport.script("drop")
    night.signal_at(20.0)

    result = await night.run(make_rows(5), **options)

    assert result.exit_code == Exit.INTERRUPTED
    assert result.elapsed_s < 21.0


async def test_a_signal_before_the_first_order_is_an_interruption(night):
    """What a signal cut short says nothing of the API."""
    night.transport.script("hang", method="GET", times=9)
    night.signal_at(1.0)

    result = await night.run(make_rows(5))

    assert result.exit_code == Exit.INTERRUPTED
    assert result.elapsed_s < 2.0
    assert night.states() == {JobState.PENDING: 5}


async def test_a_second_run_meanwhile_is_refused_and_sends_nothing(night):
    """One ledger takes one run at a time."""
    night.transport.latency_s = lambda: 1.0
    first = asyncio.ensure_future(night.run(make_rows(5)))
    await asyncio.sleep(0.5)

    with pytest.raises(LedgerInUseError, match="in use by another run"):
        await night.run(make_rows(5))

    assert (await first).exit_code == 0
    assert set(night.orders().values()) == {1}


async def test_a_stop_wakes_all_who_wait():
    """Both waits end, and whoever listens is told."""
    stop, told = Stop(), []
    stop.on_ask = lambda: told.append(stop.reasons[-1].code)
    waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(stop.wait_for_last_look())]

    stop.ask(Exit.CAP, "enough")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, False]
    assert stop.may_look

    stop.ask(Exit.INTERRUPTED, "interrupted")
    await asyncio.gather(*waiting)
    assert told == [Exit.CAP, Exit.INTERRUPTED]
    assert not stop.may_look
    assert stop.interrupted


async def test_a_reason_noted_before_a_stop_does_not_end_the_looks():
    """A row given up for a silent API is no reason to leave doubts when a cap is reached."""
    stop = Stop()
    for number in range(30):
        stop.note(Exit.API_UNAVAILABLE, f"row {number} given up")
    stop.ask(Exit.CAP, "enough")

    assert stop.may_look
    assert len(stop.reasons) == 11
    assert not stop.interrupted


async def test_an_ignored_signal_stays_ignored(night):
    """F-101: under `nohup` a closed terminal means nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        night.transport.latency_s = lambda: 1.0
        night.signal_at(0.5, number=signal.SIGHUP)
        assert (await night.run(make_rows(3))).exit_code == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_after_a_stop_no_slot_is_waited_for(night):
    """A row whose look ended just then is not sent."""
    night.transport.script("reply", 429, {"error": "rate limit exceeded"})
    night.transport.latency_s = lambda: 1.0
    night.signal_at(3.5)  # while the refused row is being looked up

    result = await night.run(make_rows(1))

    assert result.exit_code == Exit.INTERRUPTED
    assert len(night.transport.posts()) == 1
