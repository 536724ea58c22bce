"""What is wrong with a manifest, and where: gathered, sorted, and bounded in memory.

A spreadsheet of a million rows with one wrong formula has a million problems. People mend the
first few and run again, so only the first hundred are kept; all of them are counted.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from batchdub.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_QUOTE = 60
KEPT = 100
"""How many problems, and how many warnings, are kept to be shown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: in a file, at a line, in a field.

    `path` is as it was given. `line` and `column` count from 1, in characters; `line` is None
    where the whole file is meant, `column` where it cannot be known. `field` may be empty.
    `what` says what is wrong, `hint` what to do; neither holds a URL. `sheet_row` is the row in a
    spreadsheet where that is not the line, because a cell before it has line breaks.
    """

    path: str
    line: int | None
    column: int | None
    field: str
    what: str
    hint: str = ""
    sheet_row: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        text = f"{place}: {self.field}: {self.what}" if self.field else f"{place}: {self.what}"
        row = f"row {self.sheet_row} in a spreadsheet" if self.sheet_row else ""
        more = "; ".join(filter(None, (row, self.hint)))
        return f"{text} ({more})" if more else text


_Key: TypeAlias = tuple[int, int, int, int]


class _First:
    """Keeps the first `KEPT` of many problems by their order, and counts all of them.

    A problem equal to one that is kept counts once: a template in `defaults` is wrong once,
    however many rows it fills.
    """

    def __init__(self) -> None:
        self.total = 0
        self._heap: list[tuple[_Key, Problem]] = []  # keys negated: the last of the kept on top
        self._kept: set[Problem] = set()

    def add(self, order: int, problem: Problem) -> None:
        if problem in self._kept:
            return
        self.total += 1
        key = (-order, -(problem.line or 0), -(problem.column or 0), -self.total)
        if len(self._heap) < KEPT:
            heapq.heappush(self._heap, (key, problem))
            self._kept.add(problem)
        elif key > self._heap[0][0]:
            _, last = heapq.heappushpop(self._heap, (key, problem))
            self._kept.remove(last)
            self._kept.add(problem)

    def sorted(self) -> tuple[Problem, ...]:
        return tuple(problem for _, problem in sorted(self._heap, reverse=True))


class Problems:
    """Collects problems and warnings of one or more manifests.

    They sort by the order in which the paths were given, then line, then column. `blocking` says
    whether one of them concerns more than a single row, so that leaving rows out does not help;
    `rows_left_out` counts the rows that were not given out because of a problem of their own.
    """

    def __init__(self) -> None:
        self.blocking = False
        self.rows_left_out = 0
        self._problems = _First()
        self._warnings = _First()
        self._order: dict[str, int] = {}

    @property
    def total(self) -> int:
        """How many problems there are, kept or not."""
        return self._problems.total

    @property
    def warnings_total(self) -> int:
        """How many warnings there are, kept or not."""
        return self._warnings.total

    def first(self) -> tuple[Problem, ...]:
        """Give the first hundred problems, sorted."""
        return self._problems.sorted()

    def warnings(self) -> tuple[Problem, ...]:
        """Give the first hundred warnings, sorted."""
        return self._warnings.sorted()

    def expect(self, paths: Iterable[str]) -> None:
        """Fix the order of the paths; a path that was not told comes after those that were."""
        for path in paths:
            self._order.setdefault(path, len(self._order))

    def add(self, problem: Problem, *, of_row: bool = False) -> None:
        """Add a problem; `of_row` if leaving out one row would make the rest usable."""
        self.blocking = self.blocking or not of_row
        self._problems.add(self._order_of(problem), problem)

    def warn(self, problem: Problem) -> None:
        """Add something that looks wrong, but is used as it stands."""
        self._warnings.add(self._order_of(problem), problem)

    def raise_if_any(self, *, skip_rows: bool = False) -> None:
        """Raise ManifestError with the first hundred as lines, and the count of all.

        With `skip_rows` only if one of them is `blocking`.
        """
        if self.total and (self.blocking or not skip_rows):
            lines = [str(problem) for problem in self.first()]
            raise ManifestError(lines, self.total, of_rows=not self.blocking)

    def _order_of(self, problem: Problem) -> int:
        return self._order.setdefault(problem.path, len(self._order))


def quoted(text: str) -> str:
    """Write a piece of a manifest in backticks, short, printable, and without what may be secret.

    Cells may have slipped by a column, so any text may be a signed link: links are not shown, and
    nothing after a `?` is.
    """
    if "://" in text or "@" in text:
        return "`[a link]`"
    head, cut, _ = text.partition("?")
    plain = "".join(letter if letter.isprintable() else _escaped(letter) for letter in head[:200])
    dots = "…" if cut or len(plain) > _LONGEST_QUOTE or len(head) > 200 else ""
    return f"`{plain[:_LONGEST_QUOTE]}{dots}`"


def shown_name(name: str) -> str:
    """Write the name of a field as it stands before a colon: as `quoted`, without backticks."""
    return name if name.isidentifier() else quoted(name)[1:-1]


def _escaped(letter: str) -> str:
    return f"<U+{ord(letter):04X}>"


class UnreadableError(Exception):
    """A manifest cannot be read any further: where that is, and what is wrong."""

    def __init__(self, line: int | None, column: int | None, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.column = column
        self.what = what
        self.hint = hint

    def in_file(self, path: str) -> Problem:
        """Give the problem that this is for the file."""
        return Problem(path, self.line, self.column, "", self.what, self.hint)
