"""The program with a limit on the size of its files: a full disk that needs no mount.

python -m tests.crash.limited BYTES run ...
"""

from __future__ import annotations

import resource
import sys

from batchdub.cli.main import run_command


def main(arguments):
    """Run a command of which no file may grow beyond the first argument."""
    size, *command = arguments
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    return run_command(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
