"""Disks that are full, small or read-only, and ledgers that were damaged while nobody looked."""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import contextmanager

from batchdub.sandbox.books import read_books
from tests.crash import oracle, program
from tests.crash.campaign import Result, say
from tests.crash.moods import SLOW, WELL
from tests.crash.points import spread
from tests.crash.refusals import after_refusal
from tests.crash.starts import FRESH, HALF

PAGE = 4096
_TMPFS_BYTES = 24_000_000
_DAMAGES = ("cut short", "zeroed", "flipped")


# -- a limit on the size of files ----------------------------------------------------------------


def limits(number):
    """Give sizes, in bytes, beyond which no file may grow during a run."""
    return [size * PAGE // 2 for size in spread(160)][:number]


def limit(bench, size):
    """A file-size limit is a full disk that needs no mount."""
    with bench.place(FRESH) as place:
        ended = program.run(place.command(program=("tests.crash.limited", str(size))))
        wrong = after_refusal(place, ended) + oracle.recover(place)
    return Result("file size limit", ended.code != 0, (ended.code,), wrong, f"limit {size}")


# -- mounts --------------------------------------------------------------------------------------


@contextmanager
def mounted(target, *options):
    """Mount something at a folder; gives False where this user may not."""
    target.mkdir(exist_ok=True)
    command = ["mount", *options, str(target)]
    mount = subprocess.run(command, check=False, capture_output=True)  # noqa: S603  our own words
    try:
        yield mount.returncode == 0
    finally:
        if mount.returncode == 0:
            subprocess.run(["umount", "-l", str(target)], check=True)  # noqa: S603, S607  as above


def fill(bench, orders):
    """Fill the disk to the last byte when so many orders have been taken; None if skipped."""
    small = bench.folder / "small"
    tmpfs = ("-t", "tmpfs", "-o", f"size={_TMPFS_BYTES}", "none")
    with mounted(small, *tmpfs) as allowed, bench.place(FRESH, SLOW) as served:
        if not allowed:
            say("a full disk: skipped, this user may not mount a tmpfs")
            return None
        place = program.Place(served.folder, served.base_url, small / "ledger.db")
        with program.start(place.command()) as process:
            program.wait_for_orders(place, orders)
            _fill(small / "ballast")
            ended = program.finish(process)
        wrong = after_refusal(place, ended)
        (small / "ballast").unlink()
        wrong += oracle.recover(place)
    return Result("full disk", ended.code == 10, (ended.code,), wrong, f"fill {orders}")


def _fill(path):
    with path.open("wb", buffering=0) as ballast:
        for size in (1 << 20, PAGE, 1):
            try:
                while ballast.write(bytes(size)):
                    pass
            except OSError:
                continue


def read_only(bench, start):
    """Bind the folder read-only: nothing may be sent. None if this is skipped."""
    shown = bench.folder / "shown"
    with bench.place(start) as place:
        before = len(list(read_books(place.books)))
        with mounted(shown, "--bind", "-o", "ro", str(place.folder)) as allowed:
            if not allowed:
                say("a read-only folder: skipped, this user may not mount")
                return None
            seen = program.Place(place.folder, place.base_url, shown / "ledger.db")
            ended = program.run(seen.command())
        wrong = [] if ended.code == 10 else [f"exit {ended.code}: {oracle.last_words(ended)}"]
        if len(list(read_books(place.books))) != before:
            wrong.append("sent from a read-only folder")
        wrong += oracle.recover(place)
    return Result("read-only folder", 1, (ended.code,), wrong, f"read-only {start}")


# -- damage --------------------------------------------------------------------------------------


def damages(pages, number):
    """Give damages of every kind to every page, the page by number from 0, spread evenly."""
    return [(kind, page - 1) for page in spread(pages) for kind in _DAMAGES][:number]


def damage(bench, kind, page):
    """Damage a page of a ledger that has orders; the next run must refuse, or not be misled."""
    with bench.place(HALF, WELL) as place:
        before = len(list(read_books(place.books)))
        content = place.ledger.read_bytes()
        place.ledger.write_bytes(_damaged(content, kind, page))
        ended = program.run(place.command())
        wrong = [*oracle.twice(place), *oracle.leaked(place, ended.talk)]
        sent = len(list(read_books(place.books))) - before
        if ended.code == 0:
            # A flipped letter that SQLite cannot know of: no state may be wrong by it.
            wrong += oracle.unknown(place)
        elif ended.code == 6 and page == 0 and kind == "cut short" and not sent:
            pass  # nothing is left of the file: a lost ledger, and the start look has seen it
        elif ended.code != 10 or sent:
            wrong.append(f"exit {ended.code} after {sent} orders: {oracle.last_words(ended)}")
    return Result(f"page {kind}", 1, (ended.code,), wrong, f"damage {kind} {page}")


def pages(bench):
    """Count the pages of the ledger that is going to be damaged."""
    return os.path.getsize(bench.prepared(HALF) / "ledger.db") // PAGE  # noqa: PTH202  as it reads best


def _damaged(content, kind, page):
    start = page * PAGE
    if kind == "cut short":
        return content[:start]
    if kind == "zeroed":
        return content[:start] + bytes(PAGE) + content[start + PAGE :]
    at = start + random.Random(page).randrange(PAGE)  # noqa: S311  a fixed seed is the point
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]
