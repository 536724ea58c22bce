"""Manifest files as bytes: opened once, guarded, and hashed from the very bytes that are read.

A name may lead to a pipe that never ends, to a directory, or to another file by the time it is
opened again. So a file is opened once, looked at through its open handle, and its hash is made of
what was read from that handle.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdub.errors import UnusableInputError

if TYPE_CHECKING:
    from typing import Self

    from _typeshed import WriteableBuffer

_CHUNK = 1 << 20
MOST_TABLE_BYTES = 2 << 30
MOST_DOCUMENT_BYTES = 64 << 20
_REASONS = {
    errno.ENOENT: ("no such file", "check the name and the current folder"),
    errno.EACCES: ("may not be read", "check the file's permissions"),
    errno.ENXIO: ("is not a regular file", "copy it to one first"),
}


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest as the ledger remembers it: path as given, SHA-256 in hex, size in bytes."""

    path: str
    sha256: str
    size: int


class TooLargeError(OSError):
    """A file has more bytes than its kind may have."""

    def __init__(self, most: int) -> None:
        super().__init__(errno.EFBIG, f"has more than {most >> 20:,} MiB")


class HashedFile:
    """An open file that hashes what it gives out. Opening and reading raise OSError."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._size = 0
        self._most = MOST_TABLE_BYTES
        self._sha256 = hashlib.sha256()
        # A pipe must not block the opening; its kind is looked at before anything is read.
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            kind = os.fstat(self._fd)
            _check_kind(kind.st_mode)
        except OSError:
            os.close(self._fd)
            raise
        self.identity = (kind.st_dev, kind.st_ino)
        self._expected_size = kind.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, once."""
        os.close(self._fd)

    def limit(self, most: int) -> None:
        """Set how many bytes the file may have; more raise TooLargeError, at once if known."""
        self._most = most
        if self._expected_size > most:
            raise TooLargeError(most)

    def read_into(self, view: memoryview) -> int:
        """Read some bytes, and hash them; 0 at the end."""
        count = os.readv(self._fd, [view])
        self._size += count
        if self._size > self._most:  # it grew while it was read
            raise TooLargeError(self._most)
        self._sha256.update(view[:count])
        return count

    def finish(self) -> ManifestFile:
        """Read what is left, and give the hash of the whole."""
        view = memoryview(bytearray(_CHUNK))
        while self.read_into(view):
            pass
        return ManifestFile(self._path, self._sha256.hexdigest(), self._size)

    def buffered(self) -> io.BufferedReader:
        """Give a reader for the layers above; closing it leaves the file open."""
        return io.BufferedReader(_Raw(self), buffer_size=_CHUNK >> 2)


class _Raw(io.RawIOBase):
    def __init__(self, file: HashedFile) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._file.read_into(memoryview(buffer).cast("B"))


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))


def open_error(error: OSError | ValueError) -> tuple[str, str]:
    """Give what is wrong with a file that cannot be opened or read, and what to do."""
    if isinstance(error, ValueError):
        return "not a usable file name", "remove the character that no file name can have"
    if isinstance(error, TooLargeError):
        return str(error.strerror), "split it into several manifests"
    if isinstance(error, IsADirectoryError):
        return "is a directory", "name a file in it"
    what = f"cannot be read: {error.strerror or type(error).__name__}"
    return _REASONS.get(error.errno or 0, (what, ""))


def fingerprint(path: str) -> ManifestFile:
    """Hash a manifest without reading it as one, for comparing it with the ledger's record.

    Raises UnusableInputError if it cannot be read.
    """
    try:
        with HashedFile(path) as file:
            return file.finish()
    except (OSError, ValueError) as error:
        what, hint = open_error(error)
        raise UnusableInputError(f"{path}: {what}", hint) from None
