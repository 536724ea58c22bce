"""The states in which a trial may find the ledger."""

from __future__ import annotations

import shutil

from batchdub.ledger import open_for_reading
from batchdub.states import JobState
from tests.crash import program
from tests.crash.moods import SLOW

FRESH = "fresh"
HALF = "half"
DOUBT = "doubt"
STARTS = (FRESH, HALF, DOUBT)


def make(bench, start):
    """Make a start state in the bench's trial folder, with the program itself."""
    if start == DOUBT:
        _cut_short(bench)
        return
    _begin(bench)
    if start == HALF:
        with bench.api(bench.trial) as place:
            ended = program.run(place.command("--limit", "2"))
            assert ended.code == 0, ended.talk


def _begin(bench):
    shutil.rmtree(bench.trial, ignore_errors=True)
    bench.trial.mkdir()
    program.write_manifest(bench.trial)


def _cut_short(bench):
    """Kill a run with two orders on the wire, of which one has arrived and one has not."""
    _begin(bench)
    with bench.api(bench.trial, SLOW) as place:
        with program.start(place.command()) as process:
            program.wait_for_orders(place, 2)
            process.kill()
        place.books.write_bytes(place.books.read_bytes().splitlines(keepends=True)[0])
    with open_for_reading(place.ledger) as ledger:
        assert ledger.counts()[JobState.SENDING] == 2
