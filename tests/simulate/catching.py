"""Trying the known-bad variants: the first seed that catches each, or none."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulate.mutants import MUTANTS, mutated
from tests.simulate.nights import simulate

CAUGHT_AT: dict[str, int] = {}
"""Where to begin: seeds that caught a variant before, so that the proof is quick."""


def catch(name: str, seeds: int, *, afresh: bool = False) -> tuple[int, str] | None:
    """Give a seed that catches a variant and what it says, or None; `afresh` the first one."""
    remembered = CAUGHT_AT.get(name)
    known = [] if afresh or remembered is None else [remembered]
    for seed in (*known, *range(seeds)):
        with mutated(name):
            report = simulate(seed)
        # A seed that the real program fails as well has caught nothing.
        if report.violations and not simulate(seed).violations:
            return seed, report.violations[0][:90]
    return None


def catch_all(seeds: int, jobs: int) -> Iterator[tuple[str, tuple[int, str] | None]]:
    """Try every variant."""
    names = list(MUTANTS)
    if jobs == 1:
        yield from ((name, catch(name, seeds, afresh=True)) for name in names)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from zip(
            names, pool.map(partial(catch, seeds=seeds, afresh=True), names), strict=True
        )
