"""A backup is one moment of the ledger, whole and private, or it is not there."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from batchdub.errors import LedgerUnusableError, LedgerWriteError, UnusableInputError
from batchdub.ledger import back_up, backup, check_ledger, open_for_reading
from batchdub.states import JobState
from tests.ledger.support import (
    accepted,
    add_jobs,
    attempt,
    bring_to,
    child_process,
    no_file_may_grow_beyond,
    open_ledger,
)


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "monday.db"


def left_in(folder):
    return sorted(found.name for found in folder.iterdir())


def test_a_backup_has_what_was_committed(ledger, path, target, job_id):
    """Also what is still in the WAL, which a copy of the bare file would miss."""
    bring_to(ledger, job_id, JobState.SUBMITTED)

    back_up(path, target)

    assert left_in(target.parent) == ["monday.db"]
    with open_for_reading(target) as reader:
        assert reader.counts() == {JobState.SUBMITTED: 1}
        assert check_ledger(reader) == []


def test_a_backup_can_take_the_ledgers_place(ledger, path, target, job_id):
    """That is what it is for."""
    bring_to(ledger, job_id, JobState.SUBMITTED)
    back_up(path, target)
    ledger.close()
    target.replace(path)

    with open_ledger(path, "next-run") as restored:
        attempt(restored, add_jobs(restored, "more")[0], accepted("r2"))
        assert check_ledger(restored) == []


@pytest.mark.parametrize("umask", [0, 0o777])
def test_a_backup_is_private(ledger, path, target, umask):
    """It holds what the ledger holds."""
    before = os.umask(umask)
    try:
        back_up(path, target)
    finally:
        os.umask(before)

    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_backup_never_overwrites(ledger, path, target, kind):
    """Last week's backup may be the only good one."""
    {"file": target.touch, "link": lambda: target.symlink_to("gone"), "folder": target.mkdir}[
        kind
    ]()

    with pytest.raises(UnusableInputError, match="never overwrites"):
        back_up(path, target)

    assert left_in(target.parent) == ["monday.db"]


def test_a_backup_that_another_one_overtakes_does_not_overwrite_it(
    ledger, path, target, monkeypatch
):
    """The name is taken in one step at the end, not looked at and then written."""
    copy = backup._copy

    def copy_slowly(*arguments):
        copy(*arguments)
        target.write_text("the other one")

    monkeypatch.setattr(backup, "_copy", copy_slowly)
    with pytest.raises(UnusableInputError, match="never overwrites"):
        back_up(path, target)

    assert target.read_text() == "the other one"
    assert left_in(target.parent) == ["monday.db"]


def test_a_backup_of_nothing_is_told(path, target):
    """A backup script in the wrong folder must not succeed for months."""
    with pytest.raises(LedgerUnusableError, match="there is no ledger"):
        back_up(path, target)

    assert left_in(target.parent) == []


def test_a_backup_into_nowhere_is_told(ledger, path, tmp_path):
    """The operating system's own words, and the name."""
    with pytest.raises(UnusableInputError, match="No such file"):
        back_up(path, tmp_path / "missing" / "monday.db")


def test_a_disk_that_knows_no_links_is_told(ledger, path, target, monkeypatch):
    """Some network and FAT disks; the copy is not left behind without a name."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(backup.os, "link", refuse)
    with pytest.raises(UnusableInputError, match="Operation not permitted"):
        back_up(path, target)

    assert left_in(target.parent) == []


def test_a_backup_that_does_not_fit_is_not_there(ledger, path, target):
    """Half a backup is worse than none."""
    add_jobs(ledger, *(f"row-{number}" for number in range(200)))

    with no_file_may_grow_beyond(40_000), pytest.raises(LedgerWriteError, match=r"monday\.db"):
        back_up(path, target)

    assert left_in(target.parent) == []


def test_backups_during_writes_are_each_one_moment(ledger, path, target):
    """The writer is in this process here, so that its commits fall between the pages copied."""
    jobs = add_jobs(ledger, *(f"row-{number:04d}" for number in range(600)))
    started, stop = threading.Event(), threading.Event()

    def write():
        for job_id in jobs:
            attempt(ledger, job_id, accepted(f"r-{job_id}"))
            started.set()
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    started.wait()
    counts = []
    for number in range(5):
        copy = target.with_name(f"{number}.db")
        back_up(path, copy)
        with open_for_reading(copy) as reader:
            assert check_ledger(reader) == []
            counts.append(reader.counts()[JobState.SUBMITTED])
    stop.set()
    writer.join()

    assert counts == sorted(counts)
    assert not [name for name in left_in(target.parent) if name.endswith(".part")]


@pytest.mark.real_time
def test_a_backup_while_another_process_writes_is_one_moment(path, target):
    """As cron does it during the night's run."""
    with child_process("order", path) as process:
        said = [process.stdout.readline() for _ in range(20)]
        back_up(path, target)

    with open_for_reading(target) as reader:
        assert check_ledger(reader) == []
        assert reader.counts()[JobState.SUBMITTED] >= len(said) // 2
