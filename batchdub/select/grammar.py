"""Choosing rows: one grammar wherever rows are chosen, on every command.

    --only language=ja,ko --only season=2    the language is ja or ko, and the season is 2
    --id 'S02E0[1-5]*,S03*'                  the reference_id fits one of these
    --state failed,rejected                  the stored state is one of these

Values are alternatives; several `--only`, and different options, must all hold. `*`, `?` and
`[…]` stand for other characters, and letters keep their case. A value in double quotes is taken
as it is, its commas and stars too; two quotes within it are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from batchdub.errors import UnusableInputError
from batchdub.select.nearness import near
from batchdub.states import JobState

_VALUE = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",][^,]*?)|)\s*(,|$)')
_WILD = re.compile(r'[*?\["]|,|^\s|\s$|^$')


@dataclass(frozen=True, slots=True)
class Pattern:
    """A value that is wanted; a `quoted` one fits only itself."""

    text: str
    quoted: bool = False

    @property
    def exact(self) -> bool:
        """Whether it can only mean one value."""
        return self.quoted or not _WILD.search(self.text)

    def fits(self, value: str) -> bool:
        """Whether a value is this one, or one that it stands for."""
        return value == self.text or (not self.quoted and fnmatchcase(value, self.text))


@dataclass(frozen=True, slots=True)
class Clause:
    """What one option asks of a row; `column` is empty but for `--only`."""

    option: str
    patterns: tuple[Pattern, ...]
    column: str = ""

    def value_of(self, reference_id: str, columns: Mapping[str, str], state: str) -> str | None:
        """Give the value of a row that this is about; None if it has no such column."""
        if self.column:
            return columns.get(self.column)
        return reference_id if self.option == "--id" else state

    def holds(self, value: str | None) -> bool:
        """Whether the value is one of those wanted."""
        return value is not None and any(pattern.fits(value) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Selector:
    """What is asked of rows; without any clause it chooses every row."""

    clauses: tuple[Clause, ...] = ()

    def chooses(self, reference_id: str, columns: Mapping[str, str], state: str = "") -> bool:
        """Whether a row is chosen."""
        return not self.clauses or all(
            clause.holds(clause.value_of(reference_id, columns, state)) for clause in self.clauses
        )

    def names(self, reference_id: str) -> bool:
        """Whether `--id` has this very reference_id, and not a pattern that fits it."""
        return any(
            pattern.exact and pattern.text == reference_id
            for clause in self.clauses
            if clause.option == "--id"
            for pattern in clause.patterns
        )


def parse_selection(
    only: Iterable[str] = (), ids: Iterable[str] = (), states: Iterable[str] = ()
) -> Selector:
    """Read the options of a selection. Raises UnusableInputError for what chooses nothing."""
    clauses = [_parse_only(text) for text in only]
    for option, texts in (("--id", ids), ("--state", states)):
        # A row has one of each, so that naming it again can only mean one more.
        patterns = tuple(pattern for text in texts for pattern in _parse_values(option, text))
        if patterns:
            clauses.append(Clause(option, patterns))
    _require_states(clauses)
    return Selector(tuple(clauses))


def as_value(text: str) -> str:
    """Write a value so that it is chosen and no other is."""
    return '"' + text.replace('"', '""') + '"' if _WILD.search(text) else text


def _parse_only(text: str) -> Clause:
    name, equals, values = text.partition("=")
    if not equals or not name.strip():
        raise _no_choice("--only", text)
    return Clause("--only", _parse_values("--only", values, text), name.strip())


def _parse_values(option: str, text: str, whole: str = "") -> tuple[Pattern, ...]:
    patterns: list[Pattern] = []
    place, more = 0, ","
    while more:
        match = _VALUE.match(text, place)
        if match is None or (match[1] is None and not match[2]):
            raise _no_choice(option, whole or text)
        quoted = match[1] is not None
        patterns.append(Pattern(match[1].replace('""', '"') if quoted else match[2], quoted))
        place, more = match.end(), match[3]
    return tuple(patterns)


def _no_choice(option: str, text: str) -> UnusableInputError:
    example = {
        "--only": "write COLUMN=VALUE, such as language=ja,ko",
        "--id": "write a reference_id or a pattern, such as 'S02E0[1-5]*'",
        "--state": f"the states are {', '.join(JobState)}",
    }[option]
    return UnusableInputError(
        f"{option}: `{text}` chooses nothing",
        f'{example}; a value with a comma or a quote stands in double quotes, "one, two"',
    )


def _require_states(clauses: Iterable[Clause]) -> None:
    for clause in clauses:
        for pattern in clause.patterns if clause.option == "--state" else ():
            if not any(map(pattern.fits, JobState)):
                known = f"the states are {', '.join(JobState)}"
                raise UnusableInputError(
                    f"--state: `{pattern.text}` is not a state",
                    near([pattern.text], JobState, known),
                )
