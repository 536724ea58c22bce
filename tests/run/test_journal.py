"""Group commit: durable when it returns, and nothing more after a disk has refused once."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from batchdub.errors import IllegalTransitionError, LedgerWriteError
from batchdub.ledger import Ledger
from batchdub.run.journal import Journal
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
