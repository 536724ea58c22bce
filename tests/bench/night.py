"""A whole night of orders at 60/min with one fault in a hundred, on the virtual clock."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.long_night import long_night
from tests.support.virtual import virtual_run


def main(arguments):
    """Print how long the night took and what it kept; 1 if it was not within 1 % of the ideal."""
    parser = argparse.ArgumentParser(prog="night", description=__doc__)
    parser.add_argument("--jobs", type=int, default=28_800)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=60.0, help="seconds")
    options = parser.parse_args(arguments)
    jobs = options.jobs
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        weigh = (jobs * 5 // 6, jobs * 35 // 36)
        night = long_night(
            Path(folder), jobs, seed=options.seed, settle_s=options.settle, weigh=weigh
        )
        taken = virtual_run(night)
    ratio = taken.elapsed_s / taken.ideal_s
    once = set(taken.books.values()) == {1} and len(taken.books) == jobs
    sys.stdout.write(
        f"jobs {jobs:,}, exit {taken.exit_code}, each ordered once: {once}, 429s {taken.refused}\n"
        f"virtual {taken.elapsed_s:,.1f} s, ideal {taken.ideal_s:,.1f} s, ratio {ratio:.4f}\n"
        f"real {time.monotonic() - began_s:,.1f} s; between orders {weigh[0]:,} and {weigh[1]:,}"
        f" the run kept {taken.grown_bytes:,} bytes\n"
        f"findings {taken.findings}\n"
    )
    return 0 if ratio <= 1.01 and once and taken.exit_code == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
