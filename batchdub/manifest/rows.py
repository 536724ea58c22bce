"""From checked fields to rows, in one namespace over all the manifests of a command.

A million rows pass through here one by one. All that stays of a row is its reference_id, or 16
bytes of its hash where that is shorter, and where it stood, to tell a duplicate at the later line;
and its media key, if a second reading wants them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, ItemsView, Iterator, Mapping
from typing import NamedTuple, Protocol

from batchdub.manifest import fields
from batchdub.manifest.fields import Fault
from batchdub.manifest.names import AUDIO, FLAG, REFERENCE, VIDEO
from batchdub.manifest.problems import Problem, Problems, UnreadableError, quoted, shown_name
from batchdub.media_url import (
    bytes_of_key,
    key_of_bytes,
    made_reference_id,
    media_key,
    without_secrets,
)
from batchdub.models import Row, Source

MOST_ROWS = 5_000_000
_PATH_BITS = 20
_SHORT = 32
_KEY_SIZE = 16
_LOST_ZEROS = Fault(
    "bare numbers of different lengths",
    "if a spreadsheet has removed leading zeros, format the column as text",
)


class Columns(Mapping[str, str]):
    """A row's own columns: values of its own, names shared with all rows of its header."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: tuple[str, ...]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Columns({dict(self)})"

    def items(self) -> ItemsView[str, str]:
        """Give names and values, without looking each of them up."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[str, str]]:
        return zip(self._places, self._values, strict=True)


class _Items(ItemsView[str, str]):
    _mapping: Columns

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self._mapping.pairs()


class Draft(NamedTuple):
    """A record as text: the fields that are ours, and the user's columns; absent is empty."""

    line: int
    video: str
    audio: str
    reference: str
    flag: str
    places: Mapping[str, int]
    values: tuple[str, ...]


class Locate(Protocol):
    """Tells where the value of a field or column of the current record stands."""

    def __call__(self, name: str) -> tuple[int, int | None, int | None]:
        """Give line, column and `Problem.sheet_row`, from 1.

        The column is None where it cannot be known, the row where it is the line, or there is none.
        """
        ...


ProblemAt = Callable[[str, Fault], Problem]
"""Makes a problem of a field of the current record, with its place."""
Inspect = Callable[[Row, ProblemAt], None]
"""Looks at each valid row while its place in the file is known."""


class Maker(Protocol):
    """Makes rows of drafts, and is told what is wrong with those of which it is not even asked."""

    def begin(self, path: str) -> None:
        """Say that the next drafts come from this manifest."""
        ...

    def make(self, draft: Draft, locate: Locate) -> Row | None:
        """Make a row, or None."""
        ...

    def tell(self, name: str, fault: Fault, locate: Locate) -> None:
        """Add a problem of the current record."""
        ...


class RowMaker:
    """Makes rows of drafts and tells what is wrong with those that cannot be rows."""

    def __init__(
        self,
        problems: Problems,
        inspect: Inspect | None = None,
        keys: bytearray | None = None,
    ) -> None:
        self._problems = problems
        self._inspect = inspect
        self._keys = keys
        self._good_video: str | None = None
        self._seen: dict[bytes | str, int] = {}
        self._paths: list[str] = []
        self._digits = 0
        self._path = ""

    def begin(self, path: str) -> None:
        """Say that the next drafts come from this manifest."""
        self._paths.append(path)
        self._path = path
        self._digits = 0

    def make(self, draft: Draft, locate: Locate) -> Row | None:
        """Make a row, or add its problems and give None."""
        key = self._media_key(draft, locate)
        reference_id = self._reference(draft, key, locate)
        columns_are_good = self._columns_are_good(draft, locate)
        if not (key and reference_id and columns_are_good):
            self._problems.rows_left_out += 1
            return None
        row = _row_of(draft, self._path, reference_id, key)
        if self._keys is not None:
            self._keys += bytes_of_key(key)
        if self._inspect is not None:
            self._inspect(row, lambda name, fault: self._problem(name, fault, locate))
        return row

    def _media_key(self, draft: Draft, locate: Locate) -> str:
        # Of one episode there is a row for each language, one after the other.
        again = draft.video == self._good_video
        video = None if again else fields.url_fault(draft.video)
        audio, flag = fields.url_fault(draft.audio), fields.flag_fault(draft.flag)
        if video is None and audio is None and flag is None:
            self._good_video = draft.video
            disabled = fields.flag_value(draft.flag)
            return media_key(draft.video, draft.audio, disable_speaker_detection=disabled)
        for name, fault in ((VIDEO, video), (AUDIO, audio), (FLAG, flag)):
            if fault is not None:
                self.tell(name, fault, locate)
        return ""

    def _reference(self, draft: Draft, key: str, locate: Locate) -> str:
        if not draft.reference:
            made = made_reference_id(key) if key else ""
            return made if made and self._is_new(draft, made, locate) else ""
        fault = fields.reference_fault(draft.reference)
        if fault is not None:
            self.tell(REFERENCE, fault, locate)
            return ""
        self._look_for_damage(draft.reference, locate)
        return draft.reference if self._is_new(draft, draft.reference, locate) else ""

    def _look_for_damage(self, reference_id: str, locate: Locate) -> None:
        doubt = fields.reference_doubt(reference_id)
        if doubt is not None:
            self._warn(REFERENCE, doubt, locate)
        if not reference_id.isdecimal():
            return
        if self._digits > 0 and self._digits != len(reference_id):
            self._warn(REFERENCE, _LOST_ZEROS, locate)
            self._digits = -1  # told once in a file
        elif self._digits == 0:
            self._digits = len(reference_id)

    def _is_new(self, draft: Draft, reference_id: str, locate: Locate) -> bool:
        seen: bytes | str = reference_id
        if len(reference_id) > _SHORT:
            seen = hashlib.sha256(reference_id.encode()).digest()[:16]
        here = draft.line << _PATH_BITS | (len(self._paths) - 1)
        earlier = self._seen.setdefault(seen, here)
        # A number that is the very one just put in: two rows of a matrix may share a line.
        if earlier is here:
            return True
        line, path_no = earlier >> _PATH_BITS, earlier & ((1 << _PATH_BITS) - 1)
        place = f"{self._paths[path_no]}:{line}"
        if draft.reference:
            fault = Fault(
                f"{quoted(reference_id)} is already at {place}", "every row needs its own"
            )
        else:
            fault = Fault(f"same media as at {place}", "remove one, or give each a `reference_id`")
        self.tell(REFERENCE, fault, locate)
        return False

    def _columns_are_good(self, draft: Draft, locate: Locate) -> bool:
        if "".join(draft.values).isprintable():
            return True
        good = True
        for name, value in zip(draft.places, draft.values, strict=True):
            fault, doubt = fields.column_fault(value), fields.column_doubt(value)
            if fault is not None:
                self.tell(name, fault, locate)
                good = False
            elif doubt is not None:
                self._warn(name, doubt, locate)
        return good

    def tell(self, name: str, fault: Fault, locate: Locate) -> None:
        """Add a problem of the current record."""
        self._problems.add(self._problem(name, fault, locate), of_row=True)

    def _warn(self, name: str, fault: Fault, locate: Locate) -> None:
        self._problems.warn(self._problem(name, fault, locate))

    def _problem(self, name: str, fault: Fault, locate: Locate) -> Problem:
        line, column, row = locate(name)
        return Problem(self._path, line, column, shown_name(name), fault.what, fault.hint, row)


class Remaker:
    """Makes rows of drafts once more, where all were found good: of them nothing is checked again.

    What was not found good, since the file has changed meanwhile, makes any row, or none; but no
    row has a link that cannot be taken apart. `keys` are the rows' media keys, as the first reading
    gave them.
    """

    def __init__(self, keys: bytes) -> None:
        self._path = ""
        self._keys = keys
        self._next = 0
        self._good_video: str | None = None

    def begin(self, path: str) -> None:
        """Say that the next drafts come from this manifest."""
        self._path = path

    def make(self, draft: Draft, _locate: Locate) -> Row:
        """Make a row. Raises UnreadableError for a draft that cannot be one."""
        packed = self._keys[self._next : self._next + _KEY_SIZE]
        self._next += _KEY_SIZE
        if draft.video != self._good_video:
            self._require_usable(draft.video, draft.line)
            self._good_video = draft.video
        self._require_usable(draft.audio, draft.line)
        if not packed or fields.flag_fault(draft.flag) is not None:
            raise _changed(draft.line)
        key = key_of_bytes(packed)
        return _row_of(draft, self._path, draft.reference or made_reference_id(key), key)

    def tell(self, name: str, _fault: Fault, locate: Locate) -> None:
        """Refuse a record of which there was no problem before."""
        raise _changed(locate(name)[0])

    def _require_usable(self, url: str, line: int) -> None:
        if fields.url_fault(url) is not None:
            raise _changed(line)


def _changed(line: int) -> UnreadableError:
    return UnreadableError(line, None, "is no row any more")


def _row_of(draft: Draft, path: str, reference_id: str, key: str) -> Row:
    values = draft.values
    if "://" in "".join(values):
        # A link of the user's own may be signed as well, and the ledger keeps no signature.
        values = tuple(map(without_secrets, values))
    return Row(
        reference_id,
        Source(path, draft.line),
        draft.video,
        draft.audio,
        fields.flag_value(draft.flag),
        key,
        Columns(draft.places, values),
    )
