"""Moments are chosen evenly, so that a short campaign still meets the whole run."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.crash.kills import all_trials, trial_of
from tests.crash.moods import MOODS
from tests.crash.points import in_turn, points, spread
from tests.crash.program import Place
from tests.crash.refusals import Refusal, refusal_of
from tests.crash.starts import STARTS
from tests.crash.tracing import LEDGER, PAUSED, WIRE, Point, count


@given(st.integers(1, 500))
def test_every_moment_comes_once(number):
    """Nothing is left out in the end."""
    assert sorted(spread(number)) == list(range(1, number + 1))


@given(st.integers(16, 500), st.integers(8, 16))
def test_any_beginning_is_spread_over_the_run(number, taken):
    """No gap is wider than a few even steps."""
    chosen = sorted([0, *spread(number)[:taken], number])

    assert max(b - a for a, b in pairwise(chosen)) <= 4 * number / taken


def test_rare_calls_come_as_early_as_frequent_ones():
    """Three `unlink` among two hundred writes are where it hurts."""
    first = islice(points({(LEDGER, "pwrite64"): 200, (LEDGER, "unlink"): 3}), 6)

    assert Counter(point.call for point in first) == {"pwrite64": 3, "unlink": 3}


def test_sequences_take_turns_until_all_are_through():
    """The short one does not end the long one."""
    assert list(in_turn([[1, 2, 3], [4]])) == [1, 4, 2, 3]


def test_every_start_and_mood_has_its_turn_and_every_second_round_kills_twice():
    """The first twelve trials meet them all once, the next twelve kill the recovery, too."""
    recorded = {(start, mood.name): {(WIRE, "sendto"): 4} for start in STARTS for mood in MOODS}

    trials = list(islice(all_trials(recorded), 24))

    assert len({(trial.start, trial.mood) for trial in trials[:12]}) == 12
    assert [len(trial.kills) for trial in trials] == [1] * 12 + [2] * 12


def test_a_trial_can_be_had_again():
    """A violation names its trial, and the name is enough."""
    text = "doubt,late,ledger:pwrite64:17,wire:sendto:2"
    refusal = Refusal("fresh", Point(LEDGER, "openat", 3), "EROFS", onwards=True)

    assert str(trial_of(text)) == text
    assert refusal_of(str(refusal)) == refusal


def test_calls_are_counted_as_strace_will_count_them(tmp_path):
    """Calls on the ledger's files alone, by handle or by name; the wire's whatever the handle."""
    place = Place(tmp_path, "")
    log = f"""\
1 openat(AT_FDCWD</x>, "{place.ledger}", O_RDWR) = 4<{place.ledger}>
1 pwrite64(4<{place.ledger}-wal>, ""..., 24, 0) = 24
1 pwrite64(5</elsewhere/ledger.db-wal>, ""..., 24, 0) = 24
1 sendto(9<TCP:[1]>, ""..., 3, 0, NULL, 0) = 3
1 recvfrom(9<TCP:[1]>, ""..., 3, 0, NULL, NULL) = 3
1 +++ exited with 0 +++
"""
    assert count(place, log) == {
        (LEDGER, "openat"): 1,
        (LEDGER, "pwrite64"): 1,
        (WIRE, "sendto"): 1,
        (WIRE, "recvfrom"): 1,
        (PAUSED, "recvfrom"): 1,
    }
