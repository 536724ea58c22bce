"""A dub's files on disk: the `.part` that grows, its note, and the moment it gets its name.

All of it blocks, so a run calls it in a thread. The order makes any death harmless: the bytes are
on disk before the note beside them says their hash, the note before the file has its name, the
name before the ledger says so. A name is given by a link, which never takes another file's place.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from batchdub.dub_file import Sight, hash_of, look_at_file
from batchdub.ledger.outputs import KnownOutput

_BLOCK = 1024 * 1024
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_OPEN = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dub goes: `target`, and beside it the `part` that grows and the `note` on it.

    The part's name is of the order, so that bytes of two orders never come together.
    """

    target: Path
    part: Path
    note: Path


def place_of(folder: Path, name: str, request_id: str) -> Place:
    """Give the files of an order's dub."""
    target = folder / name
    mark = hashlib.sha256(request_id.encode()).hexdigest()[:8]
    return Place(
        target,
        target.with_name(f"{target.name}.{mark}.part"),
        target.with_name(f"{target.name}.json"),
    )


class Standing(Enum):
    """What stands at a dub's place."""

    NOTHING = auto()
    """Nothing: it is to be fetched."""
    GONE = auto()
    """Nothing, although the ledger knows it as whole."""
    KNOWN = auto()
    """The file that the ledger knows."""
    PROVEN = auto()
    """A file that the note beside it proves to be this order's dub, byte for byte."""
    CHANGED = auto()
    """The ledger knows a file there, and this is another one."""
    FOREIGN = auto()
    """A file that nobody here knows."""


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a place; of a file that is ours also its size, hash and time of change."""

    standing: Standing
    total: int = 0
    sha256: str = ""
    modified_ns: int = 0


def look_at(place: Place, known: KnownOutput | None, request_id: str) -> Found:
    """Look at what stands at a place, and read it through only if its size and time leave doubts.

    Raises OSError.
    """
    whole = known.whole if known and known.file == str(place.target) else None
    if whole is not None:
        seen = look_at_file(place.target, whole)
        if seen.sight is Sight.SAME:
            return Found(Standing.KNOWN, whole.size, whole.sha256, seen.modified_ns)
        return Found(Standing.GONE if seen.sight is Sight.GONE else Standing.CHANGED)
    if not os.path.lexists(place.target):
        return Found(Standing.NOTHING)
    if place.target.is_symlink() or not place.target.is_file():
        return Found(Standing.FOREIGN)
    noted, found = _read_note(place.note), place.target.stat()
    ours = noted.get("request_id") == request_id and noted.get("bytes") == found.st_size
    if ours and hash_of(place.target) == noted.get("sha256"):
        return Found(Standing.PROVEN, found.st_size, str(noted["sha256"]), found.st_mtime_ns)
    return Found(Standing.FOREIGN)


def is_foreign_note(place: Place, request_id: str) -> bool:
    """Whether a file of somebody else's stands where the note goes."""
    return os.path.lexists(place.note) and _read_note(place.note).get("request_id") != request_id


def _read_note(path: Path) -> Mapping[str, Any]:
    try:
        noted = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


class Draft:
    """The `.part` file while it is written; `length` bytes are in it."""

    def __init__(self, place: Place, keep: int) -> None:
        """Open it, with the first `keep` bytes as they are and nothing after them.

        Raises OSError.
        """
        self.place = place
        make_folder(place.part.parent)
        _let_go(place.part)
        self._file = os.open(place.part, os.O_RDWR | _OPEN, 0o666)
        try:
            self.cut(keep)
        except BaseException:
            os.close(self._file)
            raise

    def cut(self, keep: int) -> None:
        """Go back to the first `keep` bytes, or to none if there are fewer."""
        keep = keep if os.fstat(self._file).st_size >= keep else 0
        self._hash, self.length = hashlib.sha256(), 0
        while self.length < keep:
            block = os.pread(self._file, min(_BLOCK, keep - self.length), self.length)
            if not block:
                self._hash, self.length = hashlib.sha256(), 0
                break
            self._hash.update(block)
            self.length += len(block)
        os.ftruncate(self._file, self.length)

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        left = memoryview(chunk)
        while left:
            written = os.pwrite(self._file, left, self.length)
            self._hash.update(left[:written])
            self.length += written
            left = left[written:]

    def sync(self) -> int:
        """Bring what was written to the disk; gives how much that is."""
        sync_file(self._file)
        return self.length

    def sha256(self) -> str:
        """Give the hash of all bytes."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _let_go(part: Path) -> None:
    """Leave a part that has another name as well: a death came between its name and its end.

    Whoever has moved the dub since has these very bytes, and keeps them.
    """
    if os.path.lexists(part) and part.lstat().st_nlink > 1:
        part.unlink()


def is_whole(part: Path) -> bool:
    """Tell of an MP4, whose length nobody has told, whether its last box ends where it ends.

    Of any other kind of file nothing can be told, and it is taken as it is.
    """
    size, at, first = part.stat().st_size, 0, True
    with part.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(16)
            if first and head[4:8] != b"ftyp":
                return True
            length = int.from_bytes(head[:4], "big")
            if length == 0:
                return True
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                return False
            first, at = False, at + length
    return at == size


def write_note(place: Place, note: Mapping[str, object]) -> None:
    """Write the note beside a dub, whole or not at all. Raises OSError."""
    draft = place.note.with_name(f"{place.part.name}.note")
    file = os.open(draft, os.O_WRONLY | os.O_TRUNC | _OPEN, 0o666)
    try:
        text = json.dumps(note, ensure_ascii=False, indent=2) + "\n"
        with os.fdopen(file, "wb", closefd=False) as stream:
            stream.write(text.encode("utf-8", "replace"))
        sync_file(file)
    finally:
        os.close(file)
    draft.replace(place.note)
    sync_folder(place.note.parent)


def give_name(place: Place) -> int:
    """Have the finished part be the dub; gives its time of change in nanoseconds.

    Raises FileExistsError if a file has come to stand there meanwhile, and any other OSError.
    """
    try:
        os.link(place.part, place.target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links, such as exFAT: the look and the move are two steps there.
        if os.path.lexists(place.target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        place.part.rename(place.target)
    place.part.unlink(missing_ok=True)
    sync_folder(place.target.parent)
    return place.target.stat().st_mtime_ns


def drop_part(place: Place) -> None:
    """Remove what a death may have left beside a dub that is whole."""
    place.part.unlink(missing_ok=True)
    place.part.with_name(f"{place.part.name}.note").unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and see to it that they survive a power cut.

    Raises NotADirectoryError, naming what stands there, if that is no folder, and other OSErrors.
    """
    missing = []
    while not folder.is_dir():
        # Asked once more: another download may have made it between the two questions.
        if os.path.lexists(folder) and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the file system knows how."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        # A share of another machine's may not: then a lost name is found missing, and fetched.
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)


def sync_file(handle: int) -> None:
    """Bring a file's bytes to the disk itself."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  as everything that one system alone needs

        # On macOS a plain fsync leaves them in the drive's own cache.
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)
