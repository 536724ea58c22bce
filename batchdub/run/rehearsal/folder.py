"""A rehearsal's folder: private, apart from everything real, and gone at the end unless kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batchdub.errors import LedgerUnusableError, UnusableInputError
from batchdub.ledger import Queries, open_for_reading

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a rehearsal's files are; `kept` if somebody wants to look at them afterwards."""

    path: Path
    kept: bool

    @property
    def ledger(self) -> Path:
        """The ledger of the rehearsal, never the real one."""
        return self.path / "batchdub.db"

    @property
    def books(self) -> Path:
        """The sandbox's books."""
        return self.path / "batchdub.books.jsonl"

    @property
    def config(self) -> Path:
        """A config file that says nothing, so that none of the real night's is read."""
        return self.path / "batchdub.toml"

    def log(self, name: str) -> Path:
        """Give the file that takes what a process says."""
        return self.path / f"{name}.log"


@contextmanager
def rehearsal_folder(keep: Path | None) -> Iterator[Folder]:
    """Make the folder, readable by its owner only. Raises UnusableInputError if it cannot be.

    A folder to keep must be new or empty: what is in one already may be a real night's.
    """
    folder = Folder(_kept(keep) if keep else Path(_temporary()), kept=keep is not None)
    try:
        folder.config.touch(mode=0o600)
        yield folder
    finally:
        if not folder.kept:
            shutil.rmtree(folder.path, ignore_errors=True)


def _temporary() -> str:
    try:
        return tempfile.mkdtemp(prefix="batchdub-rehearsal-")  # mode 0700
    except OSError as error:
        raise UnusableInputError(
            f"{error.filename or tempfile.gettempdir()}: {error.strerror}",
            "name a folder for temporary files with TMPDIR",
        ) from None


def _kept(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise UnusableInputError(f"{path}: is not empty", "name a new folder with --keep")
        path.chmod(0o700)
    except OSError as error:
        raise UnusableInputError(
            f"{path}: {error.strerror}", "name another folder with --keep"
        ) from None
    return path.absolute()


@contextmanager
def copied_ledger(real: Path, folder: Folder) -> Iterator[tuple[Path, Queries | None]]:
    """Copy what the real ledger knows, to ask the copy; None if there is no ledger.

    Even a reader of SQLite's leaves files beside what it opens, so the real one is not opened.
    Raises LedgerUnusableError, naming the real one, if no run could use it.
    """
    copy = folder.path / "known.db"
    if not real.is_file() or not real.stat().st_size:
        yield copy, None
        return
    try:
        _copy(real, copy)
        with open_for_reading(copy) as ledger:
            yield copy, ledger
    except LedgerUnusableError as error:
        raise LedgerUnusableError(error.message.replace(str(copy), str(real)), error.hint) from None
    finally:
        for path in folder.path.glob("known.db*"):
            path.unlink()


def _copy(real: Path, copy: Path) -> None:
    """Copy a ledger and its WAL; again if a run has moved the one into the other meanwhile."""
    wal = real.with_name(f"{real.name}-wal")
    try:
        for _ in range(_TRIES):
            before = _stamp(real)
            _copy_private(real, copy)
            if wal.is_file():
                _copy_private(wal, copy.with_name(f"{copy.name}-wal"))
            if _stamp(real) == before:
                return
    except OSError as error:
        raise LedgerUnusableError(
            f"{real}: cannot be read: {error.strerror}", "check the file, or --ledger"
        ) from None


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _copy_private(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with source.open("rb") as reading, os.fdopen(descriptor, "wb") as writing:
        shutil.copyfileobj(reading, writing)
