"""Opening a ledger so that what it acknowledges is on disk, and refusing one that cannot be used.

WAL with `synchronous=FULL`: with anything less the last commit, which is our intent, may be lost
in a power cut. Both pragmas are read back, because SQLite ignores what it cannot do in silence.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from batchdub.errors import IllegalTransitionError, LedgerUnusableError, LedgerWriteError
from batchdub.ledger.marks import has_wal, mark_open
from batchdub.ledger.schema import (
    APPLICATION_ID,
    COSTS_SINCE,
    SCHEMA_VERSION,
    expected_guards,
    present_guards,
)
from batchdub.ledger.spend import spend_view
from batchdub.ledger.tables import COLUMNS, strange_values
from batchdub.ledger.views import VIEWS

_BUSY_TIMEOUT_S = 30.0  # a table browser or a backup tool may hold the file for a moment
_CHECKING_KIB = 64_000  # with more it was no faster: the system's own cache has the rest
_FULL = 2
_MAGIC = b"SQLite format 3\0"
RESTORE_HINT = (
    "restore a backup, or move the file and its -wal away and make it anew with"
    " `batchdub ledger rebuild MANIFEST`"
)


@contextmanager
def told_plainly(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, naming the ledger.

    A guard that refuses is no fault of the disk: it becomes IllegalTransitionError.
    """
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise IllegalTransitionError(f"{path}: {error}") from None
    except sqlite3.ProgrammingError:
        raise  # a bug of ours, which no disk or file is to blame for
    except sqlite3.DatabaseError as error:
        raise _explain(path, error) from None
    except UnicodeDecodeError:  # Python's, over the text of SQLite's own complaint
        raise LedgerUnusableError(f"{path}: the ledger is damaged", RESTORE_HINT) from None


def _explain(path: Path, error: sqlite3.DatabaseError) -> LedgerUnusableError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return _not_a_ledger(path)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
        # A plain SQLITE_ERROR is a table or column that is not there, or text that is none.
        return LedgerUnusableError(f"{path}: the ledger is damaged ({error})", RESTORE_HINT)
    if code == sqlite3.SQLITE_FULL:
        return LedgerWriteError(f"{path}: the disk is full", "free some space, then run again")
    if code == sqlite3.SQLITE_BUSY:
        return LedgerWriteError(
            f"{path}: another program has kept the ledger locked for too long",
            "close it (a table browser, a backup), then run again",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LedgerUnusableError(
            f"{path}: cannot be written ({error})", "check the folder's permissions, or --ledger"
        )
    return LedgerWriteError(f"{path}: {error}", "check the disk, then run again")


def _not_a_ledger(path: Path) -> LedgerUnusableError:
    return LedgerUnusableError(
        f"{path}: not a batchdub ledger (not a SQLite file)", "name another file with --ledger"
    )


def open_writer(path: Path) -> sqlite3.Connection:
    """Open or create a ledger for writing, migrate it and prove that it can be written.

    The file is created with mode 0600 whatever the umask says; its WAL inherits that. A ledger
    that was not closed and stands without its WAL is marked so for good (`WAL_LOST`).
    Raises LedgerUnusableError.
    """
    had_wal = has_wal(path)
    _create_private(path)
    with told_plainly(path):
        connection = _connect(path)
        try:
            _refuse_foreign(path, connection)
            _make_durable(path, connection)
            with _quick_checks(connection):
                # The full check also compares the indexes: a flipped reference_id shows only there.
                _refuse_damaged(path, connection, "integrity_check(1)")
                _refuse_astray(path, connection)
            _migrate(path, connection)
            _refuse_misnamed(path, connection)
            _refuse_strange(path, connection)
            _refuse_unguarded(path, connection)
            _prove_writable(connection)
            mark_open(connection, had_wal=had_wal)
        except BaseException:
            connection.close()
            raise
        return connection


def open_reader(path: Path, patience_s: float = _BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open an existing ledger read-only: it may be read while a run writes.

    `patience_s` is how long each question waits for a program that keeps the file locked.

    Nothing is spent on what a reader shows, so the file is not searched for damage, which would
    take seconds of a million jobs: SQLite tells a file cut short at once, and any other broken
    page where it is read. Raises LedgerUnusableError if there is none, or it is not a ledger of
    this version.
    """
    if not path.is_file():
        raise LedgerUnusableError(
            f"{path}: there is no ledger", "run a manifest first, or name the file with --ledger"
        )
    with told_plainly(path):
        connection = _connect(path.absolute().as_uri() + "?mode=ro", patience_s, uri=True)
        try:
            _refuse_foreign(path, connection)
            if _pragma(connection, "user_version") == 0:
                raise LedgerUnusableError(f"{path}: the ledger is empty", "run a manifest first")
            _stand_in_for_later(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _stand_in_for_later(connection: sqlite3.Connection) -> None:
    """Let a ledger that no run has brought up to this version answer all questions already."""
    version = _pragma(connection, "user_version")
    if isinstance(version, int) and version < COSTS_SINCE:
        # In SQLite's memory, and seen before one of the file.
        connection.execute(f"CREATE TEMP VIEW spend AS {spend_view(has_costs=False)}")


def refuse_damaged(path: Path, connection: sqlite3.Connection) -> None:
    """Search all of an open ledger for broken pages. Raises LedgerUnusableError for the first."""
    with told_plainly(path):
        _refuse_damaged(path, connection, "quick_check(1)")


def _create_private(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerUnusableError(
            f"{path}: cannot be written: {error.strerror}",
            "check the folder, or name another file with --ledger",
        ) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise LedgerUnusableError(
                f"{path}: not a plain file", "name another file with --ledger"
            )
        if found.st_size == 0:
            os.fchmod(handle, 0o600)
        elif os.pread(handle, len(_MAGIC), 0) != _MAGIC and not _has_journal(path):
            # SQLite itself would take a very short file for an empty one, and write over it.
            raise _not_a_ledger(path)
    finally:
        # Nothing was written through it; a disk that fails shows in what SQLite does next.
        with suppress(OSError):
            os.close(handle)


def _has_journal(path: Path) -> bool:
    """Whether a power cut left a write half done: SQLite undoes it when it opens the file."""
    journal = path.with_name(path.name + "-journal")
    return journal.is_file() and journal.stat().st_size > 0


def _connect(
    name: Path | str, patience_s: float = _BUSY_TIMEOUT_S, **options: bool
) -> sqlite3.Connection:
    return sqlite3.connect(
        name, timeout=patience_s, isolation_level=None, check_same_thread=False, **options
    )


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


@contextmanager
def _quick_checks(connection: sqlite3.Connection) -> Iterator[None]:
    """Make SQLite's checks of a million jobs bearable.

    They go through all the indexes row by row, so a good part of these is kept in memory. And for
    each row they make every list of a CHECK anew, which is half of their time: `_refuse_strange`
    looks instead.
    """
    before = _pragma(connection, "cache_size")
    connection.execute(f"PRAGMA cache_size = -{_CHECKING_KIB}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    try:
        yield
    finally:
        connection.execute("PRAGMA ignore_check_constraints = OFF")
        connection.execute(f"PRAGMA cache_size = {before}")
        connection.execute("PRAGMA shrink_memory")


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database  # noqa: PLC0415  slow to import, and readers do without

    from batchdub.ledger.migrating import migrate  # noqa: PLC0415  as above

    # Plugins are other people's code inside our transactions.
    migrate(path, Database(connection, execute_plugins=False))


def _refuse_foreign(path: Path, connection: sqlite3.Connection) -> None:
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    is_new = application == 0 and not _pragma(connection, "schema_version")
    if application != APPLICATION_ID and not is_new:
        raise LedgerUnusableError(
            f"{path}: a SQLite file of another program, not a batchdub ledger",
            "name another file with --ledger",
        )
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise LedgerUnusableError(
            f"{path}: made by a newer batchdub (schema {version}, this one knows {SCHEMA_VERSION})",
            "upgrade batchdub",
        )


def _make_durable(path: Path, connection: sqlite3.Connection) -> None:
    journal = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Without this a REPLACE would delete rows behind the guards' back.
    connection.execute("PRAGMA recursive_triggers = ON")
    if sys.platform == "darwin":
        # On macOS a plain fsync leaves the data in the drive's own cache.
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
    kept = (journal, _pragma(connection, "synchronous"), _pragma(connection, "foreign_keys"))
    if kept != ("wal", _FULL, 1):
        raise LedgerUnusableError(
            f"{path}: this file system cannot keep a ledger safely (journal mode {journal})",
            "put the ledger on a local disk with --ledger",
        )


def _refuse_damaged(path: Path, connection: sqlite3.Connection, check: str) -> None:
    verdict = _pragma(connection, check)
    if verdict != "ok":
        raise LedgerUnusableError(f"{path}: the ledger is damaged: {verdict}", RESTORE_HINT)


def _refuse_astray(path: Path, connection: sqlite3.Connection) -> None:
    astray = connection.execute("PRAGMA foreign_key_check").fetchone()
    if astray is not None:
        raise LedgerUnusableError(
            f"{path}: the ledger is damaged: a row of `{astray[0]}` points nowhere", RESTORE_HINT
        )


def _refuse_misnamed(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a ledger that lacks a column: a bit that flips in a name passes SQLite's checks."""
    for table, columns in COLUMNS.items():
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if not found.issuperset(columns.split()):
            raise LedgerUnusableError(
                f"{path}: the ledger is damaged: `{table}` lacks a column", RESTORE_HINT
            )
    for view in VIEWS:  # compiled only: what a run asks at its end must not fail there
        connection.execute(f"SELECT 1 FROM {view} LIMIT 0")


def _refuse_strange(path: Path, connection: sqlite3.Connection) -> None:
    for table, query in strange_values().items():
        if connection.execute(query).fetchone() is not None:
            raise LedgerUnusableError(
                f"{path}: the ledger is damaged: `{table}` has a value that none can be",
                RESTORE_HINT,
            )


def _refuse_unguarded(path: Path, connection: sqlite3.Connection) -> None:
    """The guards are the last line before a wrong order, so none is sent without them."""
    if not expected_guards().items() <= present_guards(connection).items():
        raise LedgerUnusableError(
            f"{path}: the ledger's guards are missing or changed", "see `batchdub ledger check`"
        )


def _prove_writable(connection: sqlite3.Connection) -> None:
    """Write for real: a read-only disk or a full one shows only then."""
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('opened', '1')"
        " ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )
