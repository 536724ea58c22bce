"""After a loss the ledger comes back from the API's list, and a run orders only what is missing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from batchdub.errors import ApiUnavailableError, NeedsALookError
from batchdub.exits import Exit
from batchdub.ledger import check_ledger
from batchdub.models import RemoteRequest
from batchdub.run.rebuild import ended, read_everything, rebuild
from batchdub.run.session import open_session
from batchdub.states import Event, JobState
from batchdub.wire import ApiClient, generate_body
from tests.run.test_audit import means_to_ask
from tests.support.night import BASE_URL, KEY, SETTLE_S, Night, make_rows
from tests.support.virtual import EPOCH


async def rebuilt(night, since=None):
    """Rebuild the ledger of a night as the command does; the rows are there, pending."""
    requests = await read_everything(means_to_ask(night))
    with open_session(
        night.ledger_path, clock=night.clock, command="rebuild", target=BASE_URL, version="0"
    ) as session:
        ledger = session.ledger
        jobs = list(ledger.jobs_in(*JobState))
        with ledger.transaction():
            result = rebuild(ledger, jobs, requests, since)
        session.exit_code = Exit.DONE
        return result


async def lose_ledger(night, rows):
    """Lose the ledger, and let a run notice it: the rows are pending in a new one."""
    night.ledger_path.unlink()
    with pytest.raises(NeedsALookError, match="ledger rebuild"):
        await night.run(rows)


def check(night):
    with night.ledger() as ledger:
        return check_ledger(ledger)


async def test_a_call_that_arrives_after_the_rebuild_is_flagged(tmp_path):
    """How often a row was tried is lost with the ledger, so for a day every row is looked at.

    Faults: F-10.
    """
    night = Night(tmp_path)
    night.transport.script("accept_later", late_s=SETTLE_S + 3600)
    rows = make_rows(2)
    await night.run(rows)
    await lose_ledger(night, rows)
    await rebuilt(night)
    await night.clock.sleep(3600)

    soon = await night.run(rows)
    await night.clock.sleep(2 * 86400)

    assert night.orders() == {"S01E001": 2, "S01E002": 1}
    assert soon.exit_code is Exit.NEEDS_A_LOOK
    assert [reference_id for reference_id, _ in soon.standing.duplicates] == ["S01E001"]
    with night.ledger() as ledger:
        assert ledger.restored(night.clock.now() - timedelta(days=1)) == []


async def test_a_lost_ledger_comes_back_and_only_the_rest_is_ordered(tmp_path):
    """F-71: nothing that was ordered is lost with it."""
    night = Night(tmp_path)
    await night.run(make_rows(6))
    rows = make_rows(8)
    await lose_ledger(night, rows)

    result = await rebuilt(night)
    after = await night.run(rows)

    assert [row.note for row in result.rows] == ["restored"] * 6 + ["nothing found"] * 2
    assert after.exit_code is Exit.DONE
    assert set(night.orders().values()) == {1}
    assert len(night.orders()) == 8
    assert check(night) == []


async def test_statuses_outputs_and_times_come_back(tmp_path):
    night = Night(tmp_path, "fail=0.4")
    rows = make_rows(10)
    await night.run(rows)
    await asyncio.sleep(600)
    await lose_ledger(night, rows)

    await rebuilt(night)

    with night.ledger() as ledger:
        jobs = {row["reference_id"]: row for row in ledger.report_rows()}
    assert {row["state"] for row in jobs.values()} == {"completed", "failed"}
    for row in jobs.values():
        assert row["finished_at"] > row["submitted_at"]
        assert (row["output_url"] is None) == (row["state"] == "failed")


async def test_a_row_ordered_twice_keeps_the_earliest_and_shows_the_other(tmp_path):
    night = Night(tmp_path)
    rows = make_rows(2)
    await night.run(rows)
    await asyncio.sleep(5)
    night.ledger_path.unlink()
    await order_behind_our_back(night, rows[0])
    await lose_nothing_but_notice(night, rows)

    result = await rebuilt(night)

    assert [row.note for row in result.rows] == ["ordered more than once", "restored"]
    assert len(result.duplicates) == 1
    first, second = night.books.orders[0], night.books.orders[-1]
    assert result.rows[0].request.request_id == first.request_id
    assert result.duplicates[0].request_id == second.request_id
    with night.ledger() as ledger:
        assert ledger.open_duplicates() == [("S01E001", second.request_id)]


async def order_behind_our_back(night, row):
    """Order a row as another machine would."""
    api = ApiClient(BASE_URL, KEY, night.transport, night.clock, version="0")
    await api.generate(generate_body(row.reference_id, row.video_url, row.audio_url, False))


async def lose_nothing_but_notice(night, rows):
    with pytest.raises(NeedsALookError):
        await night.run(rows)


async def test_since_leaves_older_orders_to_others(tmp_path):
    """Last year's order under the same id is known from then on, and not this row's."""
    night = Night(tmp_path)
    rows = make_rows(1)
    await order_behind_our_back(night, rows[0])
    await lose_nothing_but_notice(night, rows)
    await asyncio.sleep(60)

    result = await rebuilt(night, since=EPOCH + timedelta(seconds=30))
    after = await night.run(rows)

    assert result.older == 1
    assert result.rows[0].note == "nothing found"
    assert after.ordered == 1
    assert check(night) == []


async def test_what_the_ledger_knows_already_stays_as_it_is(tmp_path):
    night = Night(tmp_path)
    await night.run(make_rows(3))

    result = await rebuilt(night)

    assert [row.note for row in result.rows] == ["known"] * 3


async def test_a_further_order_of_a_known_row_is_recorded(tmp_path):
    night = Night(tmp_path)
    rows = make_rows(1)
    await night.run(rows)
    await order_behind_our_back(night, rows[0])

    result = await rebuilt(night)

    assert result.rows[0].note == "ordered more than once"
    assert len(result.duplicates) == 1


async def test_requests_of_other_rows_are_counted(tmp_path):
    night = Night(tmp_path)
    await night.run(make_rows(3))
    night.ledger_path.unlink()
    await night.run(make_rows(1, prefix="S09E"))

    result = await rebuilt(night)

    assert result.unmatched == 3


async def test_a_list_that_cannot_be_read_restores_nothing(tmp_path):
    night = Night(tmp_path)
    await night.run(make_rows(1))
    night.transport.script("drop", times=99, method="GET")

    with pytest.raises(ApiUnavailableError):
        await rebuilt(night)


@pytest.mark.parametrize(
    ("status", "output_url", "event"),
    [
        ("completed", "https://cdn.example.com/x.mp4", Event.COMPLETED),
        ("completed", None, None),
        ("failed", None, Event.FAILED),
        ("queued", None, None),
        ("a status of tomorrow", None, None),
    ],
)
def test_only_a_known_end_ends_a_job(status, output_url, event):
    now = datetime(2026, 3, 1, tzinfo=UTC)

    assert ended(RemoteRequest("a", now, status, output_url=output_url)) is event


async def test_an_older_order_of_our_own_stays_ours(tmp_path):
    """`--since` is about orders that the ledger cannot explain."""
    night = Night(tmp_path)
    await night.run(make_rows(2))

    result = await rebuilt(night, since=EPOCH + timedelta(days=1))

    assert [row.note for row in result.rows] == ["known"] * 2
    assert result.older == 0


# -- what the lost ledger had sent may still be on its way ----------------------------------------


async def lose_while_under_way(night, rows, late_s=SETTLE_S - 1):
    """Order rows whose last call is accepted only later, and lose the ledger meanwhile."""
    night.transport.script("accept_later", late_s=late_s)
    await night.run_killed(rows, after_s=0.5)
    night.ledger_path.unlink()


async def test_an_order_that_was_on_its_way_at_the_rebuild_is_adopted(tmp_path):
    """A rebuild has read the list too early: the next run looks again after a settle window."""
    night = Night(tmp_path)
    rows = make_rows(3)
    await lose_while_under_way(night, rows)
    await rebuilt_from(night, rows)

    began_s = night.clock.monotonic_s()
    result = await night.run(rows)

    assert result.exit_code is Exit.DONE
    assert set(night.orders().values()) == {1}
    assert len(night.orders()) == 3
    assert night.clock.monotonic_s() - began_s >= SETTLE_S
    assert any("whose last orders the API's list may not show yet" in line for line in night.said)
    assert any("1 row had been ordered before the loss" in line for line in night.said)
    assert check(night) == []


async def rebuilt_from(night, rows, since=None):
    """Rebuild a ledger that is gone altogether, as the command does: first its rows, then these."""
    requests = await read_everything(means_to_ask(night))
    with open_session(
        night.ledger_path, clock=night.clock, command="rebuild", target=BASE_URL, version="0"
    ) as session:
        with session.ledger.transaction():
            manifest = session.ledger.remember_manifest("tonight.csv", "0" * 64)
            numbered = [(row, manifest, position) for position, row in enumerate(rows, 1)]
            session.ledger.add_rows(numbered)
            rebuild(session.ledger, list(session.ledger.jobs_in(*JobState)), requests, since)
        session.exit_code = Exit.DONE


async def test_what_is_older_than_since_is_not_adopted_later_either(tmp_path):
    """An older order that turns up only after the rebuild stops the run, and a person decides."""
    night = Night(tmp_path)
    rows = make_rows(2)
    await lose_while_under_way(night, rows)
    await rebuilt_from(night, rows, since=EPOCH + timedelta(days=1))

    with pytest.raises(NeedsALookError, match="1 request"):
        await night.run(rows)

    assert set(night.orders().values()) == {1}


async def test_a_second_order_that_shows_late_is_found_by_a_run_without_orders(
    tmp_path,
):
    """Also under a row that was sent after the rebuild: for a day each ordered row is looked at."""
    night = Night(tmp_path)
    rows = make_rows(1)
    await lose_while_under_way(night, rows, late_s=3 * SETTLE_S)
    await rebuilt_from(night, rows)
    await night.run(rows)
    await night.clock.sleep(60)

    result = await night.run(rows)

    assert night.orders() == {"S01E001": 2}
    assert result.exit_code is Exit.NEEDS_A_LOOK


async def test_the_window_is_waited_out_once(tmp_path):
    """What is proven is kept in the ledger: later runs go at once."""
    night = Night(tmp_path)
    rows = make_rows(4)
    await lose_while_under_way(night, rows[:2])
    await rebuilt_from(night, rows)
    await night.run(rows[:3])

    began_s = night.clock.monotonic_s()
    await night.run(rows)

    assert night.clock.monotonic_s() - began_s < SETTLE_S
    assert set(night.orders().values()) == {1}
    assert len(night.orders()) == 4


async def test_a_run_that_is_interrupted_while_it_waits_proves_nothing(tmp_path):
    """The window counts from the beginning of a run that lives to see its end."""
    night = Night(tmp_path)
    rows = make_rows(3)
    await lose_while_under_way(night, rows, late_s=SETTLE_S - 0.5)
    await rebuilt_from(night, rows)
    night.signal_at(1.0)

    interrupted = await night.run(rows)
    sent_meanwhile = night.orders()
    await night.run(rows)

    assert interrupted.ordered == 0
    assert sum(sent_meanwhile.values()) <= 3
    assert set(night.orders().values()) == {1}
    assert len(night.orders()) == 3


async def test_a_new_ledger_beside_an_old_lock_waits_as_well(tmp_path):
    """Nobody has rebuilt it, so what turns up stops the run."""
    night = Night(tmp_path)
    rows = make_rows(1)
    await lose_while_under_way(night, rows)

    with pytest.raises(NeedsALookError, match="ledger rebuild"):
        await night.run(rows)

    assert night.orders() == {"S01E001": 1}


async def test_in_a_long_account_each_row_is_looked_up_after_the_window(tmp_path, monkeypatch):
    """What is there is adopted then, too."""
    monkeypatch.setattr("batchdub.run.startlook.PAGES", 0)
    monkeypatch.setattr("batchdub.run.afterloss.PAGES", 0)
    monkeypatch.setattr("batchdub.run.reckoning.PAGES", 0)
    monkeypatch.setattr("batchdub.run.startlook.sample", lambda _: [])
    night = Night(tmp_path)
    rows = make_rows(3)
    await lose_while_under_way(night, rows)
    await rebuilt_from(night, rows)

    result = await night.run(rows)

    assert result.exit_code is Exit.DONE
    assert set(night.orders().values()) == {1}
    assert len(night.orders()) == 3


async def test_a_server_whose_clock_stands_proves_nothing(tmp_path, monkeypatch):
    """Our own clock alone is not believed where the server tells its time."""
    night = Night(tmp_path)
    rows = make_rows(2)
    await lose_while_under_way(night, rows)
    await rebuilt_from(night, rows)
    monkeypatch.setattr("batchdub.run.afterloss.window_has_passed", lambda *_: False)

    with pytest.raises(ApiUnavailableError, match="server's clock"):
        await night.run(rows)

    assert set(night.orders().values()) == {1}
