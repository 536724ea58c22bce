"""The disk that loses its power: its rules, and that unsynced intents are found missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.states import JobState
from tests.crash.disk import (
    Create,
    Disk,
    Sent,
    Sync,
    SyncFolder,
    Truncate,
    Unlink,
    Write,
    rebuilt,
    sectors,
)
from tests.crash.images import Shelf
from tests.crash.luck import Certain, Chance, TornLast
from tests.crash.power import Recorded, look
from tests.crash.recording import operations
from tests.ledger.support import add_jobs, open_ledger

NOTHING = Certain(names=False, writes_of=frozenset())
ALL = Certain(names=True, writes_of=None)
writes = st.builds(Write, st.just("f"), st.integers(0, 3000), st.binary(min_size=1, max_size=2000))


def disk_after(*done, **before):
    """Give a disk on which files have rested, after some operations."""
    disk = Disk.holding(before)
    for operation in done:
        disk.apply(operation)
    return disk


def test_what_was_synced_survives_and_what_was_not_may_be_gone():
    """The whole point of a sync."""
    disk = disk_after(Write("f", 0, b"abc"), Sync("f"), Write("f", 1, b"X"), f=b"---")

    assert disk.image(NOTHING) == {"f": b"abc"}
    assert disk.image(ALL) == {"f": b"aXc"}


def test_a_name_is_certain_only_after_a_sync_of_its_folder():
    """A file whose name is lost is lost; a name whose removal is lost is back."""
    made = (Create("g"), Write("g", 0, b"new"), Sync("g"))

    assert disk_after(*made).image(NOTHING) == {}
    assert disk_after(*made, SyncFolder()).image(NOTHING) == {"g": b"new"}
    assert disk_after(Unlink("f"), f=b"old").image(NOTHING) == {"f": b"old"}
    assert disk_after(Unlink("f"), f=b"old").image(ALL) == {}


def test_a_copy_is_not_changed_by_what_comes_later():
    """Each moment of a run is kept while the run goes on."""
    disk = disk_after(Write("f", 0, b"a"), f=b"-")
    kept = disk.copy()
    disk.apply(Sync("f"))
    disk.apply(Unlink("f"))

    assert (kept.image(NOTHING), kept.image(ALL)) == ({"f": b"-"}, {"f": b"a"})
    assert kept.seen["f"] is kept.certain["f"]


def test_a_hole_is_zeros_and_a_cut_is_a_cut():
    """As every file system has it."""
    assert rebuilt(b"a", [Write("f", 3, b"b")]) == b"a\0\0b"
    assert rebuilt(b"abc", [Truncate("f", 1)]) == b"a"
    assert rebuilt(b"a", [Truncate("f", 3)]) == b"a\0\0"


@given(writes)
def test_the_sectors_of_a_write_are_the_write(write):
    """Cut at multiples of 512 of the file, not of the write; put together nothing is missing."""
    parts = sectors(write)

    assert b"".join(part.data for part in parts) == write.data
    assert all(part.offset % 512 == 0 for part in parts[1:])
    assert max(len(part.data) for part in parts) <= 512


@given(st.lists(writes, max_size=4), st.integers(0, 99), st.integers(0, 8))
def test_chance_never_touches_what_is_certain(pending, seed, kept):
    """Every byte of an image is an old one or one that was written there."""
    before = bytes(6000)
    possible = [{0} for _ in before]
    for write in pending:
        for at, byte in enumerate(write.data, write.offset):
            possible[at].add(byte)

    for choice in (Chance(seed), TornLast(kept)):
        image = rebuilt(before, choice.writes("f", pending))
        assert all(byte in options for byte, options in zip(image, possible, strict=True))


@pytest.fixture
def recorded(tmp_path):
    """A real ledger's commits as operations: each is what has changed in its WAL, then a sync."""
    folder = tmp_path / "recorded"
    folder.mkdir()
    path = folder / "ledger.db"
    ledger = open_ledger(path)
    job_ids = add_jobs(ledger, "row-1", "row-2", "row-3")
    wal = folder / "ledger.db-wal"
    before = {file.name: file.read_bytes() for file in (path, wal)}
    done, seen = [], wal.read_bytes()
    for number, job_id in enumerate(job_ids, 1):
        with ledger.transaction():
            ledger.begin_attempt(job_id)
        now = wal.read_bytes()
        start = next(at for at, byte in enumerate(now) if at >= len(seen) or byte != seen[at])
        done += [Write(wal.name, start, now[start:]), Sync(wal.name), Sent(f"row-{number}")]
        seen = now
    assert ledger.counts()[JobState.SENDING] == 3
    ledger.close()
    return Recorded("three intents", before, done)


@pytest.fixture
def shelf(tmp_path):
    """A folder for images."""
    (tmp_path / "shelf").mkdir()
    return Shelf(tmp_path / "shelf")


def test_no_synced_intent_is_lost_in_a_power_cut(recorded, shelf):
    """F-77: hundreds of torn and reordered images of three commits, and each has what was sent."""
    counted = look(recorded, shelf, 150)

    assert (counted.images, counted.examples) == (150, ())


def test_an_unsynced_intent_is_found_missing(recorded, shelf):
    """F-88: the negative control: the same writes, without the syncs."""
    hasty = [step for step in recorded.done if not isinstance(step, Sync)]

    counted = look(Recorded("hasty", recorded.before, hasty), shelf, 100)

    assert counted.wrong > 50
    assert "is lost, though its order was sent" in counted.examples[0]


def test_a_recording_becomes_operations():
    """Handles are followed, other files are left alone, and an order is known by its body.

    asyncio sends by one call, uvloop by another; a thread that looks an address up may cut it in
    two in the log.
    """

    def text(content):
        return '"' + "".join(f"\\x{byte:02x}" for byte in content) + '"'

    order = b'POST /api HTTP/1.1\r\nhost: x\r\n\r\n{"reference_id": "row-1"}'
    log = f"""\
7 openat(AT_FDCWD, {text(b"/w/ledger.db")}, O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 4
7 openat(AT_FDCWD, {text(b"/w/ledger.db-wal")}, O_RDWR|O_CREAT, 0600) = 5
7 openat(AT_FDCWD, {text(b"/w/ledger.db-shm")}, O_RDWR|O_CREAT, 0600) = 6
7 pwrite64(6, {text(b"mapped")}, 6, 0) = 6
7 pwrite64(5, {text(b"frame")}, 5, 32) = 5
7 fdatasync(5) = 0
7 openat(AT_FDCWD, {text(b"/w")}, O_RDONLY|O_CLOEXEC) = 8
7 fdatasync(8) = 0
7 close(8) = 0
7 openat(AT_FDCWD, {text(b"/elsewhere")}, O_RDONLY|O_CLOEXEC) = 8
7 pwrite64(8, {text(b"other")}, 5, 0) = 5
7 sendto(9, {text(order)}, {len(order)}, 0, NULL, 0) = {len(order)}
7 sendto(9, {text(b"GET /api")}, 8, 0, NULL, 0) = 8
7 write(9, {text(order)}, {len(order)} <unfinished ...>
8 write(14, {text(b"a look-up")}, 9) = 9
7 <... write resumed>) = {len(order)}
7 ftruncate(5, 0) = 0
7 unlink({text(b"/w/ledger.db-wal")}) = 0
7 unlink({text(b"/w/other")}) = 0
7 fdatasync(4) = -1 EIO (Input/output error)
7 +++ exited with 0 +++
"""
    assert operations(log, "/w/ledger.db", {"ledger.db"}) == [
        Create("ledger.db-wal"),
        Write("ledger.db-wal", 32, b"frame"),
        Sync("ledger.db-wal"),
        SyncFolder(),
        Sent("row-1"),
        Sent("row-1"),
        Truncate("ledger.db-wal", 0),
        Unlink("ledger.db-wal"),
    ]


def test_two_threads_that_write_a_ledger_are_told():
    """In which order their calls reach the disk no log could tell."""
    log = '7 openat(AT_FDCWD, "\\x61", O_RDWR|O_CREAT) = 4\n8 ftruncate(4, 0) = 0\n'
    with pytest.raises(AssertionError, match="have a hand in it"):
        operations(log, "a", ())
