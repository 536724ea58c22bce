"""A dub's file against what is known of it: there and the same to the byte, gone, or another."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Whole:
    """A file as it was when all of it had been proven: its hash, and its time of change then."""

    size: int
    sha256: str
    modified_ns: int


class Sight(Enum):
    """What a look at a file shows."""

    SAME = auto()
    """The file is there, the same to the byte."""
    GONE = auto()
    """Nothing is there."""
    OTHER = auto()
    """What is there is not that file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed, and the time of change of a file that is the same."""

    sight: Sight
    modified_ns: int = 0


def look_at_file(path: Path, whole: Whole) -> Seen:
    """Look at a file, and read it through only if its time of change leaves doubts.

    A link to a file is another one: it may lead anywhere tomorrow. Raises OSError.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Seen(Sight.GONE)
    if not stat.S_ISREG(found.st_mode):
        return Seen(Sight.OTHER)
    if found.st_size != whole.size:
        return Seen(Sight.OTHER)
    if found.st_mtime_ns != whole.modified_ns and hash_of(path) != whole.sha256:
        return Seen(Sight.OTHER)
    return Seen(Sight.SAME, found.st_mtime_ns)


def hash_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
