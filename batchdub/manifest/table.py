"""Tables as spreadsheets export them: records with the line they start at.

The separator is taken from the header alone: a comma in a title decides nothing. Columns are
worked out only where there is something to tell, from the text of the current record. A line
without any quote is cut at its separators; `csv` is for the others, and would give the same.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from batchdub.manifest.decoding import SAVE_AS, bad_byte
from batchdub.manifest.names import field_of
from batchdub.manifest.problems import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

_BLANK = " \t\r\n"
_LONGEST_LINE = 1 << 20
_LONGEST_RECORD = 1 << 22
_LONGEST_CELL = 131_072  # what `csv` takes
_QUOTED = r' *"[^"]*(?:""[^"]*)*" *'
_CELLS = {each: re.compile(rf"{_QUOTED}(?=[{each}\r\n]|\Z)|[^{each}\r\n]*") for each in ",;\t"}
_WHOLE_QUOTED = re.compile(_QUOTED)

Tell: TypeAlias = Callable[[int, int | None, str, str], None]
"""Told of a broken record: its line, the column if known, what is wrong, and what to do."""


class Table:
    """The records of a table. Reads as far as it is asked to; `header` is read at once.

    Raises UnreadableError where the rest cannot be read: an open quote, a byte that is not text.
    """

    def __init__(self, text: TextIOWrapper, tell: Tell) -> None:
        self._text = text
        self._tell = tell
        self._line_no = 0
        self._raw: list[str] = []
        self._raw_size = 0
        self._ahead = ""  # a line that was read, and is still to be given out by `_lines`
        self._source = self._lines()
        self._separator = ","
        self.header_line = 1
        self.sheet_row = 1
        """The current record's row in a spreadsheet, where a cell with line breaks is one row."""
        self.header = self._read_header()

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Give the line that each record starts at, and its trimmed cells, as many as the header's.

        Blank lines and records of empty cells are left out; others that do not fit are told.
        """
        reader = csv.reader(
            self._source, delimiter=self._separator, strict=True, skipinitialspace=True
        )
        width, separator = len(self.header), self._separator
        while True:
            line = self._begin_record()
            text = self._next_line()
            if not text:
                return
            if '"' in text or len(text) > _LONGEST_CELL:
                self._ahead = text
                try:
                    cells = next(reader)
                except csv.Error as error:
                    cells = self._mended(line, error)
            else:
                cells = text.split(separator)
            self.sheet_row += 1
            cells = [cell.strip(_BLANK) for cell in cells]
            if not any(cells):
                continue
            if len(cells) == width:
                yield line, cells
            else:
                self._tell_ragged(line, len(cells))

    def column_of(self, index: int) -> int | None:
        """Give the column, from 1, at which a cell of the current record begins.

        None if it does not begin in the record's first line.
        """
        text = "".join(self._raw)
        start = 0
        for _ in range(index):
            start = self._cell(text, start).end() + 1
        return start + 1 if start <= len(self._raw[0].rstrip("\r\n")) else None

    def _lines(self) -> Iterator[str]:
        while line := self._ahead or self._next_line():
            self._ahead = ""
            yield line

    def _next_line(self) -> str:
        """Read one more line of the current record; empty at the end of the file."""
        line = self._text.readline(_LONGEST_LINE)
        if not line:
            return line
        self._line_no += 1
        self._raw.append(line)
        self._raw_size += len(line)
        if len(line) == _LONGEST_LINE:
            raise UnreadableError(
                self._line_no, None, f"a line of {_LONGEST_LINE:,} characters or more"
            )
        if self._raw_size > _LONGEST_RECORD:
            self._stop_at_quote(self._line_no - len(self._raw) + 1)
        if not line.isascii():
            self._stop_at_bad_byte(line)
        return line

    def _stop_at_bad_byte(self, line: str) -> None:
        bad = bad_byte(line)
        if bad is not None:
            place, what, hint = bad
            raise UnreadableError(self._line_no, place + 1, what, hint)

    def _begin_record(self) -> int:
        self._raw.clear()
        self._raw_size = 0
        return self._line_no + 1

    def _read_header(self) -> list[str]:
        for line in self._source:
            if line.strip(_BLANK + ",;"):
                break
            self._begin_record()
            self.sheet_row += 1
        if not self._raw:
            raise UnreadableError(1, None, "has no rows", "the first line names the columns")
        nul = self._raw[0].find("\0")
        if nul >= 0:
            raise UnreadableError(self._line_no, nul + 1, "has a NUL, U+0000", SAVE_AS)
        self.header_line = self._line_no - len(self._raw) + 1
        while "".join(self._raw).count('"') % 2:
            if next(self._source, None) is None:
                self._stop_at_quote(self.header_line)
        choices = {each: self._split(each) for each in _CELLS}
        self._separator = max(choices, key=lambda each: _likeness(choices[each]))
        return choices[self._separator]

    def _split(self, separator: str) -> list[str]:
        cells = next(csv.reader(self._raw, delimiter=separator, skipinitialspace=True), [])
        return [cell.strip(_BLANK) for cell in cells]

    def _cell(self, text: str, start: int) -> re.Match[str]:
        match = _CELLS[self._separator].match(text, start)
        assert match is not None  # noqa: S101  the pattern matches the empty text
        return match

    def _mended(self, line: int, error: csv.Error) -> list[str]:
        """Split a record whose quoted cells are padded on the right; tell what cannot be split."""
        if str(error).startswith(("field larger", "unexpected end")):
            self._stop_at_quote(line)
        text = "".join(self._raw).rstrip("\r\n")
        cells, start = [], 0
        while start <= len(text):
            match = self._cell(text, start)
            cells.append(match[0])
            start = match.end() + 1
        broken = next((each for each in cells if _is_broken(each)), None)
        if broken is None:
            return [_unquoted(each) for each in cells]
        self._tell(
            line,
            self.column_of(cells.index(broken)),
            "text after a closing quote",
            'write a quote inside a quoted cell twice: `""`',
        )
        return []

    def _stop_at_quote(self, line: int) -> None:
        raise UnreadableError(
            line,
            self._open_quote(),
            "a quote is opened and never closed, or holds over 131,072 characters",
            "close it, or remove it",
        )

    def _open_quote(self) -> int | None:
        first = self._raw[0].rstrip("\r\n")
        start = 0
        while start < len(first):
            match = self._cell(first, start)
            if _is_broken(match[0]):
                return start + 1
            start = match.end() + 1
        return None

    def _tell_ragged(self, line: int, count: int) -> None:
        width = len(self.header)
        column = self.column_of(width) if count > width else None
        hint = f"put quotes around a cell that has a `{_shown(self._separator)}` in it"
        fewer = "leave a cell empty, but keep its separator"
        noun = "cell" if count == 1 else "cells"
        self._tell(
            line,
            column,
            f"{count} {noun} where the header has {width}",
            hint if count > width else fewer,
        )


def _likeness(cells: list[str]) -> tuple[int, int]:
    return sum(field_of(cell) is not None for cell in cells), len(cells)


def _is_broken(cell: str) -> bool:
    return cell.lstrip(" ").startswith('"') and _WHOLE_QUOTED.fullmatch(cell) is None


def _unquoted(cell: str) -> str:
    bare = cell.strip(_BLANK)
    return bare[1:-1].replace('""', '"') if bare.startswith('"') else bare


def _shown(separator: str) -> str:
    return "tab" if separator == "\t" else separator
