"""F-74: a ledger whose `-wal` is lost is known by its mark, and nothing else is taken for one."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from batchdub.ledger import back_up
from batchdub.states import JobState
from tests.ledger.support import add_jobs, bring_to, child_process, open_ledger


def lacks_orders(path):
    with open_ledger(path, f"run-of-{path.name}-{os.urandom(4).hex()}") as ledger:
        return ledger.may_lack_orders()


def copied(path, target, *ends):
    target.mkdir()
    for end in ("", *ends):
        shutil.copy(f"{path}{end}", target)
    return target / path.name


@pytest.fixture
def ordered(ledger, path, job_id):
    """An open ledger with an order that is in its WAL alone."""
    bring_to(ledger, job_id, JobState.SUBMITTED)
    return path


def test_a_bare_copy_of_an_open_ledger_is_known(ordered, tmp_path):
    """F-74: the order stands in the WAL alone, so the copy would send the row again."""
    copy = copied(ordered, tmp_path / "elsewhere")

    with open_ledger(copy, "run-2") as ledger:
        assert ledger.counts()[JobState.SUBMITTED] == 0
        assert ledger.may_lack_orders()


def test_a_ledger_that_lost_its_wal_once_is_known_for_good(ordered, tmp_path):
    """F-74: closing it in good order brings no order back."""
    copy = copied(ordered, tmp_path / "elsewhere")

    assert lacks_orders(copy)
    assert lacks_orders(copy)


def test_a_copy_with_its_wal_is_whole(ordered, tmp_path):
    """F-74: no false alarm after a crash, or after a move of all files."""
    copy = copied(ordered, tmp_path / "elsewhere", "-wal")

    with open_ledger(copy, "run-2") as ledger:
        assert ledger.counts()[JobState.SUBMITTED] == 1
        assert not ledger.may_lack_orders()


def test_a_closed_ledger_needs_no_wal(ledger, path, tmp_path, job_id):
    """F-74: no false alarm for what people copy in the morning, however often it was opened."""
    bring_to(ledger, job_id, JobState.SUBMITTED)
    ledger.close()

    copy = copied(path, tmp_path / "elsewhere")

    assert not lacks_orders(copy)
    assert not lacks_orders(copy)


def test_a_backup_taken_meanwhile_is_whole(ordered, tmp_path):
    """F-74: no false alarm when a `ledger backup` of a running night is restored on purpose."""
    back_up(ordered, tmp_path / "backup.db")

    assert not lacks_orders(tmp_path / "backup.db")


def test_a_reader_after_a_crash_raises_no_alarm(tmp_path):
    """F-74: a `status` that looks at a killed run's ledger leaves its WAL where it is."""
    path = tmp_path / "batchdub.db"
    with child_process("order", path) as process:
        process.stdout.readline()
        process.kill()
        process.wait()
    with closing(sqlite3.connect(path.as_uri() + "?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT count(*) FROM jobs").fetchone() == (5000,)

    assert not lacks_orders(path)


def test_a_new_ledger_is_not_taken_for_a_copy(tmp_path):
    """F-74: nor is one that was killed before its first row."""
    ledger = open_ledger(tmp_path / "batchdub.db")
    add_jobs(ledger, "a")

    assert not ledger.may_lack_orders()
    ledger.close()
