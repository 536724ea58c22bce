"""An open ledger to put questions to: the connection, and how its errors are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from batchdub.ledger import opening
from batchdub.ledger.schema import present_guards

_CHUNK = 500  # host parameters of one statement; SQLite's own limit is far above


class Reading:
    """Questions in SQL to an open ledger, and their answers as they come."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query, one by one: for the ledger's own rooms.

        Raises LedgerUnusableError where SQLite finds the file damaged.
        """
        with opening.told_plainly(self.path):
            # A cursor itself would be closed for a reader who stopped half-way, perhaps after the
            # ledger was; its `fetchone` is not.
            yield from iter(self._connection.execute(query, values).fetchone, None)

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Give the rows of a query that has few, all at once: this takes less time for each."""
        with opening.told_plainly(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Make all questions asked inside see the ledger at one moment, while a run writes."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()  # nothing was written; this only ends the reading

    def guards(self) -> dict[str, str]:
        """Give the file's triggers and indexes as SQL, by name."""
        with opening.told_plainly(self.path):
            return present_guards(self._connection)

    def schema_version(self) -> int:
        """Give the schema's version: an older ledger may be read, the next run brings it up."""
        return int(self._one("PRAGMA user_version")[0])

    def meta(self, name: str) -> str | None:
        """Give a fact about the ledger itself, such as `api`, the API it is bound to."""
        row = self._maybe("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    def _dicts(self, query: str, *values: object) -> list[dict[str, Any]]:
        return list(self.as_dicts(query, values))

    def as_dicts(self, query: str, values: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        """Give the rows of a query by column, one by one, as `ask` does."""
        with opening.told_plainly(self.path):
            cursor = self._connection.execute(query, values)
            names = [column[0] for column in cursor.description]
            for row in iter(cursor.fetchone, None):
                yield dict(zip(names, row, strict=True))

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        return next(self.ask(query, values))

    def _maybe(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        return next(self.ask(query, values), None)


def marks_for(values: Sequence[Any]) -> str:
    """Give a question mark for each value, as an `IN (…)` takes them."""
    return ", ".join("?" * len(values))


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a sequence into pieces that fit into one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
