"""The start look: what the API knows of these rows, and the ledger does not, stops the run."""

from __future__ import annotations

import pytest

from batchdub.errors import ApiUnavailableError, KeyRefusedError, NeedsALookError
from batchdub.exits import Exit
from batchdub.models import JobKey
from batchdub.run.desk import Order
from batchdub.run.reckoning import Reckoning
from batchdub.run.startlook import sample
from tests.support.night import Night, make_row, make_rows


def all_is_explained(_ledger, total):
    """Reckon as if nothing were strange, so that what comes after it has to notice."""
    return Reckoning(total, 0, grown=False, first=False)


@pytest.fixture
def other_machine(night, tmp_path):
    """Another ledger on the same account."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = Night(folder)
    other.provider = night.provider
    other.transport.provider = night.provider
    other.books = night.books
    return other


@pytest.mark.parametrize("ordered", ["S01E001", "S01E004", "S01E012"])
async def test_a_fresh_ledger_sees_any_row_that_was_ordered_before(night, other_machine, ordered):
    """A lost ledger must not order the season again: its account's whole list is read.

    Faults: F-106, F-71.
    """
    await other_machine.run([make_row(ordered)])

    with pytest.raises(NeedsALookError) as stopped:
        await night.run(make_rows(12))

    message = f"{stopped.value} {stopped.value.problems}"
    assert stopped.value.exit_code == Exit.NEEDS_A_LOOK
    assert "ledger rebuild" in message
    assert f"`{ordered}`" in message
    assert night.books.orders[0].request_id in message
    assert sum(night.orders().values()) == 1


async def test_only_the_first_three_are_shown_and_the_others_counted(night, other_machine):
    """A screenful is not a list."""
    await other_machine.run(make_rows(12))

    with pytest.raises(NeedsALookError, match="12 requests") as stopped:
        await night.run(make_rows(12))

    assert stopped.value.problems[0].startswith("tonight.csv:2: `S01E001` is request ")
    assert stopped.value.problems[3:] == ("… and 9 more",)


async def test_a_ledger_restored_from_an_old_copy_is_noticed(night):
    """F-72, F-88: ten rows are looked at, spread over all: an old copy lacks many."""
    rows = make_rows(60)
    await night.run(rows[:5])
    copy = night.ledger_path.read_bytes()
    await night.run(rows)
    night.ledger_path.write_bytes(copy)

    with pytest.raises(NeedsALookError):
        await night.run(rows)
    assert set(night.orders().values()) == {1}


async def test_a_bare_copy_whose_wal_is_lost_sends_nothing_that_was_ordered(night, monkeypatch):
    """F-74: the sample sees none of it, so each row is looked up just before it is sent."""
    rows = make_rows(40)
    copies = []

    def copy(_request):
        if not copies:
            copies.append(night.ledger_path.read_bytes())

    night.transport.before_post = copy
    await night.run(rows[5:9])
    night.transport.before_post = lambda _request: None
    night.ledger_path.write_bytes(copies[0])
    monkeypatch.setattr("batchdub.run.startlook.sample", lambda orders: orders[:1])
    monkeypatch.setattr("batchdub.run.runner.reckon", all_is_explained)
    monkeypatch.setattr("batchdub.ledger.Ledger.ever_ordered", lambda _: True)
    monkeypatch.setattr("batchdub.ledger.Ledger.unproven", lambda _: False)

    result = await night.run(rows)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert max(night.orders().values()) == 1


async def test_others_of_the_account_are_nobodys_business(night, other_machine):
    """Other teams order under other ids."""
    await other_machine.run(make_rows(30, "other"))
    assert (await night.run(make_rows(12))).exit_code == 0


async def test_an_account_too_large_to_read_is_sampled(night, other_machine, monkeypatch):
    """Twenty pages at most, then the sample decides."""
    monkeypatch.setattr("batchdub.run.startlook.PAGES", 1)
    night.provider.settings = other_machine.provider.settings
    await other_machine.run([make_row("S01E001")])
    await other_machine.run(make_rows(120, "other"))

    with pytest.raises(NeedsALookError) as stopped:
        await night.run(make_rows(30))
    assert "S01E001" in str(stopped.value.problems)


@pytest.mark.parametrize(("status", "kind"), [(500, ApiUnavailableError), (401, KeyRefusedError)])
async def test_a_sample_that_cannot_be_read_sends_nothing(night, status, kind):
    """Not knowing is no leave to spend."""
    await night.run(make_rows(1, "first"))
    night.transport.script("pass", method="GET", times=3)
    night.transport.script("reply", status, {"error": "no"}, method="GET", times=9)

    with pytest.raises(kind, match="nothing was sent"):
        await night.run(make_rows(12))
    assert sum(night.orders().values()) == 1


async def test_what_came_after_a_jobs_own_first_intent_is_its_own(night):
    """A row with an attempt is explained by it, and adopted at its turn."""
    night.transport.script("accept_then_reply", 429, {"error": "rate limit exceeded"})
    night.transport.latency_s = lambda: 0.1
    night.transport.down = [("GET", 0.25, 300.0)]
    assert (await night.run(make_rows(3), concurrency=1)).exit_code == Exit.API_UNAVAILABLE
    await night.clock.sleep(300.0)

    result = await night.run(make_rows(3))

    assert (result.exit_code, result.adopted) == (0, 1)
    assert set(night.orders().values()) == {1}


async def test_verify_stops_at_an_order_that_the_ledger_cannot_explain(
    night, other_machine, monkeypatch
):
    """Between the sample's rows: found just ahead of the send, not adopted, not sent.

    Faults: F-48, F-106.
    """
    await night.run(make_rows(1, "first"))
    await other_machine.run([make_row("S01E004")])
    monkeypatch.setattr("batchdub.run.runner.reckon", all_is_explained)

    result = await night.run(make_rows(12), verify=True, concurrency=1)

    assert result.exit_code == Exit.NEEDS_A_LOOK
    assert "ledger rebuild" in result.reasons[0].message
    assert "tonight.csv:5" in result.reasons[0].message
    assert night.job("S01E004").request_id is None
    assert night.orders()["S01E004"] == 1


@pytest.mark.parametrize("number", [1, 10, 11, 12, 1000])
def test_the_sample_has_the_first_row_the_last_and_none_twice(number):
    """Ten at most, spread evenly over the rest."""
    orders = [Order(index, JobKey(str(index)), make_row(str(index))) for index in range(number)]

    chosen = [order.job_id for order in sample(orders)]

    assert len(chosen) == len(set(chosen)) == min(number, 10)
    assert (chosen[0], chosen[-1]) == (0, number - 1)
