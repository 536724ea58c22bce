"""`batchdub ledger`: where it is, whether it is sound, and a copy of it."""

from __future__ import annotations

import stat

import pytest

from batchdub.states import JobState
from tests.cli.nights import counts, ledger_with
from tests.ledger.support import tamper


@pytest.fixture
def ledger(tmp_path):
    ledger_with(tmp_path, a=JobState.SUBMITTED, b=JobState.PENDING)[0].close()
    return tmp_path / "batchdub.db"


def test_the_path_is_absolute_whether_or_not_there_is_a_ledger(cli, tmp_path, monkeypatch):
    """For `sqlite3 "$(batchdub ledger path)"`."""
    assert cli("ledger", "path").out == f"{tmp_path / 'batchdub.db'}\n"
    monkeypatch.setenv("BATCHDUB_LEDGER", "other.db")
    assert cli("ledger", "path").out == f"{tmp_path / 'other.db'}\n"
    assert cli("ledger", "path", "--ledger", "/x/y.db").out == "/x/y.db\n"


def test_a_sound_ledger_passes_and_what_was_checked_is_said(cli, ledger):
    """Silence would not tell whether anything was looked at."""
    result = cli("ledger", "check")

    assert result.code == 0
    assert result.out == ""
    assert result.err.startswith("sound: 2 rows of 1 run; checked were the file, its guards")


def test_findings_are_printed_and_exit_10(cli, ledger):
    """Someone wrote into it past its guards."""
    tamper(
        ledger,
        "DROP TRIGGER state_only_by_transition",
        "UPDATE jobs SET state = 'completed' WHERE reference_id = 'b'",
    )

    result = cli("ledger", "check")

    assert result.code == 10
    assert "the guard `state_only_by_transition` is missing" in result.out
    assert "`b`: " in result.out
    assert "findings; order nothing from this ledger" in result.err


def test_a_backup_is_a_whole_private_ledger(cli, tmp_path, ledger):
    """And never written over another file."""
    result = cli("ledger", "backup", "copy.db")

    assert result.code == 0
    assert result.err == "copied batchdub.db to copy.db\n"
    assert counts(tmp_path, "copy.db") == {"submitted": 1, "pending": 1}
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert cli("ledger", "check", "--ledger", "copy.db").code == 0
    again = cli("ledger", "backup", "copy.db")
    assert again.code == 2
    assert "exists already" in again.err


@pytest.mark.parametrize("arguments", [["check"], ["backup", "copy.db"]])
def test_without_a_ledger_there_is_nothing_to_look_after(cli, tmp_path, arguments):
    """And none is made."""
    result = cli("ledger", *arguments)

    assert result.code == 10
    assert "there is no ledger" in result.err
    assert not list(tmp_path.iterdir())


def test_the_group_alone_is_no_command(cli):
    """It names what it has instead."""
    result = cli("ledger")

    assert result.code == 2
    assert "batchdub ledger --help" in result.err
