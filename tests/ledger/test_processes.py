"""Several processes and sudden deaths: one run at a time, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest

from batchdub.errors import LedgerInUseError, LedgerUnusableError
from batchdub.ledger import check_ledger, held_lock, lock, open_for_reading
from batchdub.states import JobState
from tests.ledger.support import TickingClock, child_process, open_ledger

pytestmark = pytest.mark.real_time


def take(path):
    return held_lock(path, TickingClock())


# -- the lock ----------------------------------------------------------------------------------


def test_the_second_run_is_told_who_holds_the_ledger(path):
    """F-85, F-103: pid, host and start are what a person needs to wait for it or to stop it."""
    with child_process("hold", path) as holder:
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(LedgerInUseError) as caught, take(path):
            pytest.fail("two runs at once")

    assert caught.value.exit_code == 7
    assert re.search(
        rf"{path}: in use by another run"
        rf" \(pid {holder.pid} on {re.escape(socket.gethostname())}, since \d{{4}}-.*\)",
        caught.value.message,
    )


def test_a_killed_run_frees_its_lock(path):
    """No flag to clean up: the operating system does it with the process."""
    with child_process("hold", path) as holder:
        holder.stdout.readline()
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        with take(path) as held:
            assert held.still_held()


def test_the_lock_is_free_after_its_run(path):
    """Also where the run ended badly."""
    with pytest.raises(ZeroDivisionError), take(path):
        raise ZeroDivisionError
    with take(path), pytest.raises(LedgerInUseError, match=f"pid {os.getpid()}"), take(path):
        pytest.fail("two runs at once")
    with take(path):
        pass


def test_a_link_to_a_ledger_has_the_ledgers_lock(path, tmp_path):
    """Two names for one ledger would be two runs at once."""
    open_ledger(path).close()
    link = tmp_path / "tonight.db"
    link.symlink_to(path)

    with take(path), pytest.raises(LedgerInUseError), take(link):
        pytest.fail("two runs at once")


@pytest.mark.parametrize("signature", [b"", b"{", b"[]", b'{"started_at": 1}', b"\xff"])
def test_a_holder_that_has_not_signed_is_still_obeyed(path, signature):
    """It may have locked a moment ago, or found the disk full."""
    with take(path) as held:
        held.path.write_bytes(signature)

        with pytest.raises(LedgerInUseError) as caught, take(path):
            pytest.fail("two runs at once")
    assert caught.value.message == f"{path}: in use by another run"


def test_the_lock_file_is_private(path):
    """It names the host and the process."""
    with take(path) as held:
        assert held.path.stat().st_mode & 0o777 == 0o600


def test_a_deleted_lock_file_lets_nobody_in_unnoticed(path):
    """F-104: the first run sees it before its next intent, whether or not a second one has come."""
    with take(path) as first:
        first.require_held()
        first.path.unlink()

        assert not first.still_held()
        with take(path) as second:
            assert second.still_held()
            with pytest.raises(LedgerUnusableError, match="deleted or replaced"):
                first.require_held()


def test_a_lock_file_deleted_while_it_is_taken_is_taken_anew(path, monkeypatch):
    """A lock on a file without a name guards nothing."""
    taken = []

    def deleted_once(handle, *, blocking):
        locked = lock_descriptor(handle, blocking=blocking)
        if not taken:
            lock.lock_path(path).unlink()
        taken.append(handle)
        return locked

    lock_descriptor = lock.lock_descriptor
    monkeypatch.setattr(lock, "lock_descriptor", deleted_once)
    with take(path) as held:
        assert len(taken) == 2
        assert held.still_held()


def test_a_lock_file_that_is_always_deleted_ends_the_run(path, monkeypatch):
    """Rather than trying for ever, or going on without a lock."""
    lock_descriptor = lock.lock_descriptor

    def deleted(handle, *, blocking):
        lock.lock_path(path).unlink()
        return lock_descriptor(handle, blocking=blocking)

    monkeypatch.setattr(lock, "lock_descriptor", deleted)
    with pytest.raises(LedgerInUseError, match="keeps deleting"), take(path):
        pytest.fail("no lock")


def test_a_folder_that_takes_no_lock_is_told(tmp_path):
    """A mistyped --ledger comes to the lock first."""
    missing = take(tmp_path / "missing" / "batchdub.db")

    with pytest.raises(LedgerUnusableError, match="cannot lock: No such file"), missing:
        pytest.fail("no lock")


# -- sudden deaths -----------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [1, 2, 37, 200])
def test_kill_9_between_commits_loses_nothing_acknowledged(path, lines):
    """Each line was written after its commit: all that was said must be there, and sound.

    F-95, F-97.
    """
    with child_process("order", path) as process:
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines(keepends=True)

    with open_for_reading(path) as reader:
        names = [f"row-{number:04d}" for number in range(5000)]
        jobs = {job.job_id: job for job in reader.latest_jobs(names).values()}
        for kind, job_id in (line.split() for line in said if line.endswith("\n")):
            assert jobs[int(job_id)].attempts == 1
            if kind == "order":
                assert jobs[int(job_id)].request_id == f"request-{job_id}"
        assert check_ledger(reader) == []
    with open_ledger(path, "next-run") as ledger, ledger.transaction():
        assert ledger.recover() == ledger.counts()[JobState.IN_DOUBT] <= 1


def test_a_reader_sees_whole_commits_while_a_run_writes(path):
    """F-85: `status` in the middle of the night neither waits nor sees half of anything."""
    with child_process("order", path) as process:
        process.stdout.readline()
        for _ in range(20):
            with open_for_reading(path) as reader:
                assert check_ledger(reader) == []
                assert sum(reader.counts().values()) == 5000
        process.stdout.close()
        assert process.wait() != 0  # it stops when nobody listens, so it was still writing
