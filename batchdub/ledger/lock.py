"""One run at a time: an operating-system lock beside the ledger that dies with its process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from batchdub.clock import Clock
from batchdub.errors import LedgerInUseError, LedgerUnusableError
from batchdub.units import from_stored_time, local_time, to_stored_time


def lock_path(ledger: Path) -> Path:
    """Name the lock file of a ledger."""
    return ledger.with_name(ledger.name + ".lock")


@contextmanager
def held_lock(ledger: Path, clock: Clock) -> Iterator[None]:
    """Hold the ledger's lock, or raise LedgerInUseError naming pid, host and start of the holder.

    A lock file that a cleaner removed while it was held lets a second process lock a new file of
    the same name, so the file that was locked must still be the file that has the name.
    """
    path = lock_path(ledger)
    lock = FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise LedgerInUseError(
            f"{ledger}: in use by another run{_holder(path)}",
            "wait until it ends; one ledger takes one run at a time",
        ) from None
    except OSError as error:
        raise LedgerUnusableError(f"{path}: cannot lock: {error.strerror or error}") from None
    try:
        _sign(path, clock)
        yield
    finally:
        lock.release()


def _sign(path: Path, clock: Clock) -> None:
    signature = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started_at": to_stored_time(clock.now()),
    }
    # Writing in place: a new file under this name would be another lock.
    with path.open("r+", encoding="utf-8") as file:
        file.truncate()
        json.dump(signature, file)


def _holder(path: Path) -> str:
    try:
        signature = json.loads(path.read_text(encoding="utf-8"))
        started = local_time(from_stored_time(signature["started_at"]))
        return f" (pid {signature['pid']} on {signature['host']}, since {started})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the other run has locked, but not signed yet
