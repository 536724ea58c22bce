"""One run at a time: an operating-system lock beside the ledger that dies with its process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

from batchdub.clock import Clock
from batchdub.errors import LedgerInUseError, LedgerUnusableError
from batchdub.units import from_stored_time, local_time, to_stored_time

_TRIES = 5  # a cleaner may remove the file between our opening and our locking it
_SIGNATURE_LIMIT = 4096


class HeldLock:
    """The ledger's lock while it is held; the operating system frees it when the process ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def still_held(self) -> bool:
        """Whether the locked file is still the file of its name.

        If not, another process may hold a new lock of the same name by now.
        """
        return _is_named(self._handle, self.path)

    def require_held(self) -> None:
        """Raise LedgerUnusableError if the lock file was deleted or replaced: send nothing more."""
        if not self.still_held():
            raise LedgerUnusableError(
                f"{self.path}: the lock file was deleted or replaced during the run",
                "see that no other run uses this ledger, then run again",
            )


def lock_path(ledger: Path) -> Path:
    """Name the lock file of a ledger; a symbolic link to a ledger has the ledger's lock."""
    return Path(os.path.realpath(ledger) + ".lock")


@contextmanager
def held_lock(ledger: Path, clock: Clock) -> Iterator[HeldLock]:
    """Hold the ledger's lock, or raise LedgerInUseError naming pid, host and start of the holder.

    A lock file that a cleaner removed while it was held lets a second process lock a new file of
    the same name. So the file that was locked must still be the file that has the name: that is
    looked at here after locking, and by `HeldLock.require_held` before each intent.
    """
    busy = LedgerInUseError(
        f"{ledger}: in use by another run", "wait until it ends; one ledger takes one run at a time"
    )
    with held_file(lock_path(ledger), busy, clock) as held:
        yield held


@contextmanager
def held_file(
    path: Path, busy: LedgerInUseError, clock: Clock, *, remove: bool = False
) -> Iterator[HeldLock]:
    """Hold a lock file, or raise what `busy` says, with who has it; `remove` it at the end."""
    try:
        handle = _acquire(path, busy)
    except OSError as error:
        raise LedgerUnusableError(
            f"{path}: cannot lock: {error.strerror}",
            "check the folder, or name another ledger with --ledger",
        ) from None
    try:
        _sign(handle, clock)
        yield HeldLock(path, handle)
    finally:
        if remove:
            _remove(path, handle)
        # Whatever close says, the lock is gone with it, and what the run did is recorded.
        with suppress(OSError):
            os.close(handle)


def _remove(path: Path, handle: int) -> None:
    """Remove a lock file while it is held: whoever has opened it meanwhile looks for its name."""
    with suppress(OSError):
        if _is_named(handle, path):
            path.unlink()


def _acquire(path: Path, busy: LedgerInUseError) -> int:
    for _ in range(_TRIES):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if not lock_descriptor(handle, blocking=False):
                raise LedgerInUseError(f"{busy.message}{_holder(handle)}", busy.hint)
            if _is_named(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise LedgerInUseError(f"{path}: something keeps deleting the lock file", "stop it, then run")


def _is_named(handle: int, path: Path) -> bool:
    try:
        named = os.stat(path, follow_symlinks=False)  # noqa: PTH116  before every intent: be quick
    except OSError:
        return False
    return os.path.samestat(named, os.fstat(handle))


def _sign(handle: int, clock: Clock) -> None:
    signature = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started_at": to_stored_time(clock.now()),
    }
    # Writing in place: a new file under this name would be another lock. A disk too full for a
    # signature still locks; the ledger itself will say that the disk is full.
    with suppress(OSError):
        os.truncate(handle, 0)
        os.pwrite(handle, json.dumps(signature).encode(), 0)


def _holder(handle: int) -> str:
    try:
        signature = json.loads(os.pread(handle, _SIGNATURE_LIMIT, 0))
        started = local_time(from_stored_time(signature["started_at"]))
        return f" (pid {signature['pid']} on {signature['host']}, since {started})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the other run has locked, but not signed yet
