"""A Markdown table, for issue trackers and wikis; text from outside stays text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TextIO

from batchdub.report.cells import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MARKUP = re.compile(r"[\\|`*<>\[\]~]|(?<!\w)_|_(?!\w)")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def write_markdown(
    rows: Iterable[Mapping[str, object]], columns: Sequence[str], out: TextIO
) -> None:
    """Write a header, its rule, and one line a row."""
    out.write(_line(map(escape, columns)))
    out.write(_line("---" for _ in columns))
    for row in rows:
        out.write(_line(escape(cell_text(row.get(name))) for name in columns))


def write_title(lines: Sequence[str], out: TextIO) -> None:
    """Write what stands above the table, a paragraph a line."""
    for line in lines:
        out.write(f"{escape(line)}\n\n")


def escape(text: str) -> str:
    """Keep a cell in its cell: markup loses its meaning, a line end becomes `<br>`."""
    text = _ENTITY.sub("&amp;", _MARKUP.sub(lambda match: f"\\{match[0]}", text))
    return _CONTROL.sub(" ", _LINE_END.sub("<br>", text))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
