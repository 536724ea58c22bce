"""Which of the ledger's rows a report has; an empty choice is told, with what there is instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import Any

from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries
from batchdub.ledger.overview import column_names
from batchdub.report.fields import report_row, shown_names
from batchdub.select import Selector, nothing_chosen
from batchdub.states import JobState

_SEEN_VALUES = 1000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of a report: those that `only` chooses, in one of `states`; all, without any."""

    only: Selector
    states: Collection[JobState] = ()

    @property
    def everything(self) -> bool:
        """Whether no row is left out."""
        return not self.only.wanted and not self.states

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of the ledger's report is chosen."""
        in_state = not self.states or row["state"] in self.states
        return in_state and self.only.chooses(row["columns"])


def parse_states(texts: Iterable[str]) -> frozenset[JobState]:
    """Read `STATE[,STATE…]`. Raises UnusableInputError, with what was meant."""
    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        if name not in set(JobState):
            near = get_close_matches(name, list(JobState), n=1)
            known = ", ".join(JobState)
            raise UnusableInputError(
                f"--state: `{name}` is not a state",
                f"did you mean `{near[0]}`?" if near else f"the states are {known}",
            )
    return frozenset(map(JobState, names))


def chosen_rows(ledger: Queries, chosen: Chosen) -> tuple[list[str], Iterator[dict[str, object]]]:
    """Give the manifests' own columns, and the chosen rows of the report as they stream.

    Every report of a ledger has the same columns, whatever is chosen. Raises UnusableInputError
    before any row if a choice was made and no row is in it.
    """
    names = column_names(ledger)
    shown = shown_names(names)
    seen: dict[str, set[str]] = {}
    states: set[str] = set()
    rows = (
        report_row(row, row["columns"], shown)
        for row in _watched(ledger.report_rows(), chosen, seen, states)
        if chosen.has(row)
    )
    first = next(rows, None)
    if first is None:
        if not chosen.everything:
            raise _nothing(chosen, seen, states)
        return names, iter(())
    return names, chain([first], rows)


def _watched(
    rows: Iterable[dict[str, Any]], chosen: Chosen, seen: dict[str, set[str]], states: set[str]
) -> Iterator[dict[str, Any]]:
    """Pass rows on, and note what there is to choose from, until one is chosen.

    `states` are those of the rows that the columns alone would choose.
    """
    none_yet = not chosen.everything
    for row in rows:
        if none_yet:
            if chosen.only.chooses(row["columns"]):
                states.add(row["state"])
            for name, value in row["columns"].items():
                values = seen.setdefault(name, set())
                if len(values) < _SEEN_VALUES:
                    values.add(value)
            none_yet = not chosen.has(row)
        yield row


def _nothing(
    chosen: Chosen, seen: Mapping[str, set[str]], states: Collection[str]
) -> UnusableInputError:
    only_misses = bool(chosen.only.wanted) and not states
    if only_misses or not chosen.states:
        return nothing_chosen(chosen.only, seen)
    wanted = " or ".join(sorted(chosen.states))
    among = " of those that --only chooses" if chosen.only.wanted else ""
    there = ", ".join(sorted(states)) or "none"
    return UnusableInputError(
        f"--state: no row{among} is {wanted}", f"the states that rows are in: {there}"
    )
