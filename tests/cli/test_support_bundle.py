"""A bundle for someone else: enough to look into a problem, nothing that is not theirs."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing

import pytest

from batchdub.cli import bundling
from batchdub.states import JobState
from tests.cli.nights import ledger_with
from tests.ledger.support import PERSON

TITLES = {
    "Crown-S07E01-ja": JobState.IN_DOUBT,
    "Crown-S07E02-ja": JobState.COMPLETED,
    "Crown-S07E03-ja": JobState.REJECTED,
    "Crown-S07E04-ja": JobState.CANCELLED,
}


@pytest.fixture
def ledger(tmp_path):
    ledger, _ = ledger_with(tmp_path, **TITLES)
    with ledger.transaction():
        ledger.set_meta("key_salt", "ab" * 16)
        ledger.set_meta("key_fingerprint", "cafe" * 8)
    ledger.close()
    return tmp_path / "batchdub.db"


def unpack(folder):
    [path] = folder.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    path.unlink()
    return found


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def test_it_tells_what_happened_and_not_to_whom(cli, tmp_path, ledger):
    """Titles of unreleased episodes, hosts, people and what they wrote stay in the house."""
    result = cli("support-bundle")

    found = unpack(tmp_path)
    everything = "\n".join(found.values())
    for name in ("Crown", "S07", "cdn.example.com", "tonight", PERSON.name, PERSON.note, "cafecafe",
                 "abababab", "studio"):  # fmt: skip
        assert name not in everything
    assert result.code == 0
    states = {row["state"] for row in rows(found["ledger/rows.jsonl"])}
    assert states == {"in_doubt", "completed", "rejected", "cancelled"}
    assert [row["event"] for row in rows(found["ledger/transitions.jsonl"])].count("send") == 3
    assert "no answer in 60 s" in found["ledger/attempts.jsonl"]
    assert found["ledger/check.txt"] == "sound\n"


def test_it_prints_what_it_holds(cli, tmp_path, ledger):
    """And says to look before it is handed on."""
    result = cli("support-bundle", "--output", "a.zip", "--format", "json")

    told = {row["part"]: row["holds"] for row in json.loads(result.out)}
    assert list(told) == list(unpack(tmp_path))
    assert told["ledger/rows.jsonl"] == "4 rows"
    assert told["log.jsonl"] == "nothing: no file is configured; name it with --log-file"
    assert "unzip -p a.zip README.txt" in result.err


def test_a_pseudonym_stays_and_its_owner_can_be_asked(cli, tmp_path, ledger):
    """Who looks says `row-…`, and who has the ledger knows which that is."""
    first, again = cli("support-bundle"), None
    name = rows(unpack(tmp_path)["ledger/needs-a-look.jsonl"])[0]["reference_id"]
    again = cli("support-bundle")
    assert first.code == again.code == 0
    assert rows(unpack(tmp_path)["ledger/needs-a-look.jsonl"])[0]["reference_id"] == name

    assert cli("support-bundle", "--whose", name).out == "tonight.csv:2: Crown-S07E01-ja\n"
    assert cli("support-bundle", "--whose", "row-0000000000").code == 2


def test_names_stay_only_where_that_is_wanted(cli, tmp_path, ledger):
    """A person decides what is confidential."""
    cli("support-bundle", "--with-names")

    everything = "\n".join(unpack(tmp_path).values())
    assert "https://cdn.example.com/Crown-S07E01-ja.mp4" in everything
    assert PERSON.note in everything
    assert "abababab" not in everything


def test_settings_come_with_where_they_are_from(cli, tmp_path, monkeypatch):
    """As `doctor` tells it; what may be a name, or a token, is not shown."""
    (tmp_path / "batchdub.toml").write_text('rate = "30/min"\nwebhook = "https://a.com/t0ken"\n')
    monkeypatch.setenv("BATCHDUB_ONLY", "title=Crown")
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted")

    cli("support-bundle")

    found = unpack(tmp_path)["configuration.jsonl"]
    told = {row["name"]: (row["value"], row["origin"]) for row in rows(found)}
    assert told["rate"] == ("30/min", "batchdub.toml")
    assert told["webhook"] == ("https:…", "batchdub.toml")
    assert told["only"] == ("[11 characters]", "BATCHDUB_ONLY")
    assert told["ledger"] == ("batchdub.db", "default")
    assert told["key"] == ("set", "CHAMELAION_API_KEY")
    assert "t0ken" not in found


@pytest.mark.parametrize("damage", ["missing", "no ledger", "newer", "torn", "locked", "a folder"])
def test_it_works_when_the_ledger_does_not(cli, tmp_path, ledger, damage, monkeypatch):
    """That is when it is needed: each part that cannot be had says why."""
    monkeypatch.setattr(bundling, "_PATIENCE_S", 0.01)
    with closing(sqlite3.connect(ledger, isolation_level=None)) as other:
        if damage == "newer":
            other.execute("PRAGMA user_version = 99")
        if damage == "locked":
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
        elif damage == "torn":
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw = bytearray(ledger.read_bytes())
            raw[4096:] = b"\xff" * len(raw[4096:])
            ledger.write_bytes(raw)
        elif damage in {"missing", "no ledger", "a folder"}:
            ledger.unlink()
        if damage == "no ledger":
            ledger.write_text("not a ledger at all, but long enough to be read")
        if damage == "a folder":
            ledger.mkdir()
        result = cli("support-bundle")

    found = unpack(tmp_path)
    assert result.code == 0, result.err
    assert json.loads(found["versions.json"])["batchdub"]
    assert "could not be had: " in found["ledger/transitions.jsonl"]
    assert rows(found["files.jsonl"])[0]["there"] is (damage != "missing")


def test_a_file_that_is_there_is_never_overwritten(cli, tmp_path, ledger):
    """A slip of the hand must not cost the ledger."""
    before = ledger.read_bytes()

    result = cli("support-bundle", "--output", "batchdub.db")

    assert result.code == 2
    assert "batchdub.db: exists already, and is not overwritten" in result.err
    assert ledger.read_bytes() == before
    assert cli("support-bundle", "--output", "none/a.zip").code == 2
