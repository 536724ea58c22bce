"""Commands run in a folder of their own, in this process, with both streams captured."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from batchdub.cli.main import run_command

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Call `cli("validate", "a.csv")` and get its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = run_command(arguments)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return call


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Start batchdub as a process of its own, as a shell does; `shell` gives it to one."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # A measured child writes its figures at exit, which a full disk or a closed pipe refuses.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("BATCHDUB", f"{sys.executable} -m batchdub")

    def start(shell, **environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        done = subprocess.run(  # noqa: S602  a test's own text
            shell, shell=True, cwd=tmp_path, capture_output=True, check=False, timeout=60
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return start
