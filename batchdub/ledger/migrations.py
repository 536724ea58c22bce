"""The migrations that make a ledger's tables what `tables` and they themselves say.

A migration that has been released is never edited; a new one is added. Guards, indexes and views
are not made here: `migrating` makes them anew after the last one. Imported only by who writes:
sqlite-utils takes longer to import than `batchdub status` takes in all.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from batchdub.ledger import output_schema
from batchdub.ledger.schema import APPLICATION_ID
from batchdub.ledger.tables import TABLES

MIGRATIONS = Migrations("batchdub")


@MIGRATIONS()
def m001_first_ledger(db: Database) -> None:
    """Make the tables."""
    for statement in TABLES:
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


@MIGRATIONS()
def m002_cost_of_attempts(db: Database) -> None:
    """Keep with each attempt what it costs by the price that held when it was sent."""
    # In millionths of the currency, which may have no name; NULL where no price was known.
    db.execute("ALTER TABLE attempts ADD COLUMN cost INTEGER CHECK (cost >= 0)")
    db.execute("ALTER TABLE attempts ADD COLUMN currency TEXT")


@MIGRATIONS()
def m003_outputs(db: Database) -> None:
    """Make the table of downloaded files."""
    db.execute(output_schema.TABLE)


@MIGRATIONS()
def m004_ways_back(_: Database) -> None:
    """Let cancelled, rejected and failed jobs be put back or reordered: only the guards change."""


@MIGRATIONS()
def m005_media_of_attempts(db: Database) -> None:
    """Keep with each attempt which versions of its media a probe had seen just before it."""
    # In JSON, as `media_versions` writes it; NULL where no probe had looked.
    db.execute("ALTER TABLE attempts ADD COLUMN video_version TEXT")
    db.execute("ALTER TABLE attempts ADD COLUMN audio_version TEXT")


@MIGRATIONS()
def m006_ordered_gives_way(_: Database) -> None:
    """Put back only the latest revision, and none under which an order is known: guards again."""


@MIGRATIONS()
def m007_short_index_of_media(_: Database) -> None:
    """Find the jobs of a medium by a part of its key: only the index changes."""


@MIGRATIONS()
def m008_why_not_downloaded(db: Database) -> None:
    """Keep why a dub could not be had, for the reports."""
    db.execute("ALTER TABLE outputs ADD COLUMN problem TEXT")
