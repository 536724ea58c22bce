"""The process behind a rehearsal: serves the sandbox until its input ends, then clears up.

`python -m batchdub.run.rehearsal.serve`, for `stage.py` alone. Its first line of input says how
the sandbox behaves; each further one is the process number of the run that is to go when the
rehearsal goes, or 0 for none.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from batchdub.clock import SystemClock
from batchdub.sandbox.books import FileBooks
from batchdub.sandbox.faults import parse_faults
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED, Rate


def main() -> None:
    """Serve, and clear up."""
    begin = json.loads(sys.stdin.readline())
    run = 0
    try:
        with closing(FileBooks(Path(begin["books"]))) as books:
            provider = Provider(books, _settings(begin), SystemClock().now)
            with RunningSandbox(provider) as sandbox:
                sys.stdout.write(f"{sandbox.base_url}\n")
                sys.stdout.flush()
                run = _last_run(sys.stdin)
                _kill(run)
    finally:
        if not begin["kept"]:
            shutil.rmtree(begin["folder"], ignore_errors=True)


def _settings(begin: Mapping[str, Any]) -> SandboxSettings:
    return SandboxSettings(
        rate=Rate(*begin["limit"]),
        get_rate=UNLIMITED,
        tokens=begin["tokens"],
        faults=parse_faults(begin["faults"]),
        seed=begin["seed"],
    )


def _last_run(lines: Iterable[str]) -> int:
    """Read to the end, which comes when whoever rehearses ends; gives the run that is left."""
    run = 0
    for line in lines:
        run = int(line)
    return run


def _kill(run: int) -> None:
    if run:
        with suppress(ProcessLookupError):
            os.killpg(run, signal.SIGKILL)


if __name__ == "__main__":
    main()
