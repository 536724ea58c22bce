"""F-105: one batch is ordered by one run at a time on a machine, whatever ledgers are used."""

from __future__ import annotations

import os
import signal

import pytest

from batchdub.errors import LedgerInUseError, LedgerUnusableError
from batchdub.ledger import held_batch
from tests.ledger.support import TickingClock, child_process

BATCH = ("tonight.csv", "https://api.example.com abc")
OTHER = ("tomorrow.csv", "https://api.example.com def")


def take(folder, *batches):
    return held_batch(folder, batches, TickingClock())


def refused(folder, *batches):
    """Give the error of a run that must not have these batches."""
    with pytest.raises(LedgerInUseError) as caught, take(folder, *batches):
        pytest.fail("two runs at once")
    return caught.value


def test_a_batch_is_held_by_one_run(tmp_path):
    """F-105: the second is told which manifest, and who has it."""
    with take(tmp_path / "locks", BATCH, OTHER):
        error = refused(tmp_path / "locks", BATCH)

    assert error.message.startswith("tonight.csv: being ordered by another run")
    assert f"(pid {os.getpid()} on " in error.message
    assert error.exit_code == 7


def test_other_batches_do_not_wait(tmp_path):
    """F-105: two shows in one night are nobody's mistake."""
    with take(tmp_path / "locks", BATCH), take(tmp_path / "locks", OTHER):
        pass


def test_a_run_that_gets_half_of_its_batches_gives_them_back(tmp_path):
    """F-105: else a third run would be refused for no reason."""
    with take(tmp_path / "locks", OTHER):
        refused(tmp_path / "locks", BATCH, OTHER)
        with take(tmp_path / "locks", BATCH):
            pass


def test_nothing_is_left_behind_and_the_folder_is_private(tmp_path):
    """F-105: a file for each night would pile up."""
    folder = tmp_path / "state" / "locks"
    with take(folder, BATCH):
        assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_lock_file_that_a_cleaner_took_is_no_trouble_at_the_end(tmp_path):
    """F-105: whatever has the name by then is not ours to remove."""
    with take(tmp_path / "locks", BATCH):
        (file,) = (tmp_path / "locks").iterdir()
        file.unlink()
        file.touch()

    assert file.exists()


@pytest.mark.real_time
def test_a_killed_runs_lock_is_free(tmp_path):
    """F-105: its file is left, but nobody holds it."""
    with child_process("batch", tmp_path / "locks") as holder:
        assert holder.stdout.readline() == "held\n"
        assert f"pid {holder.pid}" in refused(tmp_path / "locks", BATCH).message
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        with take(tmp_path / "locks", BATCH):
            pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """F-105: the run goes on without, and says so."""
    (tmp_path / "file").touch()
    made = take(tmp_path / "file" / "locks", BATCH)

    with pytest.raises(LedgerUnusableError, match="cannot be made: Not a directory"), made:
        pytest.fail("no lock")
