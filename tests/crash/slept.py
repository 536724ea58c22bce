"""The program on a laptop: after each SIGCONT the wall clock has jumped, the monotonic one not.

python -m tests.crash.slept SECONDS run ...
"""

from __future__ import annotations

import signal
import sys
from datetime import timedelta

from batchdub.cli.main import run_command
from batchdub.clock import SystemClock


def main(arguments):
    """Run a command for which each pause lasts so many seconds longer by the wall clock."""
    seconds, *command = arguments
    now, slept = SystemClock.now, [timedelta()]

    def wake(*_):
        slept[0] += timedelta(seconds=float(seconds))

    SystemClock.now = lambda clock: now(clock) + slept[0]
    signal.signal(signal.SIGCONT, wake)
    return run_command(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
