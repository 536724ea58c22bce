"""Choosing rows as they pass by, and saying what there was instead when none was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchdub.errors import UnusableInputError
from batchdub.select.grammar import Clause, Selector
from batchdub.select.nearness import near

_KEPT = 20_000
_OURS = {"reference_id": "--id", "state": "--state"}


@dataclass(slots=True)
class _Watched:
    """A clause, whether any row alone has held it, and the values that there were."""

    clause: Clause
    held: bool = False
    seen: set[str] = field(default_factory=set)

    def holds(self, value: str | None) -> bool:
        held = self.clause.holds(value)
        self.held |= held
        if value is not None and len(self.seen) < _KEPT:
            self.seen.add(value)
        return held


class Choosing:
    """Chooses rows as they pass by, and notes what there is to choose from."""

    def __init__(self, selector: Selector) -> None:
        self.chosen = 0
        self._watched = [_Watched(clause) for clause in selector.clauses]
        self._columns: set[str] = set()
        self._named = {
            pattern.text
            for clause in selector.clauses
            for pattern in clause.patterns
            if clause.option == "--id" and pattern.exact
        }

    def chooses(self, reference_id: str, columns: Mapping[str, str], state: str = "") -> bool:
        """Whether a row is chosen."""
        if not self._watched:
            self.chosen += 1
            return True
        held = [
            each.holds(each.clause.value_of(reference_id, columns, state)) for each in self._watched
        ]
        chosen = all(held)
        self._named.discard(reference_id)
        self._columns.update(() if self.chosen else columns)
        self.chosen += chosen
        return chosen

    def require_any(self) -> None:
        """Raise UnusableInputError, with near misses, if a choice was made and no row is in it."""
        if not self._watched or self.chosen:
            return
        for each in self._watched:
            if not each.held:
                raise self._missing(each)
        options = " and ".join(dict.fromkeys(each.clause.option for each in self._watched))
        raise UnusableInputError(
            f"{options}: no row has all of these at once",
            "all options must hold; the values of one, as in language=ja,ko, are alternatives",
        )

    def require_all(self) -> None:
        """Require besides that every row is there that was named by its whole reference_id."""
        self.require_any()
        for each in self._watched:
            if each.clause.option == "--id" and self._named:
                raise _no_such_row(sorted(self._named), each.seen)

    def _missing(self, each: _Watched) -> UnusableInputError:
        clause = each.clause
        texts = [pattern.text for pattern in clause.patterns]
        if clause.option == "--state":
            wanted = " or ".join(texts)
            return UnusableInputError(
                f"--state: no row is {wanted}", near((), each.seen, "rows are")
            )
        if clause.option == "--id":
            return _no_such_row(texts, each.seen)
        if clause.column not in self._columns:
            return self._no_column(clause.column)
        return UnusableInputError(
            f"--only: no row has {clause.column}=`{texts[0]}`",
            near(texts, each.seen, f"the values of `{clause.column}` are"),
        )

    def _no_column(self, name: str) -> UnusableInputError:
        hint = near([name], self._columns, "the columns are")
        if name in _OURS:
            hint = f"that is chosen with `{_OURS[name]}`"
        return UnusableInputError(f"--only: no row has a column `{name}`", hint)


def _no_such_row(texts: list[str], seen: set[str]) -> UnusableInputError:
    wanted = " or ".join(f"`{text}`" for text in texts[:3])
    return UnusableInputError(
        f"--id: there is no row {wanted}", near(texts, seen, "the first rows are")
    )
