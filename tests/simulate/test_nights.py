"""Hundreds of hostile nights among the ordinary tests; `python -m tests.simulate` for more."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile

import pytest

from batchdub.states import TRANSITIONS
from tests.simulate.faults import Fault
from tests.simulate.nights import simulate
from tests.simulate.reach import UNREACHED, never_hit
from tests.simulate.scenario import draw
from tests.simulate.season import reference_of

_SEEDS = 500
_CHUNK = 25
_TOGETHER = (390, 472, 334, 397, 167, 29, 204, 58, 183, 7, 8, 19, 40, 52, 115)
"""Seeds in which, when this was written, everything happened that can; the others come after."""


@pytest.mark.parametrize("start", range(0, _SEEDS, _CHUNK))
def test_the_books_hold_one_order_for_each_row(start):
    """Whatever goes wrong: ordered once, known to the ledger, nothing lost, or flagged."""
    for seed in range(start, start + _CHUNK):
        report = simulate(seed)

        replay = f"python -m tests.simulate --seed {seed} --trace"
        assert not report.violations, f"{report.violations[0]}\n    replay: {replay}"


@pytest.mark.parametrize("seed", range(0, _SEEDS, 50))
def test_a_seed_lived_twice_leaves_the_same_trace(seed):
    """A failing night is worth something only if it can be lived through again."""
    assert simulate(seed).trace == simulate(seed).trace


def test_every_fault_and_every_move_happens_within_a_few_hundred_seeds():
    """A fault that never strikes proves nothing, and neither does a move that is never made."""
    hits: Counter[Fault] = Counter()
    moves: Counter[tuple[str, str]] = Counter()
    gaps = ["everything"]
    for seed in (*_TOGETHER, *range(_SEEDS)):
        report = simulate(seed)
        hits.update(report.hits)
        moves.update(report.moves)
        gaps = list(never_hit(hits, moves))
        if not gaps:
            break

    assert gaps == []


@pytest.mark.parametrize("first", [(3, 8), (12,)])
def test_a_season_that_grows_begins_with_its_first_rows(first):
    """Were all of it ordered on the first night, what comes to it later would prove nothing."""
    seed = next(seed for seed in range(_SEEDS) if draw(seed).first_rows == first)

    trace = simulate(seed).trace

    first_night = takewhile(lambda line: "process 1 ended" not in line, trace)
    sent = {line.split("POST ")[1].split()[0] for line in first_night if "POST " in line}
    assert sent
    assert sent <= set(map(reference_of, first))


def test_what_cannot_be_reached_is_a_move_of_the_table():
    """The list of exceptions must not outlive what it excepts."""
    assert set(UNREACHED) <= set(TRANSITIONS)
