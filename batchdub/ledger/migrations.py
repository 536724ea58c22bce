"""The migrations that make a ledger what `schema` says.

A migration that has been released is never edited; a new one is added. Imported only by who
writes: sqlite-utils takes longer to import than `batchdub status` takes in all.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from batchdub.ledger.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES, guards, indexes
from batchdub.ledger.views import VIEWS

MIGRATIONS = Migrations("batchdub")


@MIGRATIONS()
def m001_first_ledger(db: Database) -> None:
    """Make the tables, their guards and the views."""
    for statement in (*TABLES, *indexes(), *guards()):
        db.execute(statement)
    for name, query in VIEWS.items():
        db.create_view(name, query)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
