"""Counting a manifest's rows by file and by the values of the user's own columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchdub.models import Row

TALLY_COLUMNS = ("manifest", "column", "value", "rows")

_MOST_VALUES = 50
"""A column with more values than this tells rows apart, it does not group them."""


class Tally:
    """Counts rows in bounded memory, however many there are."""

    def __init__(self, manifests: Iterable[str]) -> None:
        self._rows: Counter[str] = Counter(dict.fromkeys(manifests, 0))
        self._columns: dict[str, dict[str, Counter[str]]] = {path: {} for path in self._rows}

    @property
    def total(self) -> int:
        """How many rows were counted."""
        return self._rows.total()

    def add(self, row: Row) -> None:
        """Count one row."""
        path = row.source.path
        self._rows[path] += 1
        columns = self._columns[path]
        for name, value in row.columns.items():
            counts = columns.get(name)
            if counts is None:
                counts = columns[name] = Counter()
            # One value too many is kept: it shows that this column does not group rows.
            if len(counts) <= _MOST_VALUES:
                counts[value] += 1

    def rows(self) -> Iterator[dict[str, object]]:
        """Give `TALLY_COLUMNS` of each manifest, then of each column that groups its rows."""
        for manifest, count in self._rows.items():
            yield {"manifest": manifest, "rows": count}
            for name, counts in self._columns[manifest].items():
                if len(counts) <= _MOST_VALUES and len(counts) < count:
                    yield from _value_rows(manifest, name, counts)


def _value_rows(manifest: str, name: str, counts: Counter[str]) -> Iterator[dict[str, object]]:
    for value, count in counts.items():
        yield {"manifest": manifest, "column": name, "value": value, "rows": count}
