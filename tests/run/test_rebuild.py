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
