"""Rows that are not ordered, grouped by cause: hundreds of one cause are told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from batchdub.alike import cause_of
from batchdub.states import JobState
from batchdub.units import counted

FEW = 3
"""So many rows are told one by one, and so many of a larger group are named."""
_MOST = 100
_TOLD = 10
_OTHER = "of other causes"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that this run will not order although nobody has ordered it, and why.

    `state` is None if the plan left it out; `held` tells that it waits for a person.
    """

    source: str
    reference_id: str
    why: str
    state: JobState | None = None
    held: bool = False


@dataclass(slots=True)
class Group:
    """Rows of one state and one cause: how many, the first of them, and why in words."""

    why: str
    rows: int = 0
    first: list[LeftOut] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Tell a few rows one by one, and more of them together, with the first ones' places."""
        if self.rows <= FEW:
            yield from (row_line(row) for row in self.first)
            return
        named = ", ".join(f"{row.source}: `{row.reference_id}`" for row in self.first)
        yield f"{self.rows:,} rows {self.why}: {named} and {self.rows - len(self.first):,} more"


class Groups:
    """Takes rows as they pass by, in bounded memory."""

    def __init__(self) -> None:
        self._groups: dict[tuple[JobState | None, str], Group] = {}

    def add(self, row: LeftOut) -> None:
        """Take in one more row."""
        cause = cause_of(row.why)
        key = row.state, cause
        if key not in self._groups and len(self._groups) >= _MOST:
            key = row.state, _OTHER
        group = self._groups.setdefault(key, Group(_OTHER if key[1] == _OTHER else row.why))
        group.rows += 1
        if len(group.first) < FEW:
            group.first.append(row)
        if group.why != row.why:
            group.why = key[1]

    def lines(self) -> Iterator[str]:
        """Tell the ten largest groups, and how many rows there are besides."""
        groups = self.largest()
        for group in groups[:_TOLD]:
            yield from group.lines()
        if more := sum(group.rows for group in groups[_TOLD:]):
            yield f"… and {counted(more, 'more row')} that stay as they are"

    def largest(self) -> tuple[Group, ...]:
        """Give the groups, the largest first; of equal ones the one that was met first."""
        return tuple(sorted(self._groups.values(), key=lambda group: -group.rows))


def row_line(row: LeftOut) -> str:
    """Say of one row where it stands, and why it is not ordered."""
    where = f"{row.source}: " if row.source else ""
    return f"{where}`{row.reference_id}`: {row.why}"
