"""Reading manifests: one after the other, each once, as a stream of rows.

Nothing is raised for what is wrong with a manifest: it is added to the problems, and the reading
goes on as far as it makes sense.
"""

from __future__ import annotations

import os
from operator import itemgetter
from typing import TYPE_CHECKING

from batchdub.manifest.decoding import bad_byte, open_text
from batchdub.manifest.document import Document
from batchdub.manifest.files import (
    MOST_DOCUMENT_BYTES,
    MOST_TABLE_BYTES,
    HashedFile,
    ManifestFile,
    open_error,
)
from batchdub.manifest.header import read_header
from batchdub.manifest.kinds import Kind, kind_of_file
from batchdub.manifest.names import AUDIO, FLAG, REFERENCE, VIDEO
from batchdub.manifest.problems import Problem, Problems, UnreadableError, shown_name
from batchdub.manifest.rows import MOST_ROWS, Draft, Inspect, Maker, Remaker, RowMaker
from batchdub.manifest.strict_json import read_json
from batchdub.manifest.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import TextIOWrapper

    from batchdub.manifest.fields import Fault
    from batchdub.manifest.tree import Node
    from batchdub.models import Row


def read_manifests(
    paths: Sequence[str],
    problems: Problems,
    *,
    files: list[ManifestFile] | None = None,
    inspect: Inspect | None = None,
    keys: bytearray | None = None,
) -> Iterator[Row]:
    """Give the valid rows of all manifests, in their order, and add what is wrong to `problems`.

    The rows are a stream: only when it is exhausted are the problems complete, and until then no
    row may be ordered. reference_ids are unique over all the files. `files`, if given, gets each
    file that could be read to its end, hashed from the bytes that the rows came from. `inspect`
    sees every valid row while its line and columns are known. `keys`, if given, gets the media keys
    of the rows, packed, for `read_again`.
    """
    problems.expect(paths)
    yield from _read(paths, problems, RowMaker(problems, inspect, keys), files)


def read_again(paths: Sequence[str], files: list[ManifestFile], keys: bytes) -> Iterator[Row]:
    """Give the rows of manifests that were read before without any problem, and gave these `keys`.

    They are not checked again, so a row is worth nothing unless `files` turns out as it was, which
    is known when the stream is exhausted; a file that cannot be read any more is not among it.
    """
    yield from _read(paths, Problems(), Remaker(keys), files)


def _read(
    paths: Sequence[str], problems: Problems, maker: Maker, files: list[ManifestFile] | None
) -> Iterator[Row]:
    opened: dict[tuple[int, int], str] = {}
    for path in paths:
        maker.begin(path)
        try:
            with _open(path, opened) as file:
                yield from _rows(path, file, problems, maker)
                if files is not None:
                    files.append(file.finish())
        except UnreadableError as error:
            problems.add(error.in_file(path))
        except OSError as error:
            problems.add(UnreadableError(None, None, *open_error(error)).in_file(path))


def _open(path: str, opened: dict[tuple[int, int], str]) -> HashedFile:
    if path == "-":
        hint = "save it to a file: a manifest is read again by `resume` and `retry`"
        raise UnreadableError(None, None, "a manifest is not read from standard input", hint)
    if not _is_text(os.path.abspath(path)):  # noqa: PTH100  as the ledger has it
        raise UnreadableError(None, None, "its path is not UTF-8, so no ledger can hold it",
                              "rename the file or the folder")  # fmt: skip
    try:
        file = HashedFile(path)
    except ValueError as error:
        raise UnreadableError(None, None, *open_error(error)) from None
    if file.identity in opened:
        file.close()
        what = f"the same file as {opened[file.identity]}, given before"
        raise UnreadableError(None, None, what, "give it once")
    opened[file.identity] = path
    return file


def _is_text(path: str) -> bool:
    try:
        os.fsencode(path).decode()
    except UnicodeDecodeError:
        return False
    return True


def _rows(path: str, file: HashedFile, problems: Problems, maker: Maker) -> Iterator[Row]:
    text, head = open_text(file)
    kind = kind_of_file(path, head)
    if kind is Kind.TABLE:
        file.limit(MOST_TABLE_BYTES)
        yield from _TableRows(path, text, problems, maker).rows()
    else:
        file.limit(MOST_DOCUMENT_BYTES)
        document = Document(path, problems, maker)
        yield from document.rows(_read_tree(kind, _whole_text(text), document))


def _read_tree(kind: Kind, text: str, document: Document) -> Node | None:
    if kind is Kind.YAML:
        from batchdub.manifest.strict_yaml import read_yaml  # noqa: PLC0415  slow, and for YAML alone

        return read_yaml(text, document.tell)
    return read_json(text, document.tell)


def _picking(places: tuple[int, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """Give what picks the cells at these places."""
    if len(places) > 1:
        return itemgetter(*places)  # for a single place it would give no tuple
    return lambda cells: tuple([cells[place] for place in places])


def _whole_text(text: TextIOWrapper) -> str:
    whole = text.read()
    bad = bad_byte(whole)
    if bad is not None:
        place, what, hint = bad
        line = whole.count("\n", 0, place) + 1
        raise UnreadableError(line, place - whole.rfind("\n", 0, place), what, hint)
    return whole


class _TableRows:
    """The rows of a table. Called with a name it tells where the current record has it."""

    def __init__(self, path: str, text: TextIOWrapper, problems: Problems, maker: Maker) -> None:
        self._path = path
        self._problems = problems
        self._maker = maker
        self._line = 1
        self._table = Table(text, self._tell_record)
        self._header = read_header(self._table.header, self._tell_header)

    def rows(self) -> Iterator[Row]:
        """Give the valid rows, in order."""
        if not self._header.usable:
            return
        for draft in self._drafts():
            row = self._maker.make(draft, self)
            if row is not None:
                yield row

    def __call__(self, name: str) -> tuple[int, int | None, int | None]:
        """Give the record's line, the column of the named field's or column's cell, and its row."""
        index = self._header.fields.get(name, self._header.own.get(name))
        column = None if index is None else self._table.column_of(index)
        return self._line, column, self._sheet_row(self._line)

    def _drafts(self) -> Iterator[Draft]:
        # A field without a column is read from an empty cell put behind the others.
        width = len(self._table.header)
        video, audio, reference, flag = (
            self._header.fields.get(name, width) for name in (VIDEO, AUDIO, REFERENCE, FLAG)
        )
        own = _picking(tuple(self._header.own.values()))
        places = {name: at for at, name in enumerate(self._header.own)}
        self._line = 0
        for count, (line, cells) in enumerate(self._table.records()):
            self._line = line
            if count == MOST_ROWS:
                raise UnreadableError(line, None, f"more than {MOST_ROWS:,} rows", "split it")
            cells.append("")
            yield Draft(
                line, cells[video], cells[audio], cells[reference], cells[flag], places, own(cells)
            )
        if not self._line and not self._problems.total:
            raise UnreadableError(self._table.header_line, None, "has no rows", "only a header")

    def _sheet_row(self, line: int) -> int | None:
        row = self._table.sheet_row
        return None if row == line else row

    def _tell_header(self, index: int | None, name: str, fault: Fault) -> None:
        column = None if index is None else self._table.column_of(index)
        self._problems.add(
            Problem(
                self._path,
                self._table.header_line,
                column,
                shown_name(name),
                fault.what,
                fault.hint,
            )
        )

    def _tell_record(self, line: int, column: int | None, what: str, hint: str) -> None:
        self._problems.rows_left_out += 1
        row = self._sheet_row(line)
        self._problems.add(Problem(self._path, line, column, "", what, hint, row), of_row=True)
