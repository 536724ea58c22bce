"""Orders a second on a disk that takes 10 ms to sync: intents and outcomes share its flushes.

`strace` holds every fsync and fdatasync of the run for so long; it stops the process at no other
call. With one flush for each commit 32 workers could not order more than 50 a second.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench.measuring import batchdub_command, measure, write_manifest
from tests.bench.table import note, print_trials
from tests.crash.tracing import missing

_CALLS = "fsync,fdatasync"


def main(arguments):
    """Measure with syncs of several lengths, and print the table."""
    options = _options(arguments)
    if missing():
        note(missing())
        return 1
    trials = {f"{delay_ms:g} ms a sync": [] for delay_ms in options.delay_ms}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        manifest = str(Path(folder) / "season.csv")
        write_manifest(manifest, options.rows)
        for _ in range(options.rounds):
            for (name, runs), delay_ms in zip(trials.items(), options.delay_ms, strict=True):
                runs.append(measure(_slowed(manifest, options.concurrency, delay_ms), folder))
                note(f"{name}: {runs[-1].ordering_per_s:,.0f} orders/s")
    print_trials(trials, compared=next(iter(trials)))
    return 0


def _options(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--delay-ms", type=float, nargs="+", default=[10.0, 0.0])
    parser.add_argument("--folder", help="where the ledger goes")
    return parser.parse_args(arguments)


def _slowed(manifest, concurrency, delay_ms):
    strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={_CALLS}"]
    if delay_ms:
        strace += ["-e", f"inject={_CALLS}:delay_exit={round(delay_ms * 1000)}"]
    return lambda base_url: [*strace, *batchdub_command(base_url, manifest, concurrency)]
