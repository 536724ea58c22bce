"""The shortest commands import only what they use: nobody waits for a server to read a help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from batchdub.clock import SystemClock
from batchdub.ledger import Ledger

SLOW = {
    "aiohttp", "anyio", "asyncio", "filelock", "httpx", "pydantic", "rich", "sqlite_utils", "ssl",
    "starlette", "tenacity", "traceback", "uvicorn", "uvloop", "yaml",
}  # fmt: skip
PROGRAM = (
    "import sys; from batchdub.cli.main import run_command; code = run_command(sys.argv[1:]);"
    " sys.stderr.write('modules ' + ' '.join(sys.modules)); sys.exit(code)"
)


def imported(folder, *arguments):
    """Run a command in a process of its own, and give the modules that it had at its end."""
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    return set(done.stderr.rpartition("modules ")[2].split())


@pytest.mark.real_time
def test_the_help_imports_nothing_that_it_does_not_use(tmp_path):
    """It is what a shell completes from, and what a newcomer sees first."""
    assert not imported(tmp_path, "--help") & {*SLOW, "difflib", "json", "sqlite3"}


@pytest.mark.real_time
def test_status_imports_no_network_and_no_server(tmp_path):
    """It is looked at all night long, while a run has the machine."""
    Ledger(tmp_path / "batchdub.db", SystemClock()).close()

    assert not imported(tmp_path, "status") & SLOW
