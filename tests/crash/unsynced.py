"""The program with a ledger that does not sync each commit: it must be caught.

python -m tests.crash.unsynced NORMAL run ...
"""

from __future__ import annotations

import sys

from batchdub.cli.main import run_command
from batchdub.ledger import opening


def main(arguments):
    """Run a command with `PRAGMA synchronous` as the first argument says."""
    level, *command = arguments
    make_durable = opening._make_durable

    def make_hasty(path, database):
        make_durable(path, database)
        database.execute(f"PRAGMA synchronous = {level}")

    opening._make_durable = make_hasty
    return run_command(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
