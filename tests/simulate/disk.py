"""The disk under the ledger: what a commit makes sure of, and what a dead process leaves there.

A power cut takes whatever was not synced: of the WAL only that stays which was there at the last
commit under `synchronous=FULL`.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from tests.simulate.loop import KilledError

connect_really = sqlite3.connect
_FULL = 2


class MortalConnection(sqlite3.Connection):
    """A writer's connection: it tells its process of every commit, and dies with it."""

    process = None
    synced_bytes = 0

    @property
    def in_transaction(self) -> bool:
        return not self._dead and super().in_transaction

    @property
    def _dead(self) -> bool:
        return self.process is not None and self.process.dead

    def execute(self, sql, *arguments):
        if self._dead:
            raise KilledError
        if self.process is not None and sql == "COMMIT":
            return self._commit()
        return super().execute(sql, *arguments)

    def executemany(self, sql, *arguments):
        if self._dead:
            raise KilledError
        return super().executemany(sql, *arguments)

    def rollback(self) -> None:
        if not self._dead:
            super().rollback()

    def close(self) -> None:
        if not self._dead:
            super().close()

    def _commit(self):
        try:
            self.process.before_commit()
        except sqlite3.OperationalError:
            super().execute("ROLLBACK")
            raise
        done = super().execute("COMMIT")
        if super().execute("PRAGMA synchronous").fetchone()[0] >= _FULL:
            self.synced_bytes = _size(_wal(self.process.ledger_path))
        self.process.after_commit()
        return done

    def die(self, path: Path, *, power: bool) -> None:
        """End as the kernel ends a process: no rollback, no checkpoint, the files as they are."""
        there = path.exists()
        kept = path.read_bytes() if there else b""
        wal = _read(_wal(path))
        sqlite3.Connection.close(self)
        if there:
            path.write_bytes(kept)
            _wal(path).write_bytes(wal[: self.synced_bytes] if power else wal)
            _shm(path).unlink(missing_ok=True)


def disk_refuses() -> sqlite3.OperationalError:
    """Make the error that SQLite gives for a commit that the disk refuses."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def copy_of(path: Path) -> tuple[bytes, bytes] | None:
    """Read a ledger at rest, to be restored later; None if there is none."""
    return (path.read_bytes(), _read(_wal(path))) if path.exists() else None


def restore(path: Path, copy: tuple[bytes, bytes]) -> None:
    """Put an older copy in the ledger's place, as from a backup."""
    delete(path)
    path.write_bytes(copy[0])
    if copy[1]:
        _wal(path).write_bytes(copy[1])


def delete(path: Path) -> None:
    """Lose the ledger, but not its lock."""
    for each in (path, _wal(path), _shm(path)):
        with suppress(FileNotFoundError):
            each.unlink()


def bytes_of(path: Path) -> bytes:
    """Give every byte that the ledger has on disk."""
    return _read(path) + _read(_wal(path))


def wal_bytes(path: Path) -> int:
    """Give the length of the WAL beside a ledger."""
    return _size(_wal(path))


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _shm(path: Path) -> Path:
    return path.with_name(path.name + "-shm")


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
