"""The reckoning: what the account has and the ledger cannot explain is never passed over."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from batchdub.errors import NeedsALookError
from batchdub.exits import Exit
from batchdub.run.reckoning import keep_strangers, reckon
from batchdub.run.session import open_session
from batchdub.sandbox.orders import Order
from batchdub.states import JobState
from tests.support.night import BASE_URL, Night, make_rows

# Of forty rows of which three are ordered, the sample of ten passes over these.
_BETWEEN = slice(4, 7)


@pytest.fixture
def long_account(monkeypatch):
    """An account whose list is too long to be read before each run."""
    monkeypatch.setattr("batchdub.run.reckoning.PAGES", 0)
    monkeypatch.setattr("batchdub.run.startlook.PAGES", 1)


async def restored(night):
    """Order three rows of forty, copy the ledger, order three others, put the copy back."""
    rows = make_rows(40)
    await night.run(rows[:3])
    copy = night.ledger_path.read_bytes()
    await night.run(rows[_BETWEEN])
    night.ledger_path.write_bytes(copy)
    return rows


def order_elsewhere(night, number, prefix="OTHER"):
    """Have another team order so many dubs."""
    now = night.provider.now()
    for _ in range(number):
        ordered = len(night.books.orders)
        request_id = f"{ordered:08d}-0000-4d5b-9c43-0f2b8a6f7c11"
        night.books.append(Order(request_id, f"{prefix}{ordered}", now, now, (), False))


def double_each(night, *, shows_after_s=0.0):
    """Have something in between send orders once more: their answers tell nothing of it.

    With a concurrency of 1 each order but the last is doubled.
    """

    def append(_request):
        if night.books.orders:
            last = night.books.orders[-1]
            other = f"{len(night.books.orders):08d}-6a0e-4d5b-9c43-0f2b8a6f7c11"
            shows_at = last.listed_at + timedelta(seconds=shows_after_s)
            night.books.append(replace(last, request_id=other, listed_at=shows_at))

    night.transport.before_post = append


def looks(night):
    """Count the looks at single rows."""
    return sum(call.reference_id is not None for call in night.transport.gets())


async def test_an_old_copy_is_noticed_wherever_its_lost_orders_stand(night):
    """F-72: no sample shows them, but the account has three requests too many."""
    rows = await restored(night)

    with pytest.raises(NeedsALookError) as stopped:
        await night.run(rows)

    assert [problem.split("`")[1] for problem in stopped.value.problems] == [
        row.reference_id for row in rows[_BETWEEN]
    ]
    assert set(night.orders().values()) == {1}


@pytest.mark.usefixtures("long_account")
async def test_in_a_long_account_an_old_copy_has_each_row_looked_up(night):
    """F-72: nobody waits for a hundred pages, and yet no lost order is sent again."""
    rows = await restored(night)

    first = await night.run(rows)
    second = await night.run(rows)

    assert (first.exit_code, second.exit_code) == (Exit.NEEDS_A_LOOK, Exit.NEEDS_A_LOOK)
    assert set(night.orders().values()) == {1}
    assert sum("looked up just before" in line for line in night.said) == 2


@pytest.mark.usefixtures("long_account")
async def test_a_first_run_in_a_long_account_looks_each_row_up(night):
    """F-71: a lost ledger, and twenty pages that show none of its rows."""
    rows = make_rows(40)
    await night.run(rows[1:4])
    await night.clock.sleep(60)
    order_elsewhere(night, 120)
    night.ledger_path.unlink()

    result = await night.run(rows)

    assert result.exit_code is Exit.NEEDS_A_LOOK
    assert max(night.orders().values()) == 1


@pytest.mark.usefixtures("long_account")
async def test_where_nothing_is_new_in_a_long_account_the_sample_is_enough(night):
    """A look at each of a thousand rows would cost a thousand calls, every night."""
    order_elsewhere(night, 120)
    await night.run(make_rows(1, "first"))
    before = looks(night)

    assert (await night.run(make_rows(40))).exit_code is Exit.DONE
    assert looks(night) - before == 10


async def test_an_account_that_the_ledger_explains_is_not_read(night):
    """The list is asked for its length alone, before and after, besides the sample."""
    await night.run(make_rows(30, "first"))
    before = len(night.transport.gets())

    await night.run(make_rows(12))

    assert len(night.transport.gets()) - before == 2 + 10


async def test_a_call_that_was_sent_twice_on_its_way_is_flagged(night):
    """F-11: each answer was a clean one, so nothing but the account's length tells."""
    rows = make_rows(3)
    double_each(night)

    first = await night.run(rows, concurrency=1)
    night.transport.before_post = lambda _request: None
    second = await night.run(rows)

    twice = [name for name, number in night.orders().items() if number > 1]
    assert twice
    assert (first.exit_code, second.exit_code) == (Exit.NEEDS_A_LOOK, Exit.NEEDS_A_LOOK)
    assert [name for name, _ in first.standing.duplicates] == twice
    assert night.states() == {JobState.SUBMITTED: 3}
    assert night.findings() == []


async def test_one_that_shows_late_is_flagged_by_the_next_order(night):
    """F-11, F-38: the list may hide it until the run is over."""
    double_each(night, shows_after_s=30)
    first = await night.run(make_rows(3), concurrency=1)
    night.transport.before_post = lambda _request: None
    await night.clock.sleep(60)

    second = await night.run(make_rows(4))

    assert first.exit_code is Exit.DONE
    assert second.exit_code is Exit.NEEDS_A_LOOK
    assert night.findings() == []


async def test_two_machines_at_the_same_time_are_flagged(night, tmp_path):
    """F-106: neither could see the other's orders when it began, but they do not pass unseen."""
    (tmp_path / "other").mkdir()
    other = Night(tmp_path / "other")
    other.provider = other.transport.provider = night.provider
    for each in (night, other):
        each.transport.latency_s = lambda: 0.2
    rows = make_rows(4)

    await asyncio.gather(night.run(rows, concurrency=1), other.run(rows, concurrency=1))

    twice = {name for name, number in night.orders().items() if number > 1}
    last = await night.run([*rows, *make_rows(1, "more")])
    assert twice
    assert last.exit_code is Exit.NEEDS_A_LOOK
    assert {name for name, _ in last.standing.duplicates} == twice


@pytest.mark.usefixtures("long_account")
async def test_in_a_long_account_the_person_is_told_to_audit(night):
    """Who else orders there is not known, so it is said, and is no exit code."""
    double_each(night)

    result = await night.run(make_rows(3), concurrency=1)

    assert result.exit_code is Exit.DONE
    assert any("batchdub audit" in line for line in night.said)


async def test_what_others_order_is_nobodys_business(night):
    """Under ids of their own, before the run and while it goes on."""
    await night.run(make_rows(3))
    order_elsewhere(night, 30)
    night.transport.before_post = lambda _request: order_elsewhere(night, 1, "MORE")

    assert (await night.run(make_rows(12))).exit_code is Exit.DONE
    assert night.said == []


async def test_a_list_that_cannot_be_read_has_each_row_looked_up(night):
    """Its length says that something is strange, and its pages never add up to it."""
    rows = await restored(night)

    def rewrite(request, answer):
        if "reference_id" in request.url.params:
            return answer
        said = json.loads(answer.body)
        said["pagination"]["total"] += 1
        return replace(answer, body=json.dumps(said).encode())

    night.transport.rewrite = rewrite

    result = await night.run(rows)

    assert result.exit_code is Exit.NEEDS_A_LOOK
    assert set(night.orders().values()) == {1}


@pytest.mark.usefixtures("long_account")
async def test_what_has_grown_stays_so_until_a_rebuild(night):
    """One run over other rows must not make the next believe that all is explained."""
    await night.run(make_rows(3))
    order_elsewhere(night, 5)
    await night.run(make_rows(3, "second"))

    with open_session(
        night.ledger_path, clock=night.clock, command="test", target=BASE_URL, version="0"
    ) as session:
        total = len(night.books.orders)
        assert reckon(session.ledger, total).grown
        with session.ledger.transaction():
            keep_strangers(session.ledger, 5)
        assert not reckon(session.ledger, total).grown
        assert reckon(session.ledger, total + 1).grown
