"""After a loss further revisions come back too, and none is ordered a second time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from batchdub.exits import Exit
from batchdub.ledger import Ledger, check_ledger
from batchdub.run.again import Again
from batchdub.run.rebuild import read_everything, rebuild
from batchdub.run.revisions import Place, further_revisions, restore_revisions
from batchdub.run.session import open_session
from batchdub.states import Event, JobState
from tests.ledger.support import PERSON, remote
from tests.run.test_audit import means_to_ask
from tests.support.night import BASE_URL, SETTLE_S, Night, make_rows
from tests.support.virtual import EPOCH

REF = "S01E001"


async def order_revisions(night, rows, *states):
    """Order the first row, and once more after each of these ends."""
    await night.run(rows)
    for state in states:
        night.end(**{REF: state})
        event = Event.RETRY if state == "failed" else Event.REORDER
        await night.run(rows[:1], again=Again(event, PERSON, frozenset([REF])))


async def rebuilt(night, rows, since=None, requests=None):
    """Rebuild as the command does."""
    requests = requests or await read_everything(means_to_ask(night))
    with open_session(
        night.ledger_path, clock=night.clock, command="rebuild", target=BASE_URL, version="0"
    ) as session:
        ledger = session.ledger
        with ledger.transaction():
            manifest_id = ledger.remember_manifest("tonight.csv", "0" * 64)
            known = ledger.latest_jobs([row.reference_id for row in rows])
            places = enumerate(rows, 1)
            ledger.add_rows(
                (row, manifest_id, place) for place, row in places if row.reference_id not in known
            )
            names = [row.reference_id for row in rows]
            jobs = [job for jobs in ledger.all_revisions(names).values() for job in jobs]
            result = rebuild(ledger, jobs, requests, since)
            further = further_revisions(requests)
            places = {
                row.reference_id: Place(row, manifest_id, place)
                for place, row in enumerate(rows, 1)
                if row.reference_id in further
            }
            restore_revisions(ledger, result, further, places, since)
        session.exit_code = Exit.DONE
        return result


def check(night):
    with night.ledger() as ledger:
        return check_ledger(ledger)


async def test_a_revision_comes_back_upon_one_that_was_taken_out_and_ordered_after_all(tmp_path):
    """The copy that was restored knows of the late order, and not of the one that replaced it."""
    night, rows = Night(tmp_path), make_rows(1)
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("drop")
    await night.run(rows, max_attempts=2)
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        ledger.cancel(night.job(REF).job_id, JobState.PENDING, PERSON)
    await night.clock.sleep(60)
    assert (await night.run(rows)).exit_code is Exit.NEEDS_A_LOOK
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        for _, request_id in ledger.open_duplicates():
            ledger.acknowledge(request_id, PERSON)
    copy = night.ledger_path.read_bytes()
    retried = Again(Event.RETRY, PERSON, frozenset([REF]), cancelled=True)
    assert (await night.run(rows, again=retried)).ordered == 1
    night.ledger_path.write_bytes(copy)

    await rebuilt(night, rows)

    assert night.job(REF).key.sent_as == f"{REF}~r2"
    assert (await night.run(rows)).ordered == 0
    assert night.orders() == {REF: 1, f"{REF}~r2": 1}
    assert night.findings() == []


async def test_every_revision_comes_back_in_its_turn(tmp_path):
    """And then a run has nothing to order."""
    night, rows = Night(tmp_path), make_rows(2)
    await order_revisions(night, rows, "completed", "completed")
    await asyncio.sleep(3600)
    night.ledger_path.unlink()

    result = await rebuilt(night, rows)
    after = await night.run(rows)

    notes = [(row.job.key.sent_as, row.note) for row in result.rows]
    assert notes == [
        (REF, "restored"),
        ("S01E002", "restored"),
        (f"{REF}~r2", "restored"),
        (f"{REF}~r3", "restored"),
    ]
    assert result.unmatched == 0
    assert (after.exit_code, after.ordered) == (Exit.DONE, 0)
    assert night.job(REF).key.revision == 3
    assert check(night) == []


async def test_after_a_failed_order_the_next_one_was_a_retry(tmp_path):
    """As the history of the new ledger says, with who restored it."""
    night, rows = Night(tmp_path, "fail=1"), make_rows(1)
    await order_revisions(night, rows, "failed")
    await asyncio.sleep(3600)
    night.ledger_path.unlink()

    await rebuilt(night, rows)

    with night.ledger() as ledger:
        steps = ledger.history(REF)["transitions"]
    decisions = [(step["from_state"], step["event"], step["actor"]) for step in steps]
    assert ("failed", "retry", "ledger rebuild") in decisions
    assert night.states() == {JobState.FAILED: 1}


async def test_a_ledger_from_a_copy_gets_what_came_after_it(tmp_path):
    """It knows the first revision, and that it failed."""
    night, rows = Night(tmp_path), make_rows(1)
    await night.run(rows)
    night.end(**{REF: "failed"})
    copy = night.ledger_path.read_bytes()
    await night.run(rows, again=Again(Event.RETRY, PERSON, frozenset([REF])))
    night.ledger_path.write_bytes(copy)

    result = await rebuilt(night, rows)

    assert [(row.job.key.sent_as, row.note) for row in result.rows] == [
        (REF, "known"),
        (f"{REF}~r2", "restored"),
    ]
    assert night.job(REF).state is JobState.SUBMITTED
    assert night.findings() == []
    assert [row.note for row in (await rebuilt(night, rows)).rows] == ["known", "known"]


async def test_a_revision_that_follows_nothing_is_put_on_record_and_its_row_taken_out(tmp_path):
    """Ordering the row anew would pay for a dub that is there already."""
    night, rows = Night(tmp_path), make_rows(1)
    await order_revisions(night, rows, "completed")
    requests = await read_everything(means_to_ask(night))
    night.ledger_path.unlink()

    result = await rebuilt(night, rows, requests=[r for r in requests if r.reference_id != REF])
    after = await night.run(rows)

    assert result.rows[-1].note == f"`{REF}~r2` is ordered, too"
    assert len(result.duplicates) == 1
    assert night.state(REF) is JobState.CANCELLED
    assert (after.exit_code, after.ordered) == (Exit.NEEDS_A_LOOK, 0)
    assert check(night) == []


async def test_a_revision_upon_an_order_that_has_not_ended_needs_a_look(tmp_path):
    """It cannot have been decided by us as things stand; the order itself is kept."""
    night, rows = Night(tmp_path), make_rows(1)
    await night.run(rows)
    requests = await read_everything(means_to_ask(night))
    stranger = remote("5d1f7a52-6a0e-4d5b-9c43-0f2b8a6f7c11", reference_id=f"{REF}~r2")

    result = await rebuilt(night, rows, requests=[*requests, stranger])
    again = await rebuilt(night, rows, requests=[*requests, stranger])

    assert night.state(REF) is JobState.SUBMITTED
    assert [duplicate.request_id for duplicate in result.duplicates] == [stranger.request_id]
    assert again.duplicates == []


async def test_since_leaves_older_revisions_to_others(tmp_path):
    """All of them are known from then on, and a row may be ordered anew."""
    night, rows = Night(tmp_path), make_rows(1)
    await order_revisions(night, rows, "failed")
    await asyncio.sleep(3600)
    night.ledger_path.unlink()

    result = await rebuilt(night, rows, since=EPOCH + timedelta(minutes=30))
    after = await night.run(rows)
    night.end(**{REF: "failed"})
    retried = await night.run(rows, again=Again(Event.RETRY, PERSON, frozenset([REF])))

    assert result.older == 2
    assert (after.ordered, retried.ordered) == (1, 1)
    assert night.orders() == {REF: 2, f"{REF}~r2": 2}
    assert check(night) == []


@pytest.mark.parametrize("name", ["S01", "S01~r1", "S01~r0", "S01~r02", "S01~rx", "~r2", None])
def test_only_what_we_send_as_a_revision_is_one(name):
    """Others may have ids that look alike."""
    assert further_revisions([remote("r1", reference_id=name)]) == {}


def test_revisions_are_sorted_by_row_and_number():
    """The name may hold anything."""
    found = further_revisions(
        [remote("r1", reference_id="a~r2~r3"), remote("r2", reference_id="b~r12")]
    )

    assert {name: list(numbers) for name, numbers in found.items()} == {"a~r2": [3], "b": [12]}


async def test_a_copy_that_saw_no_end_learns_it_and_then_what_followed(tmp_path):
    """Else the next retry would make a second order under the same reference_id."""
    night, rows = Night(tmp_path), make_rows(1)
    await night.run(rows)
    copy = night.ledger_path.read_bytes()
    night.end(**{REF: "completed"})
    await night.run(rows, again=Again(Event.REORDER, PERSON, frozenset([REF])))
    night.ledger_path.write_bytes(copy)
    await asyncio.sleep(3600)

    result = await rebuilt(night, rows)

    assert [row.note for row in result.rows] == ["known", "restored"]
    assert night.job(REF).key.revision == 2
    assert night.findings() == []
