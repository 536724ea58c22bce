"""What the README promises is executed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from batchdub.exits import Exit
from batchdub.ledger import Ledger
from batchdub.ledger.views import VIEWS
from batchdub.states import JobState
from tests.docs.readme import ROOT, TEXT, blocks, section_under, table_under, tour
from tests.support.virtual import VirtualClock, virtual_run


def test_readme_stays_short():
    """Nobody reads more than 250 lines."""
    assert len(TEXT.splitlines()) <= 250


def test_first_two_shell_blocks_are_the_main_job_and_the_tests():
    main_job, tests, *_ = blocks("sh")

    assert "batchdub run manifests/nightly.yaml --sandbox" in main_job
    assert "pytest" in tests


def test_exit_codes_are_those_of_the_program():
    assert table_under("Exit codes") == [(str(int(code)), code.meaning) for code in Exit]


def test_states_are_those_of_the_program():
    named = re.findall(r"`(\w+)`", section_under("States of a job"))

    assert sorted(named) == sorted(map(str, JobState))


def test_ledger_tables_and_views_are_those_of_a_ledger(tmp_path):
    async def tables():
        with Ledger(tmp_path / "batchdub.db", VirtualClock()) as ledger:
            return {
                row[0]
                for row in ledger._connection.execute(
                    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
                    " AND name NOT LIKE '~_%' ESCAPE '~' AND name NOT LIKE 'sqlite%'"
                )
            }

    assert {row[0] for row in table_under("The ledger is open")} == virtual_run(tables())
    assert set(VIEWS) < {row[0] for row in table_under("The ledger is open")}


@pytest.mark.real_time
def test_tour_prints_what_it_says(tmp_path):
    """Every command of the tour is run, one after the other, in a folder with the manifests."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BATCHDUB_", "CHAMELAION_", "PYTHON"))
    }
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    environ |= {"TZ": "UTC", "COLUMNS": "100"}
    for step in tour():
        done = subprocess.run(  # noqa: S603  the README's own commands
            ["bash", "-c", step.command],  # noqa: S607  the reader's shell
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert re.fullmatch(step.expectation(), done.stdout), (
            f"$ {step.command}\n--- printed\n{done.stdout}--- promised\n" + "\n".join(step.lines)
        )
