"""Ordering again on purpose: on record before anything is sent, and each revision ordered once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest

from batchdub.errors import NeedsALookError
from batchdub.exits import Exit
from batchdub.ledger import Actor, Ledger
from batchdub.models import RemoteRequest
from batchdub.run.again import Again
from batchdub.states import Event, JobState
from tests.ledger.support import PERSON
from tests.support.night import SETTLE_S, Disk, Night, make_row, make_rows

INVALID = {"error": "invalid request body"}
FIRST, SECOND = "S01E001", "S01E002"


def again(*names, event=Event.RETRY):
    return Again(event, PERSON, frozenset(names))


async def ended(night, rows, state, *names):
    """Order rows, and have some of them end so."""
    await night.run(rows)
    night.end(**dict.fromkeys(names, state))


async def test_a_failed_row_is_ordered_under_a_reference_id_of_its_own(tmp_path):
    """The failed order may have been paid, and stays what it was."""
    night, rows = Night(tmp_path), make_rows(2)
    await ended(night, rows, "failed", FIRST)

    result = await night.run(rows[:1], again=again(FIRST))

    assert (result.exit_code, result.ordered) == (Exit.DONE, 1)
    assert night.orders() == {FIRST: 1, SECOND: 1, f"{FIRST}~r2": 1}
    assert night.job(FIRST).key.revision == 2
    assert night.states() == {JobState.SUBMITTED: 2}
    assert night.findings() == []


async def test_a_second_and_a_third_retry_work(tmp_path):
    """Each is one more revision, and each is ordered once."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "failed", FIRST)
    for _ in range(3):
        await night.run(rows, again=again(FIRST))
        night.end(**{FIRST: "failed"})

    result = await night.run(rows)

    assert result.exit_code is Exit.ROWS_FAILED
    assert set(night.orders()) == {FIRST, *(f"{FIRST}~r{number}" for number in (2, 3, 4))}
    assert set(night.orders().values()) == {1}
    assert night.findings() == []


async def test_a_rejected_row_is_looked_up_and_sent_again_as_it_was(tmp_path):
    """It was not paid, so it is the same order; but its first try reached the API."""
    night, rows = Night(tmp_path), make_rows(1)
    night.transport.script("reply", 400, INVALID)
    assert (await night.run(rows)).exit_code is Exit.ROWS_FAILED
    looks = len(night.transport.calls)

    result = await night.run(rows, again=again(FIRST))

    assert result.exit_code is Exit.DONE
    assert night.orders() == {FIRST: 1}
    assert night.job(FIRST).key.revision == 1
    methods = [call.method for call in night.transport.calls[looks:]]
    assert "GET" in methods[: methods.index("POST")]
    assert night.findings() == []


async def test_a_rejected_row_that_was_taken_after_all_is_not_ordered_twice(tmp_path):
    """A proxy may have answered 400 for a call that went through."""
    night, rows = Night(tmp_path), make_rows(1)
    night.transport.script("accept_then_reply", 400, INVALID)
    await night.run(rows)
    assert night.state(FIRST) is JobState.REJECTED

    await asyncio.sleep(30)
    result = await night.run(rows, again=again(FIRST))

    assert (result.ordered, result.adopted) == (0, 1)
    assert night.orders() == {FIRST: 1}


async def late_and_refused(night, rows):
    """Have the row refused after a try whose order shows a minute later; a person has seen it."""
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("reply", 422, INVALID)
    await night.run(rows)
    await night.clock.sleep(60)
    assert (await night.run(rows)).exit_code is Exit.NEEDS_A_LOOK
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        for _, request_id in ledger.open_duplicates():
            ledger.acknowledge(request_id, PERSON)


async def test_what_was_ordered_after_all_is_retried_under_a_name_of_its_own(tmp_path):
    """F-37: under the old one stands an order, and the new one must be told from it."""
    night, rows = Night(tmp_path), make_rows(1)
    await late_and_refused(night, rows)

    result = await night.run(rows, again=again(FIRST))

    assert (result.exit_code, result.ordered) == (Exit.DONE, 1)
    assert night.orders() == {FIRST: 1, f"{FIRST}~r2": 1}
    assert night.findings() == []


async def test_a_name_under_which_an_order_stands_is_not_used_again(tmp_path):
    """As after a rebuild that found it, and could not tell upon what it followed."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "failed", FIRST)
    taken = RemoteRequest("taken", night.clock.now(), "queued", f"{FIRST}~r2")
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        ledger.record_other(night.job(FIRST).job_id, taken, "duplicate")
        ledger.acknowledge("taken", PERSON)

    result = await night.run(rows, again=again(FIRST))

    assert result.ordered == 0
    assert night.orders() == {FIRST: 1}


async def test_a_completed_row_is_reordered_with_the_media_it_has_now(tmp_path):
    """The client sent a new mix; the old dub stays on record."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "completed", FIRST)
    new_mix = make_row(FIRST, audio="https://cdn.example.com/mix-2.wav")
    assert (await night.run([new_mix])).exit_code is Exit.ROWS_FAILED

    result = await night.run([new_mix], again=again(FIRST, event=Event.REORDER))
    after = await night.run([new_mix])

    assert (result.exit_code, after.exit_code, after.ordered) == (Exit.DONE, Exit.DONE, 0)
    assert night.orders() == {FIRST: 1, f"{FIRST}~r2": 1}
    assert night.books.orders[-1].inputs[1].url.endswith("mix-2.wav")
    assert night.findings() == []


async def test_a_retried_row_with_other_media_is_left_and_told(tmp_path):
    """Nobody decided to order that."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "failed", FIRST)
    changed = make_row(FIRST, video="https://cdn.example.com/other.mp4")

    result = await night.run([changed], again=again(FIRST))

    assert result.exit_code is Exit.ROWS_FAILED
    assert "stands for other media" in result.standing.left_out[0].why
    assert night.job(FIRST).key.revision == 1
    assert night.orders() == {FIRST: 1}


@pytest.mark.parametrize("state", ["submitted", "completed"])
async def test_what_has_changed_since_it_was_asked_for_is_judged_anew(tmp_path, state):
    """Between the question and the lock another run may have been faster."""
    night, rows = Night(tmp_path), make_rows(1)
    await night.run(rows)
    if state == "completed":
        night.end(**{FIRST: state})

    result = await night.run(rows, again=again(FIRST))

    assert (result.exit_code, result.ordered) == (Exit.DONE, 0)
    assert night.orders() == {FIRST: 1}


async def test_a_ledger_older_than_the_first_retry_makes_no_second_one(tmp_path):
    """Restored from a copy, it would make the same revision again: the API shows it."""
    night, rows = Night(tmp_path), make_rows(30)
    names = [row.reference_id for row in rows]
    await ended(night, rows, "failed", *names)
    copy = night.ledger_path.read_bytes()
    await night.run(rows[1:2], again=again(names[1]))
    night.ledger_path.write_bytes(copy)

    with pytest.raises(NeedsALookError) as stopped:
        await night.run(rows, again=again(*names))

    assert f"`{names[1]}~r2`" in stopped.value.problems[0]
    assert set(night.orders().values()) == {1}


async def test_the_start_look_knows_further_revisions(tmp_path):
    """Among few rows each is looked at before the first order."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "failed", FIRST)
    copy = night.ledger_path.read_bytes()
    await night.run(rows, again=again(FIRST))
    night.ledger_path.write_bytes(copy)

    with pytest.raises(NeedsALookError) as stopped:
        await night.run(rows, again=again(FIRST))
    assert "~r2" in stopped.value.problems[0]

    assert set(night.orders().values()) == {1}


async def test_an_older_revision_is_looked_at_again_as_well(tmp_path):
    """A late second order of the first revision is found though the second is the latest."""
    night, rows = Night(tmp_path), make_rows(1)
    night.transport.script("drop")
    await night.run(rows)
    assert len(night.attempts(FIRST)) == 2
    night.end(**{FIRST: "failed"})
    await night.run(rows, again=again(FIRST))
    first = night.books.orders[0]
    late = replace(first, request_id="5d1f7a52-6a0e-4d5b-9c43-0f2b8a6f7c11")
    night.books.append(late)

    result = await night.run(rows)

    assert result.exit_code is Exit.NEEDS_A_LOOK
    assert result.standing.duplicates == ((FIRST, late.request_id),)


# -- deaths -----------------------------------------------------------------------------------


async def test_a_decision_that_was_not_committed_was_never_made(tmp_path):
    """And the same command makes it."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "failed", FIRST)
    night.on_session = Disk(0).watch
    with pytest.raises(Exception, match="the disk is full"):
        await night.run(rows, again=again(FIRST))
    night.on_session = lambda _session: None
    assert night.job(FIRST).key.revision == 1

    await night.run(rows, again=again(FIRST))

    assert night.orders() == {FIRST: 1, f"{FIRST}~r2": 1}


async def test_a_death_after_the_decision_leaves_a_pending_row_that_any_run_orders(tmp_path):
    """The second retry finds nothing failed."""
    night, rows = Night(tmp_path), make_rows(1)
    await ended(night, rows, "failed", FIRST)
    await night.run(rows, again=again(FIRST), max_jobs=0)
    assert night.job(FIRST).state is JobState.PENDING

    await night.run(rows, again=again(FIRST))

    assert night.orders() == {FIRST: 1, f"{FIRST}~r2": 1}
    assert night.job(FIRST).key.revision == 2


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_killed_and_decided_each_revision_is_ordered_once(tmp_path, seed):
    """Failures, dubs refused by the client, lost replies and deaths, in any order."""
    dice = random.Random(seed)  # noqa: S311  chance that can be repeated
    night = Night(tmp_path, "drop-after=0.2", "drop-before=0.1", seed=seed)
    rows = make_rows(5)
    decided = Counter()
    for _ in range(8):
        event, states = dice.choice(
            [(Event.RETRY, (JobState.FAILED,)), (Event.REORDER, (JobState.COMPLETED,)), (None, ())]
        )
        names = _in_states(night, states)
        decision = Again(event, Actor("ana", str(seed)), frozenset(names)) if names else None
        chosen = [row for row in rows if not names or row.reference_id in names]
        before = _revisions(night, rows)
        if dice.random() < 0.5:
            await night.run_killed(chosen, after_s=dice.uniform(0.0, 8.0), again=decision)
        else:
            await night.run(chosen, again=decision)
        for name, revision in _revisions(night, rows).items():
            decided[name] += revision - before.get(name, revision)
            assert revision - before.get(name, revision) <= (name in names)
        submitted = _in_states(night, (JobState.SUBMITTED,))
        night.end(**{name: dice.choice(["failed", "completed"]) for name in submitted})
    await night.run(rows)

    assert set(night.orders().values()) == {1}
    expected = {
        name if number == 1 else f"{name}~r{number}"
        for name, more in ((row.reference_id, decided[row.reference_id]) for row in rows)
        for number in range(1, more + 2)
    }
    assert set(night.orders()) == expected
    assert night.findings() == []


def _in_states(night, states):
    if not night.ledger_path.exists() or not states:
        return []
    with night.ledger() as ledger:
        return [job.key.reference_id for job in ledger.jobs_in(*states)]


def _revisions(night, rows):
    if not night.ledger_path.exists():
        return {}
    with night.ledger() as ledger:
        jobs = ledger.latest_jobs([row.reference_id for row in rows])
        return {name: job.key.revision for name, job in jobs.items()}
