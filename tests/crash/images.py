"""Whether a disk image is a sound ledger that has lost nothing it had acknowledged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import opening
from tests.crash.disk import Disk, Sent, Sync
from tests.crash.luck import Certain, choices

LEDGER = "ledger.db"
_NOTHING = Certain(names=False, writes_of=frozenset())


@dataclass(frozen=True, slots=True)
class Owed:
    """What every later image must have: intents of sent orders, and so many transitions."""

    intents: frozenset[str] = frozenset()
    transitions: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a ledger has."""

    intents: frozenset[str]
    transitions: int


class Shelf:
    """A folder in which one image after the other is put up and looked at."""

    def __init__(self, folder) -> None:
        self._folder = folder

    def wrong(self, image, owed):
        """Say what is wrong with an image; nothing if it is sound."""
        try:
            found = self.open(image)
        except (LedgerUnusableError, sqlite3.Error) as error:
            return [f"does not open: {error}"]
        lost = sorted(owed.intents - found.intents)
        wrong = [f"the intent of `{row}` is lost, though its order was sent" for row in lost]
        if found.transitions < owed.transitions:
            wrong.append(f"{found.transitions} transitions of {owed.transitions} synced ones")
        return wrong

    def open(self, image):
        """Put an image up and open it as a run would, with its full integrity check."""
        for path in self._folder.iterdir():
            path.unlink()
        for name, content in image.items():
            (self._folder / name).write_bytes(content)
        with closing(opening.open_writer(self._folder / LEDGER)) as database:
            intents = database.execute(
                "SELECT reference_id FROM attempts JOIN jobs USING (job_id)"
            ).fetchall()
            if database.execute("SELECT 1 FROM meta WHERE name = 'wal_lost'").fetchone():
                raise sqlite3.DatabaseError("a false alarm: taken for a copy without its WAL")
            transitions = database.execute("SELECT count(*) FROM transitions").fetchone()[0]
        return Found(frozenset(row[0] for row in intents), transitions)


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment at which the power may fail: after the operation of this number."""

    number: int
    disk: Disk
    owed: Owed

    def images(self, seed):
        """Give what may be on disk then, each with this cut; endless if anything is pending."""
        for choice in choices(self.disk, f"{seed} {self.number}"):
            yield self, self.disk.image(choice)


def cuts(before, done, shelf):
    """Follow a run and give every moment of it, with what must be on disk from then on."""
    disk, owed = Disk.holding(before), Owed()
    for number, operation in enumerate(done):
        disk.apply(operation)
        if isinstance(operation, Sent):
            owed = Owed(owed.intents | {operation.reference_id}, owed.transitions)
        if isinstance(operation, Sync):
            certain = shelf.open(disk.image(_NOTHING)).transitions
            owed = Owed(owed.intents, max(certain, owed.transitions))
        yield Cut(number, disk.copy(), owed)
