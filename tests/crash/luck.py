"""What survives a power cut: the choices among writes and names that were not synced."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count

from tests.crash.disk import Truncate, sectors


@dataclass(frozen=True, slots=True)
class Certain:
    """Everything that was not synced is kept, or nothing; of names, and of writes by file."""

    names: bool
    writes_of: frozenset[str] | None

    def name(self, _name, *, made):
        return self.names or (made and self.writes_of is None)

    def writes(self, name, pending):
        return pending if self.writes_of is None or name in self.writes_of else ()


@dataclass(frozen=True, slots=True)
class TornLast:
    """All is kept but the end of each file's last write: so many sectors of it made it."""

    kept: int

    def name(self, _name, *, made):
        return True

    def writes(self, _name, pending):
        *whole, last = pending or [None]
        if last is None or isinstance(last, Truncate):
            return whole
        return [*whole, *sectors(last)[: self.kept]]


class Chance:
    """Any subset, in any order of arrival, torn anywhere; from a seed."""

    def __init__(self, seed) -> None:
        self._rng = random.Random(seed)  # noqa: S311  a fixed seed is the point
        self._kept = self._rng.choice((0.1, 0.5, 0.9))
        self._torn = self._rng.choice((0.0, 0.3))

    def name(self, _name, *, made):
        return self._rng.random() < 0.5

    def writes(self, _name, pending):
        kept = []
        for step in pending:
            if self._rng.random() >= self._kept:
                continue
            if isinstance(step, Truncate) or self._rng.random() >= self._torn:
                kept.append(step)
            else:
                kept += [part for part in sectors(step) if self._rng.random() < 0.5]
        return kept


def choices(disk, seed):
    """Give the choices worth trying at a moment: the plain ones, then by chance without end."""
    yield Certain(names=False, writes_of=frozenset())
    if disk.is_certain:
        return
    yield Certain(names=True, writes_of=None)
    for name in sorted({*disk.seen, *disk.certain}):
        yield Certain(names=True, writes_of=frozenset({name}))
        yield Certain(names=False, writes_of=frozenset({name}))
    for kept in range(9):
        yield TornLast(kept)
    for throw in count():
        yield Chance(f"{seed} {throw}")
