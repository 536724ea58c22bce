"""A disk that loses its power: what was synced is there, of the rest any part may be.

Pure: operations in, images out. A write that was not synced may be there, be gone, or be torn at
512 bytes, whatever became of the writes before and after it. A name that was made or removed is
certain only after a sync of its folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Create:
    """A name that was not there is given to a new, empty file."""

    name: str


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at an offset of the file that has the name."""

    name: str
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Truncate:
    """A new size for the file that has the name."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name is removed."""

    name: str


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to the file that has the name is on disk on return."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """All names made and removed are on disk on return."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An order has left for the API: its intent must survive whatever comes."""

    reference_id: str


Operation = Create | Write | Truncate | Unlink | Sync | SyncFolder | Sent


@dataclass(slots=True, eq=False)
class File:
    """What is certain of a file, and what was done to it since."""

    durable: bytes = b""
    pending: list[Write | Truncate] = field(default_factory=list)


@dataclass(slots=True)
class Disk:
    """The files by name: as the program sees them, as they are certain, and the steps between."""

    seen: dict[str, File] = field(default_factory=dict)
    certain: dict[str, File] = field(default_factory=dict)
    pending: list[tuple[str, File | None]] = field(default_factory=list)

    @classmethod
    def holding(cls, contents):
        """Give a disk on which files have rested for long."""
        files = {name: File(data) for name, data in contents.items()}
        return cls(dict(files), dict(files))

    @property
    def is_certain(self):
        """Whether a power cut now would take nothing."""
        return not self.pending and not any(file.pending for file in self.seen.values())

    def copy(self):
        """Give the disk as it is now."""
        files = {*self.seen.values(), *self.certain.values()}
        files |= {file for _, file in self.pending if file is not None}
        now = {file: File(file.durable, list(file.pending)) for file in files}
        return Disk(
            {name: now[file] for name, file in self.seen.items()},
            {name: now[file] for name, file in self.certain.items()},
            [(name, file and now[file]) for name, file in self.pending],
        )

    def apply(self, operation) -> None:
        """Take in the next operation of the program."""
        match operation:
            case Create(name):
                self._rename(name, File())
            case Unlink(name):
                self._rename(name, None)
            case Write(name) | Truncate(name):
                self.seen[name].pending.append(operation)
            case Sync(name):
                file = self.seen[name]
                file.durable = rebuilt(file.durable, file.pending)
                file.pending = []
            case SyncFolder():
                self.certain = dict(self.seen)
                self.pending = []

    def _rename(self, name, file):
        self.pending.append((name, file))
        self.seen.pop(name, None)
        if file is not None:
            self.seen[name] = file

    def image(self, choice):
        """Give the files' contents after a power cut in which `choice` decides what was lucky."""
        names = dict(self.certain)
        for name, file in self.pending:
            if choice.name(name, made=file is not None):
                names.pop(name, None)
                if file is not None:
                    names[name] = file
        return {
            name: rebuilt(file.durable, choice.writes(name, file.pending))
            for name, file in names.items()
        }


def rebuilt(durable, steps):
    """Give a file's content after some steps; what lies between is zeros."""
    content = bytearray(durable)
    for step in steps:
        size = step.size if isinstance(step, Truncate) else step.offset
        if len(content) < size:
            content.extend(bytes(size - len(content)))
        if isinstance(step, Truncate):
            del content[step.size :]
        else:
            content[step.offset : step.offset + len(step.data)] = step.data
    return bytes(content)


def sectors(write):
    """Cut a write where the disk's sectors end."""
    cuts = range(SECTOR - write.offset % SECTOR, len(write.data), SECTOR)
    bounds = [0, *cuts, len(write.data)]
    return [
        Write(write.name, write.offset + start, write.data[start:end])
        for start, end in pairwise(bounds)
    ]
