"""The operating system's faults, by command: as many as one likes.

    python -m tests.crash kills --kills 300 --jobs 2
    python -m tests.crash power --images 20000 --jobs 2
    python -m tests.crash errno --jobs 2

Each prints a table, and exits 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import sys

from tests.crash import faults, kills, power


def main(arguments):
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    commands = parser.add_subparsers(required=True)
    _add_kills(commands)
    _add_power(commands)
    _add_errno(commands)
    wanted = vars(parser.parse_args(arguments))
    return wanted.pop("main")(**wanted)


def _add_kills(commands):
    command = commands.add_parser("kills", help="kill -9 at every system call that bears on state")
    command.add_argument("--kills", type=int, default=300, dest="wanted", help="how many")
    command.add_argument("--jobs", type=int, default=2)
    command.add_argument("--replay", help="one trial, as a violation's line names it")
    command.set_defaults(main=kills.main)


def _add_power(commands):
    command = commands.add_parser("power", help="disk images after a power cut at any write")
    command.add_argument("--images", type=int, default=20_000, help="how many different ones")
    command.add_argument("--jobs", type=int, default=2)
    command.set_defaults(main=power.main)


def _add_errno(commands):
    command = commands.add_parser("errno", help="refusals, full disks, damage, signals, two runs")
    command.add_argument("--number", type=int, default=120, help="trials of a section")
    command.add_argument("--every-ms", type=int, default=50, help="between moments of a signal")
    command.add_argument("--only", nargs="+", choices=faults.SECTIONS, default=faults.SECTIONS)
    command.add_argument("--jobs", type=int, default=2)
    command.add_argument("--replay", help="one refusal, as a violation's line names it")
    command.set_defaults(main=faults.main)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
