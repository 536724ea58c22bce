"""Trying the known-bad variants: the first seed that catches each, or none."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulate.mutants import MUTANTS, mutated
from tests.simulate.nights import simulate

_MISFITS = tuple(
    f"an unexpected end: {kind}" for kind in ("AttributeError", "NameError", "TypeError")
)

CAUGHT_AT: dict[str, int] = {
    "account not pinned": 3,
    "account not reckoned": 20,
    "cap ignores what is in doubt": 3,
    "completed without asking how it ended": 9,
    "created at not looked at": 19,
    "day cap forgets earlier runs": 33,
    "duplicates not recorded": 4,
    "echo not checked": 181,
    "failed commit taken for done": 66,
    "failed look taken for absent": 210,
    "first page only": 0,
    "later look skipped": 343,
    "list filter trusted": 66,
    "lost file not noticed": 29,
    "lost reply retried at once": 3,
    "money cap of a run counts orders only": 29,
    "new ledger looks at a sample only": 272,
    "no intent before the post": 0,
    "no look before a further try": 6,
    "no settle window": 8,
    "one look only": 3,
    "order again after a 2xx without id": 6,
    "outcome not shielded": 3,
    "pace forgotten at restart": 117,
    "pause of one worker only": 10,
    "redirect followed": 5,
    "revision sent under the old id": 4,
    "sending never recovered": 0,
    "sending recovered to pending": 95,
    "server error retried at once": 7,
    "start look skipped": 4,
    "swapped id believed": 3,
    "token limit passed over": 15,
    "two runs without a lock": 5,
    "unknown id taken for absent": 61,
    "unsynced commit": 95,
    "whole query cut from the identity": 0,
    "window by the date header": 35,
    "window by the wall clock": 9,
}
"""Where to begin: seeds that caught a variant before, so that the proof is quick."""


def catch(name: str, seeds: int, *, afresh: bool = False) -> tuple[int, str] | None:
    """Give a seed that catches a variant and what it says, or None; `afresh` the first one."""
    remembered = CAUGHT_AT.get(name)
    known = [] if afresh or remembered is None else [remembered]
    for seed in (*known, *range(seeds)):
        with mutated(name):
            report = simulate(seed)
        _require_fitting(name, report.violations)
        # A seed that the real program fails as well has caught nothing.
        if report.violations and not simulate(seed).violations:
            return seed, report.violations[0][:90]
    return None


def _require_fitting(name: str, violations: list[str]) -> None:
    """Refuse a variant that crashes because the program has changed: that proves nothing."""
    for violation in violations:
        if violation.startswith(_MISFITS):
            raise AssertionError(f"the variant `{name}` does not fit the program: {violation}")


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
