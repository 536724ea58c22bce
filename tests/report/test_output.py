"""A report's file is whole or not there."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys

import pytest

from batchdub.errors import UnusableInputError
from batchdub.report import open_output


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_all_of_it_is_written(tmp_path):
    """A program that waits for it must never read half."""
    file = tmp_path / "report.csv"

    with open_output(str(file)) as out:
        out.write("a")
        out.flush()
        assert not file.exists()

    assert file.read_text() == "a"
    assert names(tmp_path) == ["report.csv"]


def test_a_failure_leaves_what_was_there(tmp_path):
    """Yesterday's report is better than half of today's."""
    file = tmp_path / "report.csv"
    file.write_text("yesterday")

    def write_half():
        with open_output(str(file)) as out:
            out.write("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UnusableInputError, match="No space left"):
        write_half()

    assert file.read_text() == "yesterday"
    assert names(tmp_path) == ["report.csv"]


def test_a_kill_leaves_what_was_there(tmp_path):
    """Nothing of the name is touched before the end."""
    file = tmp_path / "report.csv"
    file.write_text("yesterday")
    program = (
        "import os, sys\nfrom batchdub.report import open_output\n"
        "with open_output(sys.argv[1]) as out:\n"
        "    out.write('half'); out.flush(); os.kill(os.getpid(), 9)\n"
    )

    subprocess.run([sys.executable, "-c", program, str(file)], check=False)  # noqa: S603  our own

    assert file.read_text() == "yesterday"


def test_others_may_read_a_report_unless_the_umask_says_no(tmp_path):
    """It is made to be handed on, and holds no secrets."""
    before = os.umask(0o022)
    try:
        with open_output(str(tmp_path / "shared")):
            pass
        os.umask(0o077)
        with open_output(str(tmp_path / "private")):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


def test_through_a_link_the_file_behind_it_is_replaced(tmp_path):
    """A link to a shared folder stays one."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")

    with open_output(str(tmp_path / "link")) as out:
        out.write("new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_never_replaced():
    """`--output /dev/null` by root must not make a file of it."""
    with open_output("/dev/null") as out:
        out.write("x")

    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116  the device itself


@pytest.mark.parametrize("name", ["", "missing/report.csv", "x" * 300, "loop"])
def test_a_file_that_cannot_be_made_is_told_by_name(tmp_path, name):
    """An unusable option: nothing was sent, exit 2."""
    (tmp_path / "loop").symlink_to("loop/loop")

    with pytest.raises(UnusableInputError) as caught, open_output(str(tmp_path / name)):
        pass

    assert str(tmp_path) in caught.value.message


def test_a_full_disk_is_told(tmp_path):
    """`/dev/full` refuses every byte."""
    with (
        pytest.raises(UnusableInputError, match="No space left"),
        open_output("/dev/full") as out,
    ):
        out.write("x")
    assert names(tmp_path) == []


def test_excel_gets_its_mark_on_request_and_nobody_else(tmp_path):
    """Without it Excel takes UTF-8 for the local code page; with it scripts miss a column."""
    for mark in (False, True):
        with open_output(str(tmp_path / str(mark)), byte_order_mark=mark) as out:
            out.write("é\r\n")

    assert (tmp_path / "False").read_bytes() == "é\r\n".encode()
    assert (tmp_path / "True").read_bytes() == b"\xef\xbb\xbf" + "é\r\n".encode()


def test_what_is_no_text_is_shown_as_an_escape(tmp_path):
    """A manifest's path may hold bytes that are not UTF-8."""
    with open_output(str(tmp_path / "x")) as out:
        out.write("tonight\udcff.csv")

    assert (tmp_path / "x").read_text() == "tonight\\udcff.csv"
