"""One command as a process of its own: seconds, CPU seconds, and its greatest memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: wall clock, CPU of user and system together, and peak memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def cost_of(command, *, folder=None, exit_code=0):
    """Run a command with its output thrown away, and give its cost.

    The peak of a child is never less than its parent's memory when it was born, so the parent must
    stay small. Raises AssertionError, with what the command said, for another exit code.
    """
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    began_s = time.monotonic()
    with subprocess.Popen(  # noqa: S603  our own commands
        command, env=environ, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        said = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == exit_code, f"{command}: {child.returncode}: {said.decode()[-500:]}"
    # macOS counts bytes, Linux KiB.
    peak_mb = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1024)
    return Cost(time.monotonic() - began_s, used.ru_utime + used.ru_stime, peak_mb)


def batchdub(*arguments):
    """Give a command line of batchdub in this environment."""
    return [sys.executable, "-m", "batchdub", *arguments]
