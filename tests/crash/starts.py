"""The states in which a trial may find the ledger."""

from __future__ import annotations

import shutil
from collections import Counter

from batchdub.ledger import open_for_reading
from batchdub.sandbox.books import read_books
from batchdub.states import JobState
from tests.crash import program, tracing
from tests.crash.moods import SLOW

FRESH = "fresh"
HALF = "half"
DOUBT = "doubt"
STARTS = (FRESH, HALF, DOUBT)
_SENDS = range(1, 12)


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
    """Kill a run as it sends its second order: two intents on disk, one order at the API.

    Which of its `sendto` calls that is depends on how many free calls come first, hence the loop.
    """
    for nth in _SENDS:
        _begin(bench)
        with bench.api(bench.trial, SLOW) as place:
            point = tracing.Point(tracing.PAUSED, "sendto", nth)
            program.run(tracing.injected(place, bench.trace, point))
        if _is_half_sent(place):
            return
    raise AssertionError("no kill at a `sendto` left two intents and one order")


def _is_half_sent(place):
    if not place.ledger.exists():
        return False
    with open_for_reading(place.ledger) as ledger:
        counts = ledger.counts()
    orders = Counter(order.reference_id for order in read_books(place.books))
    return counts[JobState.SENDING] == 2 and len(orders) == 1
