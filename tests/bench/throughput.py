"""Orders a second without a limit: batchdub, the vendor's SDK both ways, a bare transport loop.

Every contender is a process of its own that reads the same manifest and orders every row of it
from a fresh server; the rounds are interleaved. batchdub's ledger is on a real disk, durable, and
its start, plan and end are part of its time. The books are the server's.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from tests.bench.measuring import batchdub_command, loop_command, measure, write_manifest
from tests.bench.table import note, print_trials

OURS = "batchdub"
NAMES = {
    OURS: None,
    "vendor's SDK on aiohttp": "sdk-aiohttp",
    "vendor's SDK as installed": "sdk",
    "bare transport": "transport",
}


def read_options(arguments, names, about):
    """Read what the parts that measure orders have in common."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--only", nargs="+", choices=names, default=list(names))
    parser.add_argument("--limit", nargs=2, default=(), metavar=("RATE", "KIND"),
                        help="the server's window: 60/min fixed, sliding or bucket")  # fmt: skip
    parser.add_argument("--folder", help="where the ledger goes; it should be a real disk")
    return parser.parse_args(arguments)


def main(arguments):
    """Measure in turn, and print the table."""
    options = read_options(arguments, NAMES, __doc__)
    trials = {name: [] for name in options.only}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        manifest = str(Path(folder) / "season.csv")
        write_manifest(manifest, options.rows)
        for _ in range(options.rounds):
            for name, runs in trials.items():
                command = _command(NAMES[name], manifest, options.concurrency)
                runs.append(measure(command, folder, limit=options.limit))
                note(f"{name}: {runs[-1].orders_per_s:,.0f} orders/s")
    print_trials(trials, compared=options.only[0])
    return 0


def _command(kind, manifest, concurrency):
    if kind is None:
        return partial(batchdub_command, manifest=manifest, concurrency=concurrency)
    return partial(loop_command, kind, manifest=manifest, concurrency=concurrency)
