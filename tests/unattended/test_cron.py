"""A cron daemon that fires: `CRON_MAY_RUN=1 pytest tests/unattended/test_cron.py`, as root.

It takes up to a minute and a half, and the user's own crontab is put aside meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from tests.cli.nights import KEY, once_each, wait_until, write_manifest
from tests.unattended.conftest import write_env_file

_CRON, _CRONTAB = shutil.which("cron"), shutil.which("crontab")


def _why_not():
    if os.environ.get("CRON_MAY_RUN") != "1":
        return "takes a minute and puts the crontab aside: only where CRON_MAY_RUN=1"
    if _CRON is None or _CRONTAB is None:
        return "this machine has no cron (Debian: apt-get install cron)"
    return "" if os.geteuid() == 0 else "only root may start a cron daemon"


pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(bool(_why_not()), reason=_why_not()),
]


@contextmanager
def crontab(text):
    """Have this crontab, and the one from before again afterwards."""
    before = subprocess.run([_CRONTAB, "-l"], capture_output=True, check=False)  # noqa: S603
    subprocess.run([_CRONTAB, "-"], input=text.encode(), check=True)  # noqa: S603
    try:
        yield
    finally:
        if before.returncode == 0:
            subprocess.run([_CRONTAB, "-"], input=before.stdout, check=True)  # noqa: S603
        else:
            subprocess.run([_CRONTAB, "-r"], check=True)  # noqa: S603


@contextmanager
def daemon():
    """Run a cron daemon, as long as the block lasts; where one runs already it is as good."""
    cron = subprocess.Popen([_CRON, "-f"], stderr=subprocess.PIPE)  # noqa: S603
    try:
        yield
    finally:
        cron.kill()
        cron.communicate()


def test_the_line_fires_and_orders_every_row_once(tmp_path, api, printed):
    """The whole of it: cron's own parser, its shell, its bare environment."""
    folder = tmp_path / "100% dubs"
    folder.mkdir()
    variables, books = api
    write_env_file(folder, variables)
    soon = datetime.now().astimezone() + timedelta(seconds=75)
    manifest = folder / write_manifest(folder, 4)
    line = printed("cron", manifest, "--at", f"{soon:%H:%M}").out
    log = folder / "batchdub-tonight.log"

    with crontab(line), daemon():
        wait_until(lambda: log.exists() and "next: " in log.read_text(), patience_s=120)

    assert Counter(order.reference_id for order in books.orders) == once_each(4)
    assert "4 rows: 4 submitted" in log.read_text()
    assert KEY not in log.read_text()
