"""A safe copy of a ledger, also while a run is writing.

Copying the bare file during a run may give an empty or torn one, since the last commits are in
the WAL beside it. SQLite's own backup reads one moment of both.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.ledger import opening
from batchdub.ledger.marks import mark_closed


def back_up(path: Path, target: Path) -> None:
    """Copy the ledger at `path` to a new file, mode 0600, that is whole and on disk, or not there.

    What was committed when the copy began is in it. An existing `target` is never overwritten.
    Raises UnusableInputError if `target` cannot be made, LedgerUnusableError if the ledger cannot
    be read or is damaged, LedgerWriteError if the copy does not fit on the disk.
    """
    # `lexists`: a dangling link is not overwritten either.
    if os.path.lexists(target):
        raise _exists(target)
    with closing(opening.open_reader(path)) as source, _unfinished(target) as unfinished:
        # A copy of a damaged ledger may come to stand where a sound one stood.
        opening.refuse_damaged(path, source)
        _copy(source, unfinished, target)
        _sync(unfinished)
        _name(unfinished, target)
    _sync(target.absolute().parent)


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Make an empty private file beside the target, and leave none behind."""
    path = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise _cannot(target, error) from None
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _copy(source: sqlite3.Connection, unfinished: Path, target: Path) -> None:
    with (
        opening.told_plainly(target),
        closing(sqlite3.connect(unfinished, isolation_level=None)) as copy,
    ):
        # The file is synced as a whole before it gets its name; until then it is worth nothing.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        source.backup(copy)
        mark_closed(copy)


def _name(unfinished: Path, target: Path) -> None:
    """Give the finished copy its name; unlike a rename, a link never overwrites."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise _cannot(target, error) from None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exists(target: Path) -> UnusableInputError:
    return UnusableInputError(
        f"{target}: exists already, and a backup never overwrites", "name another file"
    )


def _cannot(target: Path, error: OSError) -> UnusableInputError:
    return UnusableInputError(
        f"{target}: cannot be written: {error.strerror}", "name another file or folder"
    )
