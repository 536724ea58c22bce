"""Orders a second on the wire alone: what each layer above the sockets costs. No ledger.

From aiohttp's session, over the transport and httpx's client on top of it, to batchdub's own call
with its deadline, its caps and its classification of the answer.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from tests.bench.measuring import loop_command, measure, write_manifest
from tests.bench.table import note, print_trials
from tests.bench.throughput import read_options

NAMES = {
    "batchdub's call": "order",
    "httpx client on it": "client",
    "transport": "transport",
    "aiohttp session": "session",
}


def main(arguments):
    """Measure in turn, and print the table."""
    options = read_options(arguments, NAMES, __doc__)
    trials = {name: [] for name in options.only}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        manifest = str(Path(folder) / "season.csv")
        write_manifest(manifest, options.rows)
        for _ in range(options.rounds):
            for name, runs in trials.items():
                command = partial(
                    loop_command, NAMES[name], manifest=manifest, concurrency=options.concurrency
                )
                runs.append(measure(command, folder))
                note(f"{name}: {runs[-1].ordering_per_s:,.0f} orders/s")
    print_trials(trials, compared=options.only[0])
    return 0
