"""Bringing a ledger up to this version's schema: a snapshot of it first, then one transaction.

A process that dies half-way leaves the ledger as it was, and perhaps a snapshot beside it. The
snapshot stays: who wants to go back to the older batchdub needs it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import migrations, schema
from batchdub.ledger.marks import mark_closed
from batchdub.ledger.tables import indexes
from batchdub.ledger.views import VIEWS


def migrate(path: Path, database: Database) -> None:
    """Apply what migrations are missing; a ledger of an older schema is copied aside first.

    Raises LedgerUnusableError if the copy cannot be made: then nothing was changed.
    """
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if 0 < version < schema.SCHEMA_VERSION:
        target = _free_snapshot(database, snapshot_path(path, version))
        if target is not None:
            _keep_snapshot(path, database, target)
    with database.atomic():  # all of it or nothing, so a kill half-way leaves no half
        migrations.MIGRATIONS.apply(database)
        if version < schema.SCHEMA_VERSION:
            _make_anew(database)
            database.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")


def snapshot_path(path: Path, version: int) -> Path:
    """Name the copy of a ledger as it was at an older schema: `batchdub.db.schema-1`."""
    return path.with_name(f"{path.name}.schema-{version}")


def _make_anew(database: Database) -> None:
    """Make the guards, indexes and views of this version; an index that is as it was stays."""
    present = schema.present_guards(database.conn)
    for statement in (*schema.guards(), *indexes()):
        name, words = schema.named(statement)
        if present.get(name) == words:
            continue
        if name in present:
            kind = "TRIGGER" if words.startswith("CREATE TRIGGER") else "INDEX"
            database.execute(f"DROP {kind} {name}")
        database.execute(statement)
    for name, query in VIEWS.items():
        database.create_view(name, query, replace=True)


def _free_snapshot(database: Database, target: Path) -> Path | None:
    """Give where the copy goes; None if an earlier try got as far as this, and made it.

    A copy of other orders stays: whoever went back to the older version has made more with it.
    """
    now, first, number = _story(database.conn), target, 1
    while target.exists():
        try:
            with closing(sqlite3.connect(f"{target.absolute().as_uri()}?mode=ro", uri=True)) as old:
                if _story(old) == now:
                    return None
        except sqlite3.DatabaseError:
            pass  # it is no copy of this ledger, whatever it is
        number += 1
        target = first.with_name(f"{first.name}.{number}")
    return target


def _story(connection: sqlite3.Connection) -> object:
    """Give what tells a ledger from what it was before its last run."""
    return connection.execute(
        "SELECT (SELECT group_concat(run_id || coalesce(ended_at, ''))"
        " FROM (SELECT run_id, ended_at FROM runs ORDER BY run_id)),"
        " (SELECT max(transition_id) FROM transitions), (SELECT max(attempt_id) FROM attempts)"
    ).fetchone()


def _keep_snapshot(path: Path, database: Database, target: Path) -> None:
    draft = target.with_name(f"{target.name}.part")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, 0o600)
            database.execute("VACUUM INTO ?", [str(draft)])
            with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
                mark_closed(copy)
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(target)
        _sync_folder(target.absolute().parent)
    except OSError as error:
        raise LedgerUnusableError(
            f"{path}: is of an older version, and no copy of it can be kept at {target}:"
            f" {error.strerror}",
            "free some space or check the folder, then run again",
        ) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
