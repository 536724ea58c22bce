"""F-113: an upgrade is one transaction with a snapshot before it, wherever the process dies."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils.migrations import Migrations

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import (
    check_ledger,
    migrating,
    migrations,
    open_for_reading,
    opening,
    schema,
)
from batchdub.ledger.media_versions import ordered_media
from batchdub.ledger.spend import spend_since
from batchdub.states import JobState
from tests.ledger.support import START, add_jobs, bring_to, open_ledger
from tests.ledger.test_opening import _KilledError, dying_connect

NOW = schema.SCHEMA_VERSION


@pytest.fixture
def old(path):
    """A ledger of today's schema, with an order in it."""
    with open_ledger(path) as ledger:
        (job_id,) = add_jobs(ledger, "a")
        bring_to(ledger, job_id, JobState.SUBMITTED)
    return path


@pytest.fixture
def newer(monkeypatch):
    """The program one schema later."""
    later = Migrations("batchdub")
    later()(migrations.m001_first_ledger)
    later()(migrations.m002_cost_of_attempts)
    later()(migrations.m003_outputs)
    later()(migrations.m004_ways_back)
    later()(migrations.m005_media_of_attempts)
    later()(migrations.m006_ordered_gives_way)
    later()(migrations.m007_short_index_of_media)
    later()(migrations.m008_why_not_downloaded)

    @later()
    def m009_more(db):
        db.execute("CREATE TABLE more (x)")
        db.execute("INSERT INTO more VALUES (1)")

    monkeypatch.setattr(migrations, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", NOW + 1)
    monkeypatch.setattr(opening, "SCHEMA_VERSION", NOW + 1)


def facts(path):
    """The schema's version, whether its table is there, and the orders."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'more'"
        more = connection.execute(query).fetchone()[0]
        orders = connection.execute("SELECT count(request_id) FROM jobs").fetchone()[0]
    return version, more, orders


def test_the_ledger_as_it_was_is_kept_aside(old, newer):
    """F-113: whoever must go back to the older version has something to go back to."""
    open_ledger(old, "run-2").close()

    snapshot = migrating.snapshot_path(old, NOW)
    assert facts(old) == (NOW + 1, 1, 1)
    assert facts(snapshot) == (NOW, 0, 1)
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o600


def test_an_upgrade_killed_at_any_statement_is_whole_or_not_there(old, newer, monkeypatch):
    """F-113: and the next opening finishes it, with every order still known."""
    content, steps, versions = old.read_bytes(), 0, set()
    while True:
        steps += 1
        for left in old.parent.glob("batchdub.db*"):
            left.unlink()
        old.write_bytes(content)
        with monkeypatch.context() as patch:
            connections = []
            patch.setattr(opening.sqlite3, "connect", dying_connect(steps, connections))
            try:
                open_ledger(old, "run-2").close()
                break
            except _KilledError:
                for connection in connections:
                    connection.close()
        version, more, orders = facts(old)
        assert (more, orders) == (version - NOW, 1)
        versions.add(version)
        open_ledger(old, "run-3").close()
        assert facts(old) == (NOW + 1, 1, 1)
        assert facts(migrating.snapshot_path(old, NOW)) == (NOW, 0, 1)
    assert versions == {NOW, NOW + 1}


def test_without_a_snapshot_nothing_is_changed(old, newer, monkeypatch):
    """F-113: a folder that takes no copy keeps its ledger as it was."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(LedgerUnusableError, match="no copy of it can be kept") as caught:
        open_ledger(old, "run-2")
    monkeypatch.undo()

    assert "free some space" in caught.value.hint
    assert facts(old) == (NOW, 0, 1)


def test_a_new_ledger_has_no_snapshot(path):
    """There is nothing to go back to."""
    open_ledger(path).close()

    assert [found.name for found in path.parent.iterdir()] == ["batchdub.db"]


@pytest.fixture
def first(path):
    """A ledger of schema 1, which had no costs: `a` submitted, `b` in doubt, `c` pending."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(__file__).with_name("schema-1.sql").read_text())
    return path


def shape(path):
    """Give all that a ledger is made of, apart from what stands in it."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%sqlite%'"
    with closing(sqlite3.connect(path)) as connection:
        return {row[:2]: " ".join(row[2].split()) for row in connection.execute(query)}


def test_a_ledger_of_schema_1_becomes_what_a_new_one_is(first, tmp_path):
    """F-113: with its orders, and with guards that a new one has."""
    open_ledger(tmp_path / "new.db").close()

    with open_ledger(first, "run-2") as ledger:
        assert ledger.counts() == {
            JobState.SUBMITTED: 1, JobState.IN_DOUBT: 1, JobState.PENDING: 1,
        }  # fmt: skip
        assert check_ledger(ledger) == []
        [known] = ordered_media(ledger, ["a"])["a"]
        assert (known.video, known.audio) == (None, None)

    assert shape(first) == shape(tmp_path / "new.db")
    with closing(sqlite3.connect(migrating.snapshot_path(first, 1))) as snapshot:
        assert snapshot.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_ledger_that_went_back_and_ordered_more_is_kept_aside_as_well(first):
    """F-113: the first copy knows nothing of those orders, and going back to it would lose them."""
    open_ledger(first, "run-2").close()
    snapshot = migrating.snapshot_path(first, 1)
    before = snapshot.read_bytes()
    first.write_bytes(before)
    with closing(sqlite3.connect(first)) as older:
        older.execute(
            "INSERT INTO runs (run_id, command, started_at, host, pid, version)"
            " VALUES ('run-9', 'run', '', '', 1, '')"
        )
        older.commit()

    for number in (3, 4):
        open_ledger(first, f"run-{number}").close()

    copies = sorted(path.name for path in first.parent.glob("*.schema-*"))
    assert copies == [snapshot.name, f"{snapshot.name}.2"]
    assert snapshot.read_bytes() == before
    with closing(sqlite3.connect(f"{snapshot}.2")) as second:
        assert second.execute("SELECT count(*) FROM runs WHERE run_id = 'run-9'").fetchone() == (1,)


def test_a_ledger_that_no_run_has_upgraded_answers_all_questions(first):
    """F-113: `status`, `plan` and `report` must not have to wait for the next night."""
    with open_for_reading(first) as ledger:
        spent = [(each.reference_id, each.cost, each.open) for each in spend_since(ledger, START)]
        assert spent == [("a", None, False), ("b", None, True)]
        assert len(list(ledger.report_rows())) == 3
        assert check_ledger(ledger) == []
        assert ledger.history("a")["attempts"]
        assert ordered_media(ledger, ["a"]) == {}
