"""Group commit: durable when it returns, and nothing more after a disk has refused once."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from batchdub.errors import IllegalTransitionError, LedgerWriteError
from batchdub.ledger import Ledger
from batchdub.run.journal import Journal, wait_after_s
from tests.support.night import Disk
from tests.support.virtual import VirtualClock


class _Session:
    def __init__(self, ledger):
        self.ledger = ledger


@pytest.fixture
def ledger(tmp_path):
    """A ledger in which a fact can be kept."""
    with Ledger(tmp_path / "batchdub.db", VirtualClock()) as opened:
        yield opened


def refuse(ledger):
    """Have the disk refuse from now on."""
    disk = Disk()
    disk.watch(_Session(ledger))
    disk.refuse()


def illegal():
    raise IllegalTransitionError("another was faster")


async def test_changes_of_one_turn_share_a_commit_and_fail_alone(ledger):
    """One flush to disk for all of them; a guard that refuses undoes only its own change."""
    commits = []
    real = ledger.apply_group
    ledger.apply_group = lambda group: commits.append(len(group)) or real(group)
    journal = Journal(ledger)

    results = await asyncio.gather(
        journal.write(partial(ledger.set_meta, "a", "1")),
        journal.write(illegal),
        journal.write(partial(ledger.set_meta, "b", "2")),
        return_exceptions=True,
    )

    assert commits == [3]
    assert isinstance(results[1], IllegalTransitionError)
    assert (ledger.meta("a"), ledger.meta("b")) == ("1", "2")


async def test_changes_of_turns_in_a_row_share_a_commit(ledger):
    """A disk that needs 10 ms for each flush must not see one for each order."""
    commits = []
    real = ledger.apply_group
    ledger.apply_group = lambda group: commits.append(len(group)) or real(group)
    journal = Journal(ledger)
    waiting = []
    for number in range(5):
        waiting.append(journal.enqueue(partial(ledger.set_meta, str(number), "x")))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert commits == [5]


async def test_a_loop_that_is_never_idle_still_commits(ledger):
    """Whoever came first is not kept waiting by all who come later."""
    journal = Journal(ledger)
    first = journal.enqueue(partial(ledger.set_meta, "first", "x"))
    turns = 0
    while not first.done():
        turns += 1
        journal.enqueue(partial(ledger.set_meta, str(turns), "x"))
        await asyncio.sleep(0)
    assert turns < 20


def slow(ledger, commits, flush_s=0.02):
    """Have each commit noted, and say that its flush took so long."""
    real = ledger.apply_group

    def apply(group):
        commits.append(len(group))
        results = real(group)
        ledger.flushed_in_s = flush_s
        return results

    ledger.apply_group = apply


def enqueue(journal, number):
    """Have so many facts kept."""
    ledger = journal.ledger
    return [journal.enqueue(partial(ledger.set_meta, str(n), "x")) for n in range(number)]


async def test_on_a_slow_disk_a_busy_run_waits_for_what_is_under_way(ledger):
    """Outcomes and intents share a flush; each with one of its own would halve the run."""
    commits = []
    slow(ledger, commits)
    journal = Journal(ledger, writers=32)
    await asyncio.gather(*enqueue(journal, 8))

    intents = enqueue(journal, 4)
    await asyncio.sleep(0.009)
    outcomes = enqueue(journal, 3)
    assert not intents[0].done()
    await asyncio.gather(*intents, *outcomes)

    assert commits == [8, 7]


async def test_when_all_wait_nobody_is_waited_for(ledger):
    """No order is under way, so nothing can come."""
    commits = []
    slow(ledger, commits)
    journal = Journal(ledger, writers=8)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*enqueue(journal, 8))
    began_s = loop.time()

    first = enqueue(journal, 5)
    await asyncio.sleep(0.001)
    await asyncio.gather(*first, *enqueue(journal, 3))

    assert commits == [8, 8]
    assert loop.time() - began_s < 0.002


async def test_the_end_of_a_run_does_not_wait(ledger):
    """What waits is committed at once, and the timer that would have done it does nothing more."""
    commits = []
    slow(ledger, commits)
    journal = Journal(ledger, writers=32)
    await asyncio.gather(*enqueue(journal, 8))
    enqueue(journal, 8)
    await asyncio.sleep(0.005)

    journal.flush()
    assert commits == [8, 8]
    enqueue(journal, 1)
    await asyncio.sleep(0.009)
    assert commits == [8, 8]
    await asyncio.sleep(0.009)
    assert commits == [8, 8, 1]


@pytest.mark.parametrize(
    ("changes", "flush_s", "wait_s"),
    [(1, 0.5, 0.0), (64, 0.001, 0.0), (64, 0.01, 0.005), (64, 0.5, 0.01)],
    ids=["alone", "fast disk", "slow disk", "very slow disk"],
)
def test_the_wait_is_shorter_than_the_flush_it_saves(changes, flush_s, wait_s):
    assert wait_after_s(changes, flush_s) == wait_s


async def test_what_waits_can_be_committed_at_once(ledger):
    """The loop may end before its turn comes."""
    journal = Journal(ledger)
    waiting = journal.enqueue(partial(ledger.set_meta, "a", "1"))
    journal.flush()
    assert waiting.done()
    assert ledger.meta("a") == "1"


async def test_a_change_whose_owner_was_cancelled_is_not_made(ledger):
    """Nobody would know of it."""
    journal = Journal(ledger)
    journal.enqueue(partial(ledger.set_meta, "a", "1")).cancel()
    await asyncio.sleep(0)
    assert ledger.meta("a") is None


async def test_after_a_refused_commit_nothing_more_is_tried(ledger):
    """What a disk that refused once says afterwards cannot be believed.

    Faults: F-111, F-81.
    """
    journal = Journal(ledger)
    refuse(ledger)
    with pytest.raises(LedgerWriteError):
        await journal.write(partial(ledger.set_meta, "a", "1"))
    del ledger.transaction  # the disk is well again

    with pytest.raises(LedgerWriteError):
        await journal.write(partial(ledger.set_meta, "a", "1"))
    with pytest.raises(LedgerWriteError):
        journal.write_now(partial(ledger.set_meta, "a", "1"))
    assert ledger.meta("a") is None


async def test_writing_at_once_fails_as_the_disk_and_the_guards_do(ledger):
    """For tasks that are being cancelled: no turn of the loop may be waited for."""
    journal = Journal(ledger)
    journal.write_now(partial(ledger.set_meta, "a", "1"))
    with pytest.raises(IllegalTransitionError):
        journal.write_now(illegal)
    refuse(ledger)
    with pytest.raises(LedgerWriteError):
        journal.write_now(partial(ledger.set_meta, "a", "2"))
    assert ledger.meta("a") == "1"
