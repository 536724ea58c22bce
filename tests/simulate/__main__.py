"""`python -m tests.simulate --seeds 2000 --jobs 2`: many seeds, a table, and a line to replay.

A run fails if a promise was broken, if a kind of fault was never hit, if a move of the states
that can be reached was never made, or if a seed that was lived twice left two different traces.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.simulate.catching import catch_all
from tests.simulate.faults import Fault
from tests.simulate.nights import simulate
from tests.simulate.reach import UNREACHED, never_hit

_CHUNK = 25
TWICE_EVERY = 50


@dataclass(slots=True)
class Sums:
    """What many seeds come to."""

    seeds: int = 0
    runs: int = 0
    deaths: int = 0
    rows: int = 0
    uncovered: int = 0
    by_audit: int = 0
    twice: int = 0
    hits: Counter[Fault] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Sums) -> None:
        """Take in the sums of other seeds."""
        for name in ("seeds", "runs", "deaths", "rows", "uncovered", "by_audit", "twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.hits.update(other.hits)
        self.moves.update(other.moves)
        self.failures.extend(other.failures)


def live(seeds: Iterable[int]) -> Sums:
    """Live through seeds, every fiftieth of them twice."""
    sums = Sums()
    for seed in seeds:
        report = simulate(seed)
        sums.add(
            Sums(
                1, report.runs, report.deaths, report.rows, report.uncovered,
                report.flagged_by_audit, 0, Counter(report.hits), Counter(report.moves),
                [(seed, report.violations[0])] if report.violations else [],
            )
        )  # fmt: skip
        if seed % TWICE_EVERY == 0:
            sums.twice += 1
            if simulate(seed).digest != report.digest:
                sums.failures.append((seed, "lived twice, it left two different traces"))
    return sums


def main() -> int:
    """Parse, live, tell."""
    wanted = _arguments().parse_args()
    if wanted.seed is not None:
        return _one(wanted.seed, trace=wanted.trace)
    if wanted.mutants:
        return _mutants(wanted.seeds, wanted.jobs)
    return _many(range(wanted.start, wanted.start + wanted.seeds), wanted.jobs)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, metavar="N", help="how many")
    parser.add_argument("--start", type=int, default=0, metavar="S", help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--seed", type=int, metavar="ONE", help="live through this one only")
    parser.add_argument("--trace", action="store_true", help="with --seed: tell all that happened")
    parser.add_argument("--mutants", action="store_true", help="try the known-bad variants")
    return parser


def _one(seed: int, *, trace: bool) -> int:
    report = simulate(seed)
    if trace or report.violations:
        _tell("\n".join(report.trace))
    for violation in report.violations:
        _tell(f"seed {seed}: {violation}")
    _tell(f"seed {seed}: {report.runs} runs, {report.deaths} deaths, trace {report.digest[:16]}")
    return 1 if report.violations else 0


def _many(seeds: range, jobs: int) -> int:
    began_s = time.monotonic()
    sums = Sums()
    for part in _parts(seeds, jobs):
        for seed, violation in part.failures:
            _tell(f"{violation}\n    replay: python -m tests.simulate --seed {seed} --trace")
        sums.add(part)
    took_s = time.monotonic() - began_s
    _tell(
        f"{sums.seeds} seeds ({sums.twice} lived twice), {sums.rows} rows, {sums.runs} runs,"
        f" {sums.deaths} deaths in {took_s:.0f} s\n"
        f"{sums.uncovered} times what no promise covers; {sums.by_audit} rows told by an audit only"
    )
    for fault in Fault:
        _tell(f"  {fault:24} {sums.hits[fault]:8}")
    for (state, event), number in sorted(sums.moves.items()):
        _tell(f"  {state} --{event}--> {number:8}")
    for (state, event), why in UNREACHED.items():
        _tell(f"  {state} --{event}--> not reached: {why}")
    gaps = list(never_hit(sums.hits, sums.moves))
    for gap in gaps:
        _tell(f"never happened: {gap}")
    _tell(f"{len(sums.failures)} seeds broke a promise")
    return 1 if sums.failures or gaps else 0


def _parts(seeds: range, jobs: int) -> Iterator[Sums]:
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    if jobs == 1:
        yield from map(live, chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(live, chunks)


def _mutants(seeds: int, jobs: int) -> int:
    survivors = 0
    for name, caught in catch_all(seeds, jobs):
        survivors += caught is None
        _tell(f"  {name:40} {'SURVIVED' if caught is None else f'seed {caught[0]}: {caught[1]}'}")
    _tell(f"{survivors} survived")
    return 1 if survivors else 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
