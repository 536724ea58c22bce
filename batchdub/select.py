"""Choosing rows by their columns: one grammar wherever rows are chosen.

`language=ja,ko season=2` chooses the rows whose language is ja or ko, and whose season is 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from batchdub.errors import UnusableInputError


@dataclass(frozen=True, slots=True)
class Selector:
    """Columns and the values that each may have; without any it chooses every row."""

    wanted: Mapping[str, frozenset[str]]

    def chooses(self, columns: Mapping[str, str]) -> bool:
        """Whether a row with these columns is chosen."""
        return all(columns.get(name) in values for name, values in self.wanted.items())


def parse_only(texts: Iterable[str]) -> Selector:
    """Read `COLUMN=VALUE[,VALUE…]`; the same column twice adds values."""
    wanted: dict[str, frozenset[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise UnusableInputError(
                f"`{text}` chooses nothing", "write COLUMN=VALUE, such as language=ja,ko"
            )
        chosen = frozenset(value.strip() for value in values.split(","))
        wanted[name.strip()] = wanted.get(name.strip(), frozenset()) | chosen
    return Selector(wanted)


def nothing_chosen(selector: Selector, seen: Mapping[str, Iterable[str]]) -> UnusableInputError:
    """Explain why no row was chosen; `seen` are the columns and values that there are."""
    for name, values in selector.wanted.items():
        if name not in seen:
            return UnusableInputError(
                f"--only: no row has a column `{name}`", _near([name], seen, "the columns are")
            )
        missing = sorted(values - set(seen[name]))
        if missing:
            return UnusableInputError(
                f"--only: no row has {name}=`{missing[0]}`",
                _near(missing, seen[name], f"the values of `{name}` are"),
            )
    return UnusableInputError("--only: no row has all of these at once")


def _near(missing: Iterable[str], existing: Iterable[str], otherwise: str) -> str:
    choices = sorted(set(existing))
    for text in missing:
        if close := get_close_matches(text, choices, n=3):
            return "did you mean " + " or ".join(f"`{choice}`" for choice in close) + "?"
    return f"{otherwise} " + ", ".join(f"`{choice}`" for choice in choices[:10])
