"""JSON: one array, or one object a line. Both name every column in every row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from batchdub.report.cells import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=plain)


def write_jsonl(rows: Iterable[Mapping[str, object]], columns: Sequence[str], out: TextIO) -> None:
    """Write one JSON object a line, keys in the columns' order."""
    for text in _objects(rows, columns):
        out.write(f"{text}\n")


def write_json(rows: Iterable[Mapping[str, object]], columns: Sequence[str], out: TextIO) -> None:
    """Write one JSON array with one object a line; no rows give an empty array."""
    separator = "[\n"
    for text in _objects(rows, columns):
        out.write(separator + text)
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _objects(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> Iterator[str]:
    for row in rows:
        yield _ENCODER.encode({name: row.get(name) for name in columns})
