"""How long the shortest commands take to start, against a Python that does nothing.

Medians of many interleaved rounds: `--help` should stay within 6 times `python -c pass`, `status`
within 12. The CPU seconds are the steadier figure where others share the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from batchdub.clock import SystemClock
from batchdub.ledger import Ledger
from tests.bench.processes import cost_of

_BARE = "python -c pass"


def main(arguments):
    """Measure in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args(arguments).rounds
    with tempfile.TemporaryDirectory() as folder:
        Ledger(Path(folder) / "batchdub.db", SystemClock()).close()
        commands = _commands()
        costs = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                costs[name].append(cost_of(command, folder=folder))
    _print(costs)
    return 0


def _commands():
    program = str(Path(sys.executable).with_name("batchdub"))
    return {
        _BARE: [sys.executable, "-c", "pass"],
        "batchdub --help": [program, "--help"],
        "batchdub status": [program, "status"],
    }


def _print(costs):
    sys.stdout.write("| command | wall ms | times bare | CPU ms | times bare |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
    bare_wall_s, bare_cpu_s = _medians(costs[_BARE])
    for name, runs in costs.items():
        wall_s, cpu_s = _medians(runs)
        sys.stdout.write(
            f"| {name} | {1e3 * wall_s:.0f} | {wall_s / bare_wall_s:.1f}"
            f" | {1e3 * cpu_s:.0f} | {cpu_s / bare_cpu_s:.1f} |\n"
        )


def _medians(runs):
    return median(run.wall_s for run in runs), median(run.cpu_s for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
