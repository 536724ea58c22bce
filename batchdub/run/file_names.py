"""The names of downloaded files: from a template and a row's own columns to a relative path.

What comes out is valid, and means the same file, on Linux, macOS and Windows, whatever stands in
the columns: no part of it leads out of the folder, none is a device, none is too long. Two rows
that would share a file on any of these systems have the same `file_key`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from batchdub.errors import UnusableInputError

DEFAULT_NAME = "{reference_id}.mp4"
REFERENCE, REVISION = "reference_id", "revision"

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_OUR_ENDINGS = frozenset({".json", ".part"})
# What Windows refuses in a name, and slashes, which no value may bring along.
_REFUSED = frozenset('<>:"/\\|?*')
# Controls, invisible marks (they turn text around), halves of characters, private and unassigned.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ ]*(?:\.|\Z)", re.I)
_MOST_BYTES = 150  # of a part of a path; a file system takes 255, and `.part` needs some of them
_MOST_UNITS = 200  # of the whole, in UTF-16: Windows takes 260, and the folder needs some of them
_HINT = "write it like `{language}/{season}/{reference_id}.mp4`"


class NoNameError(Exception):
    """A row gives no name: `column` is the one that is not there (`missing`) or has no value."""

    def __init__(self, what: str, column: str = "", *, missing: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.column = column
        self.missing = missing


@dataclass(frozen=True, slots=True)
class _Piece:
    """A literal text, or the name of a column."""

    text: str
    is_column: bool


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A template that has been read: the pieces of each folder, and of the file without `ending`.

    `tells_revision` says whether two revisions of a row get different names by it alone.
    """

    text: str
    folders: tuple[tuple[_Piece, ...], ...]
    stem: tuple[_Piece, ...]
    ending: str
    tells_revision: bool

    def name_of(self, reference_id: str, revision: int, columns: Mapping[str, str]) -> str:
        """Give the name of a row's file: a relative path with `/`. Raises NoNameError.

        A further revision is told apart by `~r2` where the template does not say it.
        """
        values = {**columns, REFERENCE: reference_id, REVISION: str(revision)}
        parts = [safe_part(_rendered(folder, values)) for folder in self.folders]
        mark = f"~r{revision}" if revision > 1 and not self.tells_revision else ""
        parts.append(safe_part(_rendered(self.stem, values), mark + self.ending))
        name = "/".join(parts)
        if len(name.encode("utf-16-le")) // 2 > _MOST_UNITS:
            raise NoNameError(f"`{name[:60]}…` is longer than {_MOST_UNITS} characters")
        return name


def parse_name_template(text: str) -> NameTemplate:
    """Read a template such as `{language}/{reference_id}.mp4`; a doubled brace stands for itself.

    Raises UnusableInputError for what no file system, or not every one, could have as a name.
    """
    parts = _split(text)
    *folders, last = parts
    ending = _ending_of(text, last)
    stem = (*last[:-1], _Piece(last[-1].text.removesuffix(ending), is_column=False))
    for part in (*folders, last):
        _refuse_unsafe(text, part)
    columns = {piece.text for part in parts for piece in part if piece.is_column}
    return NameTemplate(text, tuple(folders), stem, ending, REVISION in columns)


def _split(text: str) -> list[tuple[_Piece, ...]]:
    """Take a template apart at its slashes; one within a placeholder's name is a column's."""
    parts: list[list[_Piece]] = [[]]
    at = 0
    for match in (*_PIECE.finditer(text), None):
        literal = text[at : match.start() if match else None]
        first, *more = literal.split("/")
        parts[-1].append(_Piece(first, is_column=False))
        parts += [[_Piece(each, is_column=False)] for each in more]
        if match is not None:
            at = match.end()
            parts[-1].append(_placeholder(text, match))
    return [tuple(piece for piece in part if piece.text) for part in parts]


def _placeholder(text: str, match: re.Match[str]) -> _Piece:
    if match[0] in ("{{", "}}"):
        return _Piece(match[0][0], is_column=False)
    if match[1] is None or not match[1].strip():
        raise _refused(text, f"a single `{match[0][0]}`; a doubled one stands for itself")
    return _Piece(match[1].strip(), is_column=True)


def _ending_of(text: str, last: tuple[_Piece, ...]) -> str:
    found = _ENDING.search(last[-1].text) if last and not last[-1].is_column else None
    if found is None:
        raise _refused(text, "it must end in a file ending such as `.mp4`")
    if found[0].lower() in _OUR_ENDINGS:
        raise _refused(text, f"`{found[0]}` is the ending of files beside a dub")
    if len(last) == 1 and found[0] == last[-1].text:
        raise _refused(text, "a file needs a name before its ending")
    return found[0]


def _refuse_unsafe(text: str, part: tuple[_Piece, ...]) -> None:
    if not part:
        raise _refused(text, "a part between two slashes is empty, or it begins with one")
    # With a letter for each placeholder what is left to be made safe is the template's own.
    sample = "".join("x" if piece.is_column else piece.text for piece in part)
    if safe_part(sample) != sample:
        raise _refused(text, f"`{sample}` is not a name on every file system")


def _refused(text: str, why: str) -> UnusableInputError:
    return UnusableInputError(f"`{text}` is not a template for file names: {why}", _HINT)


def _rendered(part: tuple[_Piece, ...], values: Mapping[str, str]) -> str:
    return "".join(_value(piece.text, values) if piece.is_column else piece.text for piece in part)


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise NoNameError(f"there is no column `{name}`", name, missing=True)
    if not values[name].strip():
        raise NoNameError(f"the column `{name}` is empty", name)
    return values[name]


def safe_part(text: str, ending: str = "") -> str:
    """Make one part of a path of any text: valid everywhere, and never empty, `.` or `..`.

    What cannot be is replaced by `_`; of what is too long a piece is kept, and a hash of the rest.
    `ending` is safe, and is kept as it is. Making it safe again changes nothing.
    """
    whole = unicodedata.normalize("NFC", text)
    plain = _trimmed("".join("_" if _is_refused(letter) else letter for letter in whole), ending)
    if _DEVICE.match(plain + ending):
        plain = f"_{plain}"
    if len((plain + ending).encode()) <= _MOST_BYTES:
        return plain + ending
    mark = "~" + hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8] + ending
    room = _MOST_BYTES - len(mark.encode())
    return _trimmed(plain.encode()[:room].decode("utf-8", "ignore"), mark) + mark


def _is_refused(letter: str) -> bool:
    return letter in _REFUSED or unicodedata.category(letter) in _INVISIBLE


def _trimmed(text: str, ending: str) -> str:
    """Cut what hides a file or is lost at a name's ends: spaces, and dots.

    Before an `ending` the dots of a stem may stay: they are not at the name's end.
    """
    while True:
        shorter = text.strip().lstrip(".")
        shorter = shorter if ending else shorter.rstrip(".")
        if shorter == text:
            return text or "_"
        text = shorter


def file_key(name: str) -> str:
    """Give what two names have in common if any file system takes them for one file."""
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", folded)
