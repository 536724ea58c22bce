"""The paid path: an intent on disk, one POST, its outcome on disk, and nothing sent on a guess."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from batchdub.errors import LedgerWriteError
from batchdub.exits import Exit
from batchdub.states import JobState
from tests.support.night import Disk, Night, make_row, make_rows

REF = "S01E001"


def intents_on_disk(night, reference_id):
    """Count a row's open attempts, as another process sees them."""
    uri = night.ledger_path.absolute().as_uri() + "?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        query = (
            "SELECT count(*) FROM attempts JOIN jobs USING (job_id) WHERE reference_id = ?"
            " AND event IS NULL AND state = 'sending'"
        )
        return connection.execute(query, (reference_id,)).fetchone()[0]


@pytest.mark.parametrize("concurrency", [1, 8, 32])
async def test_every_row_is_ordered_once_and_never_again(night, concurrency):
    """The same command is the resume; the second time there is nothing to do."""
    rows = make_rows(40)

    first = await night.run(rows, concurrency=concurrency)
    calls = len(night.transport.calls)
    second = await night.run(rows, concurrency=concurrency)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.ordered == 40
    assert night.orders() == dict.fromkeys((row.reference_id for row in rows), 1)
    assert len(night.transport.calls) == calls  # nothing to do makes no network call
    assert night.findings() == []


async def test_no_post_without_a_committed_intent(night):
    """Another connection must see the open attempt at the very moment when an order leaves."""
    seen = []
    night.transport.latency_s = lambda: 0.1
    night.transport.before_post = lambda request: seen.append(
        intents_on_disk(night, json.loads(request.content)["reference_id"])
    )

    await night.run(make_rows(20))

    assert seen == [1] * 20


@pytest.mark.parametrize("how", ["accept_then_drop", "accept_then_hang"])
async def test_lost_reply_is_never_resent_and_is_adopted(night, how):
    """The provider may have charged us: the list shows the order, and it is taken from there.

    Faults: F-5, F-7.
    """
    night.transport.script(how)

    result = await night.run(make_rows(1))

    assert result.exit_code == 0
    assert (result.ordered, result.adopted) == (0, 1)
    assert night.orders()[REF] == len(night.transport.posts()) == 1
    assert night.job(REF).request_id == night.books.orders[0].request_id


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, {"error": "internal error"}), (502, "<html>"), (409, {"error": "busy"}), (422, "no")],
)
async def test_an_answer_that_says_nothing_of_the_order_is_a_doubt(night, status, body):
    """500 after accept, a gateway's page, a 4xx of something in between: look, never resend.

    Faults: F-28, F-29, F-30.
    """
    night.transport.script("accept_then_reply", status, body)

    assert (await night.run(make_rows(1))).exit_code == 0
    assert night.orders()[REF] == len(night.transport.posts()) == 1


async def test_other_rows_go_on_while_a_doubt_settles(night):
    """A doubt must not cost the night: only its own row waits."""
    night.transport.script("drop")

    result = await night.run(make_rows(10), concurrency=1)

    posts = night.transport.posts()
    assert result.exit_code == 0
    assert [post.at_s for post in posts[:10]] == [0.0] * 10
    assert posts[10].reference_id == REF
    assert set(night.orders().values()) == {1}


async def test_a_200_without_an_id_is_held_and_never_ordered_again(night):
    """It was probably paid, and the list may not show it: a person decides.

    Faults: F-12, F-13, F-56.
    """
    night.transport.script("reply", 200, {"status": "success"})

    first = await night.run(make_rows(1))
    night.clock.skew_s += 3 * 24 * 3600
    second = await night.run(make_rows(1))

    assert (first.exit_code, second.exit_code) == (6, 6)
    assert len(night.transport.posts()) == 1
    assert "probably paid" in night.job(REF).held
    assert "probably paid" in second.standing.left_out[0].why


async def test_a_200_without_an_id_is_adopted_once_the_list_shows_it(night):
    """Held is not forgotten: the proof that it exists settles it."""
    night.transport.script("accept_then_reply", 200, "<html>It works!</html>")

    assert (await night.run(make_rows(1))).exit_code == 0
    assert night.state(REF) is JobState.SUBMITTED


async def test_a_request_id_given_to_two_rows_puts_both_in_doubt(night):
    """One of them is a lie, so neither is believed; the list then says whose is which.

    Faults: F-22.
    """
    rows = make_rows(2)
    await night.run(rows[:1])
    stolen = night.books.orders[0].request_id
    night.transport.script("accept_then_reply", 200, {"status": "success", "request_id": stolen})

    result = await night.run(rows)

    assert result.exit_code == 0
    assert [attempt["event"] for attempt in night.attempts("S01E002")] == ["lost"]
    assert night.job(REF).request_id == stolen
    assert night.job("S01E002").request_id == night.books.orders[1].request_id
    assert night.orders() == {REF: 1, "S01E002": 1}


async def test_the_row_that_a_lie_put_in_doubt_is_settled_in_the_same_run(night):
    """Also where the row that was lied to has no order at all, and waits for a person."""
    rows = make_rows(2)
    await night.run(rows[:1])
    stolen = night.books.orders[0].request_id
    night.transport.script("reply", 200, {"status": "success", "request_id": stolen})

    result = await night.run(rows)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert night.job(REF).request_id == stolen
    assert night.state("S01E002") is JobState.IN_DOUBT
    assert night.orders() == {REF: 1}


async def test_no_intent_on_disk_no_post(night):
    """A disk that refuses the intent refuses the order.

    Faults: F-111, F-78.
    """
    disk = Disk()
    night.on_session = disk.watch
    night.transport.before_post = lambda _request: disk.refuse()

    result = await night.run(make_rows(5), concurrency=1)

    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert len(night.transport.posts()) == 1
    assert "disk is full" in result.reasons[0].message


async def test_an_outcome_that_cannot_be_recorded_is_said_and_adopted_next_time(night):
    """F-79: its request_id is nowhere else: it goes to whoever watches, and the run stops."""
    disk = Disk()
    night.on_session = disk.watch
    night.transport.latency_s = lambda: 1.0
    night.transport.before_post = lambda _request: disk.refuse()
    rows = make_rows(20)

    result = await night.run(rows, concurrency=3)

    paid = night.books.orders
    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert len(paid) == 3  # those in flight, and no more
    for order in paid:
        assert any("NOT RECORDED" in line and order.request_id in line for line in night.said)

    night.on_session = lambda _session: None
    night.transport.before_post = lambda _request: None
    assert (await night.run(rows)).exit_code == 0
    assert set(night.orders().values()) == {1}
    assert night.findings() == []


async def test_a_verdict_that_cannot_be_recorded_stops_the_run_and_spares_what_is_in_flight(night):
    """A refusing disk at the settling must not tear an answered order out of our hands."""
    disk = Disk()
    night.on_session = disk.watch
    night.transport.script("accept_then_drop")
    night.transport.latency_s = lambda: 0.5
    looks = []

    def fail_at_first_look(request, answer):
        if request.url.params.get("reference_id") == REF and night.books.orders:
            looks.append(request)
            disk.refuse()
        return answer

    night.transport.rewrite = fail_at_first_look
    result = await night.run(make_rows(3), concurrency=3)

    assert looks
    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert night.state(REF) is JobState.IN_DOUBT


async def test_a_ledger_that_another_program_keeps_locked_ends_as_a_full_disk_does(night):
    """F-83: SQLite waits its time out, the id is said, and the next run adopts the order."""
    others = []

    def lock(_request):
        if not others:
            others.append(sqlite3.connect(night.ledger_path, isolation_level=None))
            others[0].execute("BEGIN IMMEDIATE")

    def be_impatient(session):
        session.ledger._connection.execute("PRAGMA busy_timeout = 20")

    night.on_session = be_impatient
    night.transport.before_post = lock
    result = await night.run(make_rows(1))

    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert "kept the ledger locked" in result.reasons[0].message
    assert any("NOT RECORDED" in line for line in night.said)
    others[0].close()
    assert (await night.run(make_rows(1))).exit_code == Exit.DONE
    assert night.orders() == {REF: 1}


async def test_a_ledger_deleted_meanwhile_is_noticed_before_the_next_order(night):
    """F-73: SQLite writes into a deleted file in silence; an intent there is worth nothing."""
    night.transport.latency_s = lambda: 1.0
    night.transport.before_post = lambda _request: night.ledger_path.unlink(missing_ok=True)

    result = await night.run(make_rows(20), concurrency=2)

    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert len(night.transport.posts()) == 1


async def test_a_ledger_deleted_while_an_intent_is_being_written_lets_no_order_go(night):
    """F-73: what was flushed into a file without a name is on no disk."""

    def delete_at_intent(statement):
        if statement.startswith("INSERT INTO attempts"):
            night.ledger_path.unlink(missing_ok=True)

    night.on_session = lambda session: session.ledger._connection.set_trace_callback(
        delete_at_intent
    )
    result = await night.run(make_rows(3))

    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert night.transport.posts() == []


async def test_a_ledger_deleted_after_the_last_intent_is_noticed_at_the_end(night):
    """F-73: the outcomes went into a file without a name, so the night is not done."""
    night.transport.before_post = lambda _request: night.ledger_path.unlink()

    result = await night.run(make_rows(1))

    assert night.orders() == {REF: 1}
    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert "moved, deleted or replaced" in result.reasons[0].message


async def test_a_lock_file_that_a_cleaner_took_stops_the_run(night):
    """F-104: another run may hold a new lock of the same name by now."""
    lock = night.folder / "batchdub.db.lock"
    night.transport.latency_s = lambda: 1.0
    night.transport.before_post = lambda _request: lock.unlink(missing_ok=True)

    result = await night.run(make_rows(20), concurrency=2)

    assert result.exit_code == Exit.LEDGER_UNUSABLE
    assert len(night.transport.posts()) == 1


async def test_a_bug_of_ours_while_recording_stops_the_run_and_leaves_the_intent(night):
    """Nothing may be concluded then: the row stays `sending`, and the next start takes it up.

    Faults: F-109.
    """

    def break_recording(session):
        def fail(*_arguments):
            raise ZeroDivisionError

        session.ledger.end_attempt = fail

    night.on_session = break_recording
    with pytest.raises(ZeroDivisionError):
        await night.run(make_rows(3), concurrency=1)
    assert night.state(REF) is JobState.SENDING

    night.on_session = lambda _session: None
    assert (await night.run(make_rows(3))).exit_code == 0
    assert set(night.orders().values()) == {1}


async def test_what_was_sending_when_the_process_died_is_looked_up_first(night):
    """F-94: recovery: cut short is in doubt, and its order is found on the list."""
    night.transport.script("accept_then_hang")
    assert await night.run_killed(make_rows(4), after_s=3.0, concurrency=1)
    assert night.state(REF) is JobState.SENDING

    result = await night.run(make_rows(4))

    assert result.exit_code == 0
    assert [each["cause"] for each in night.attempts(REF)] == ["cut_short"]
    assert set(night.orders().values()) == {1}


@pytest.mark.parametrize("lies", [False, True])
@pytest.mark.parametrize("commits", range(8))
async def test_dying_at_any_commit_orders_nothing_twice(tmp_path, commits, lies):
    """F-92, F-93, F-95: before the intent, before the POST, between the reply and its record."""
    night = Night(tmp_path)
    night.on_session = Disk(commits, lies=lies).watch
    try:
        result = await night.run(make_rows(3), concurrency=1)
        assert result.exit_code == Exit.LEDGER_UNUSABLE
    except LedgerWriteError:
        pass

    night.on_session = lambda _session: None
    assert (await night.run(make_rows(3))).exit_code == 0
    assert set(night.orders().values()) == {1}
    assert night.findings() == []


async def test_the_body_is_the_rows_and_secrets_stay_out_of_the_ledger(night):
    """The whole URL goes out, its signature stays nowhere."""
    bodies = []
    night.transport.before_post = lambda request: bodies.append(json.loads(request.content))
    signed = "https://cdn.example.com/a.mp4?X-Amz-Signature=planted-signature"

    await night.run([make_row("row", video=signed)])

    assert bodies[0]["inputs"][0]["url"] == signed
    assert bodies[0]["reference_id"] == "row"
    for file in night.folder.iterdir():
        assert b"planted" not in file.read_bytes()
