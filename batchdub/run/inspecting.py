"""Looking at rows while they are read, when line and column are known: dead links, wrong pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batchdub.ledger import Queries, open_for_reading
from batchdub.manifest import Fault, Problem, Problems
from batchdub.models import Row
from batchdub.plan import decide
from batchdub.preflight import FRESH_LINKS, Doubt, PairCheck, dead_links

Sends = Callable[[Row], bool]
"""Tells whether a run would order a row, as far as the ledger knows."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What is looked at: links that are dead at `now`, and whether `pairs` look wrong.

    A dead link is a problem only of a row that is still to be ordered, so the ledger at
    `ledger_path` is asked; without one every row is. With `strict` a wrong pair is a problem.
    """

    now: datetime
    ledger_path: Path | None = None
    dead: bool = True
    pairs: bool = True
    strict: bool = False


class Inspector:
    """Looks at the chosen rows of manifests as they are read; `takes` says which are chosen."""

    def __init__(
        self, checks: Checks, problems: Problems, takes: Callable[[Row], bool], sends: Sends
    ) -> None:
        self._checks = checks
        self._problems = problems
        self._takes = takes
        self._sends = sends
        self._pairs = PairCheck()
        self._doubts: list[tuple[Doubt, Problem, str]] = []

    def __call__(self, row: Row, problem_at: Callable[[str, Fault], Problem]) -> None:
        """Look at one more row."""
        if not self._takes(row):
            return
        if self._checks.dead:
            self._look_for_dead_links(row, problem_at)
        for doubt in self._pairs.look(row) if self._checks.pairs else ():
            problem = problem_at(doubt.field, Fault(doubt.what, doubt.hint))
            self._doubts.append((doubt, problem, row.reference_id))

    def finish(self) -> frozenset[str]:
        """Tell which pairs look wrong, now that all rows were seen.

        Gives the reference_ids whose rows have a problem by it: none unless strict.
        """
        believed = [item for item in self._doubts if self._pairs.believes(item[0])]
        if not self._checks.strict:
            for _, problem, _ in believed:
                self._problems.warn(problem)
            return frozenset()
        for _, problem, _ in believed:
            self._problems.add(problem, of_row=True)
        return frozenset(reference_id for _, _, reference_id in believed)

    def _look_for_dead_links(self, row: Row, problem_at: Callable[[str, Fault], Problem]) -> None:
        dead = dead_links(row, self._checks.now)
        if dead and self._sends(row):
            for name, what in dead:
                self._problems.add(problem_at(name, Fault(what, FRESH_LINKS)), of_row=True)


@contextmanager
def asking_ledger(path: Path | None) -> Iterator[Sends]:
    """Give what tells whether a row would be sent; the ledger is opened only if it is asked."""
    if path is None or not path.is_file() or not path.stat().st_size:
        yield lambda _: True
        return
    opened: list[Queries] = []

    def sends(row: Row) -> bool:
        if not opened:
            opened.append(open_for_reading(path))
        job = opened[0].latest_jobs([row.reference_id]).get(row.reference_id)
        return decide(row, 0, job).fate.sends

    try:
        yield sends
    finally:
        for ledger in opened:
            ledger.close()
