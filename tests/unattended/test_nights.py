"""Three nights by the crontab's own line: one done, one overlapped and killed, one after that."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.cli.nights import KEY, once_each, wait_until, write_manifest
from tests.unattended.conftest import bare, write_env_file

pytestmark = pytest.mark.real_time


@pytest.fixture
def folder(tmp_path):
    """A folder whose name wants quoting."""
    made = tmp_path / "season 3's dubs"
    made.mkdir()
    return made


def command_of(line):
    """Give what cron hands to the shell: all after the five fields, percent signs as such."""
    return line.rstrip("\n").split(maxsplit=5)[5].replace(r"\%", "%")


@contextmanager
def night(line, home):
    """Start a night as cron does, and see to it that it ends."""
    job = subprocess.Popen(  # noqa: S603  what `schedule` printed
        ["/bin/sh", "-c", command_of(line)],
        cwd=home,
        env=bare(home),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield job
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()


def whole_night(line, home):
    with night(line, home) as job:
        return job.wait(timeout=30)


def test_every_row_is_ordered_once_in_nights_that_nobody_watches(folder, api, printed, tmp_path):
    """The second night overlaps with a third start, which is turned away, and is then killed."""
    variables, books = api
    write_env_file(folder, variables)
    line = printed("cron", folder / write_manifest(folder, 5), "--at", "22:05").out
    assert line.startswith("5 22 * * * ")
    assert KEY not in line

    assert whole_night(line, tmp_path) == 0
    assert ordered(books) == once_each(5)

    write_manifest(folder, 14)
    log = folder / "batchdub-tonight.log"
    with night(line, tmp_path) as second:
        wait_until(lambda: len(books.orders) >= 8)
        os.killpg(second.pid, signal.SIGSTOP)  # a long night, however fast this machine is
        assert whole_night(line, tmp_path) == 7
        told = re.search(r"batchdub.db: in use by another run \(pid (\d+) on ", log.read_text())
        assert os.getsid(int(told[1])) == second.pid
        os.killpg(second.pid, signal.SIGKILL)
    assert len(books.orders) < 14

    assert whole_night(line, tmp_path) == 0
    assert ordered(books) == once_each(14)
    said = log.read_text()
    assert "14 rows: 14 submitted" in said
    assert KEY not in said
    assert "\x1b" not in said


def ordered(books):
    return Counter(order.reference_id for order in books.orders)
