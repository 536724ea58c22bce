"""A run's hold on its ledger: lock, open, recover, record the run, and record how it ended."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from batchdub.clock import Clock
from batchdub.errors import BatchdubError, LedgerUnusableError
from batchdub.exits import Exit
from batchdub.ledger import HeldLock, Ledger, held_lock, lock_path, require_local
from batchdub.run.account import bind_to_api

LEAST_FREE_BYTES = 20_000_000
"""With less room on the disk no run begins: what it pays for must be recorded."""


@dataclass(slots=True)
class Session:
    """An open, locked ledger with a run begun on it.

    `recovered` counts the attempts that an earlier process left open; `gave_way` is the address
    that the ledger was bound to before, if it never answered. Set `exit_code` and `summary` before
    it ends; without them the run is recorded as an unexpected end.
    """

    ledger: Ledger
    lock: HeldLock
    run_id: str
    recovered: int
    new_ledger: bool
    exit_code: int = Exit.UNEXPECTED
    summary: str = ""
    gave_way: str | None = None


@contextmanager
def open_session(
    path: Path, *, clock: Clock, command: str, target: str, version: str
) -> Iterator[Session]:
    """Lock and open the ledger for one run against `target`, and close it whatever happens.

    Raises LedgerInUseError if another run has it, LedgerUnusableError if it cannot be used.
    """
    _require_space(path)
    require_local(path)
    used_before = lock_path(path).exists()
    with held_lock(path, clock) as lock, Ledger(path, clock) as ledger:
        gave_way = bind_to_api(ledger, target)
        run_id = f"{clock.now():%Y%m%dT%H%M%SZ}-{ledger.run_count() + 1}"
        new_ledger = not ledger.ever_ordered()
        with ledger.transaction():
            if used_before and not ledger.run_count():
                # A run has locked it: there was a ledger, and what that had sent may still come.
                ledger.note_loss()
            ledger.begin_run(
                run_id, command, host=socket.gethostname(), pid=os.getpid(), version=version
            )
            recovered = ledger.recover()
        session = Session(ledger, lock, run_id, recovered, new_ledger, gave_way=gave_way)
        try:
            yield session
        except BatchdubError as error:
            session.exit_code, session.summary = error.exit_code, str(error)
            raise
        except KeyboardInterrupt:
            session.exit_code, session.summary = Exit.INTERRUPTED, "interrupted"
            raise
        finally:
            # The run has ended anyway; a disk that refuses now has been told of already.
            with suppress(LedgerUnusableError), ledger.transaction():
                ledger.end_run(session.exit_code, session.summary)


def _require_space(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise LedgerUnusableError(f"{path}: there is no folder {folder}", "create it, or --ledger")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise LedgerUnusableError(
            f"{path}: only {free / 1e6:.0f} MB are free, and a run must never fail to record",
            "free some space, or name a ledger on another disk with --ledger",
        )
