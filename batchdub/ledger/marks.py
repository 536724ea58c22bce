"""The mark of an open ledger, in the bare file itself: it tells a copy that lacks its WAL.

SQLite removes the WAL only when the ledger is closed, and by then the mark is gone. So a file with
the mark and without a WAL was copied bare, or its WAL was deleted, and orders may be missing from
it. Where another program has opened and closed a ledger after a crash nothing is missing, and it
looks the same: therefore this is no damage, but a reason to look before each order.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

WAL_LOST = "wal_lost"
"""Names a fact in `meta`: what was last written into this ledger may be missing from it."""
_OPEN = "open"


def has_wal(path: Path) -> bool:
    """Whether a ledger's WAL stands beside it; to be asked before SQLite makes a new one."""
    return path.with_name(f"{path.name}-wal").exists()


def mark_open(connection: sqlite3.Connection, *, had_wal: bool) -> None:
    """Mark a ledger as open, in the file itself, and for good if it has lost its WAL."""
    # Read before the transaction: one that reads first and then writes fails beside any writer.
    found = connection.execute("SELECT 1 FROM meta WHERE name = ?", (_OPEN,)).fetchone()
    connection.execute("BEGIN IMMEDIATE")
    try:
        if found and not had_wal:
            _set(connection, WAL_LOST)
        _set(connection, _OPEN)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def mark_closed(connection: sqlite3.Connection) -> None:
    """Take the mark away: from a ledger just before it is closed, and from a whole copy."""
    connection.execute("DELETE FROM meta WHERE name = ?", (_OPEN,))


def _set(connection: sqlite3.Connection, name: str) -> None:
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, '1') ON CONFLICT (name) DO NOTHING", (name,)
    )
