"""The sandbox's books: every order that it accepted. They are the oracle of "ordered once".

A file of JSON lines, only ever appended to: one write for an order, before its answer leaves,
so that neither `kill -9` nor a dropped connection can hide an order. What a kill cuts short is
the last line alone, and that order was never answered.
A late order is written at once, with the time that it is taken: it counts from then on, also
if the sandbox was killed in between.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections import defaultdict
from typing import TYPE_CHECKING

from batchdub.errors import UnusableInputError
from batchdub.sandbox.orders import LINE_STARTS, Order, order_from_line, order_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path


def read_books(
    path: Path, *, until: datetime | None = None, on_torn: Callable[[int], None] | None = None
) -> Iterator[Order]:
    """Read the orders of a state file, one at a time, in the order they were written.

    Late orders that are to be taken after `until` are left out. A last line that was cut short
    is left out and told to `on_torn` by its number. A file that is not there or holds anything
    else raises UnusableInputError. Safe while a sandbox runs.
    """
    line_no = 0
    try:
        with path.open("rb") as lines:
            for line_no, line in enumerate(lines, 1):
                order = _order_unless_torn(line)
                if order is None and on_torn is not None:
                    on_torn(line_no)
                if order is not None and (until is None or order.created_at <= until):
                    yield order
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, KeyError, TypeError):
        raise UnusableInputError(
            f"{path}:{line_no}: not an order of the sandbox", "give `--state` another file"
        ) from None


def _order_unless_torn(line: bytes) -> Order | None:
    if line.endswith(b"\n"):
        return order_from_line(line)
    if line.startswith(LINE_STARTS) or LINE_STARTS.startswith(line):
        return None
    raise ValueError("the end of some other file")


def _unreadable(path: Path, error: OSError) -> UnusableInputError:
    return UnusableInputError(f"{path}: {error.strerror}", "give `--state` a file of your own")


class BooksInUseError(UnusableInputError):
    """Another sandbox holds the file."""


class Books:
    """The orders in memory, found by request_id and by reference_id. Not kept on disk."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self._by_id: dict[str, Order] = {}
        self._by_reference: defaultdict[str | None, list[Order]] = defaultdict(list)

    def append(self, order: Order) -> None:
        """Enter an order; the caller answers only after this has returned."""
        self.orders.append(order)
        self._by_id[order.request_id] = order
        self._by_reference[order.reference_id].append(order)

    def by_id(self, request_id: str) -> Order | None:
        """Find an order by its request_id."""
        return self._by_id.get(request_id)

    def by_reference(self, reference_id: str) -> Sequence[Order]:
        """Give the orders with exactly this reference_id, as they were entered."""
        return self._by_reference.get(reference_id, ())

    def close(self) -> None:
        """Let go of the file, if there is one."""


class FileBooks(Books):
    """The same, kept in a file that is made with mode 0600 and held by one sandbox at a time.

    Raises UnusableInputError if the file is held by another sandbox or is not such a file.
    `torn_line` is the number of a last line that was found cut short and removed, else None.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.torn_line: int | None = None
        self._file = self._open()
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            file = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        try:
            self._claim(file)
        except UnusableInputError:
            os.close(file)
            raise
        return file

    def _claim(self, file: int) -> None:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise UnusableInputError(f"{self.path}: not a file", "give `--state` a file")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BooksInUseError(
                f"{self.path}: in use by another sandbox", "stop it, or give another `--state`"
            ) from None

    def _load(self) -> None:
        for order in read_books(self.path, on_torn=self._found_torn):
            super().append(order)
        if self.torn_line is not None:
            self._remove_torn_line()

    def _found_torn(self, line_no: int) -> None:
        self.torn_line = line_no

    def _remove_torn_line(self) -> None:
        whole = 0
        with self.path.open("rb") as lines:
            for line in lines:
                whole += len(line) if line.endswith(b"\n") else 0
        os.ftruncate(self._file, whole)

    def append(self, order: Order) -> None:
        """Enter an order with one write. Raises OSError if the disk refuses; then it is not in.

        Not synced: the books must outlive the process, not the machine.
        """
        line = order_line(order)
        size = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(order)

    def close(self) -> None:
        """Close the file and let another sandbox have it; closing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
