"""The sandbox's books: every order that it accepted. They are the oracle of "ordered once".

A file of JSON lines, only ever appended to: one write for an order, before its answer leaves,
so that neither `kill -9` nor a dropped connection can hide an order. What a kill cuts short is
the last line alone, and that order was never answered.
A late order is written at once, with the time that it is taken: it counts from then on, also
if the sandbox was killed in between.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from batchdub.errors import UnusableInputError
from batchdub.units import from_stored_time, to_stored_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_LINE_STARTS = b'{"request_id": "'


@dataclass(frozen=True, slots=True)
class OrderInput:
    """A medium of an order: `video` or `audio`, its cut URL, and a hash of the whole one.

    For an upload the URL is `upload:` and the file's name, and the hash is of its content.
    """

    type: str
    url: str
    url_hash: str


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted order. The times are UTC, in whole milliseconds, as the file has them.

    `listed_at` is when the list shows it (later than `created_at` under `list-lag`); `fails` is
    whether its dub will end `failed`.
    """

    request_id: str
    reference_id: str | None
    created_at: datetime
    listed_at: datetime
    inputs: tuple[OrderInput, ...]
    disable_active_speaker_detection: bool
    fails: bool = False

    @property
    def subject(self) -> str:
        """What tells orders apart: the reference_id, or without one the hashes of the media."""
        return subject_of(self.reference_id, self.inputs)


def subject_of(reference_id: str | None, inputs: Sequence[OrderInput]) -> str:
    """Give the reference_id, or without one the hashes of the media."""
    return reference_id or "+".join(medium.url_hash for medium in inputs)


def order_row(order: Order) -> dict[str, Any]:
    """Give an order as its line in the file has it: `request_id` first, times as text."""
    return {
        "request_id": order.request_id,
        "reference_id": order.reference_id,
        "created_at": to_stored_time(order.created_at),
        "listed_at": to_stored_time(order.listed_at),
        "inputs": [{"type": i.type, "url": i.url, "url_hash": i.url_hash} for i in order.inputs],
        "disable_active_speaker_detection": order.disable_active_speaker_detection,
        "fails": order.fails,
    }


def _order_from(line: bytes) -> Order:
    row = json.loads(line)
    return Order(
        request_id=row["request_id"],
        reference_id=row["reference_id"],
        created_at=from_stored_time(row["created_at"]),
        listed_at=from_stored_time(row["listed_at"]),
        inputs=tuple(OrderInput(i["type"], i["url"], i["url_hash"]) for i in row["inputs"]),
        disable_active_speaker_detection=row["disable_active_speaker_detection"],
        fails=row["fails"],
    )


def read_books(path: Path, on_torn: Callable[[int], None] | None = None) -> Iterator[Order]:
    """Read the orders of a state file, one at a time, in the order they were written.

    A last line that was cut short is left out and told to `on_torn` by its number. A file that
    is not there or holds anything else raises UnusableInputError. Safe while a sandbox runs.
    """
    line_no = 0
    try:
        with path.open("rb") as lines:
            for line_no, line in enumerate(lines, 1):
                if line.endswith(b"\n"):
                    yield _order_from(line)
                elif not _could_be_torn(line):
                    raise ValueError  # noqa: TRY301  one message for all that is no order
                elif on_torn is not None:
                    on_torn(line_no)
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, KeyError, TypeError):
        raise UnusableInputError(
            f"{path}:{line_no}: not an order of the sandbox", "give `--state` another file"
        ) from None


def _could_be_torn(line: bytes) -> bool:
    return line.startswith(_LINE_STARTS) or _LINE_STARTS.startswith(line)


def _unreadable(path: Path, error: OSError) -> UnusableInputError:
    return UnusableInputError(f"{path}: {error.strerror}", "give `--state` a file of your own")


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
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise UnusableInputError(
                f"{self.path}: in use by another sandbox", "stop it, or give another `--state`"
            ) from None
        return file

    def _load(self) -> None:
        for order in read_books(self.path, self._found_torn):
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
        line = json.dumps(order_row(order)).encode() + b"\n"
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        if written != len(line):
            os.ftruncate(self._file, size)
            raise OSError(f"only {written} of {len(line)} bytes were written")
        super().append(order)

    def close(self) -> None:
        """Close the file and let another sandbox have it; closing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
