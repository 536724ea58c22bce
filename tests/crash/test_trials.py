"""A few of the trials that `python -m tests.crash` makes by the hundred; these need no strace."""

from __future__ import annotations

import signal

import pytest

from tests.crash import disks, meddling, oracle, program
from tests.crash.moods import SLOW
from tests.crash.starts import DOUBT, FRESH

pytestmark = pytest.mark.real_time


def test_a_kill_in_the_middle_of_orders_costs_nothing(bench):
    """F-94, F-97: two orders are on the wire, accepted and unanswered: they must be found."""
    with bench.place(FRESH, SLOW) as place:
        with program.start(place.command()) as process:
            program.wait_for_orders(place, 3)
            process.kill()
            assert program.finish(process).killed

        assert oracle.recover(place) == []


def test_a_recovery_that_is_killed_can_be_had_again(bench):
    """F-96: what the first death left in doubt is settled after the second as well."""
    with bench.place(DOUBT, SLOW) as place:
        with program.start(place.command()) as process:
            program.wait_for_orders(place, 2)
            process.kill()
            assert program.finish(process).killed

        assert oracle.recover(place) == []


def test_an_order_that_never_arrived_is_sent_once(bench):
    """F-93: of two intents on disk one order exists: one is adopted, the other is sent again."""
    with bench.place(DOUBT) as place:
        assert oracle.recover(place) == []


def test_a_signal_ends_a_run_that_can_go_on(bench):
    """F-99, F-100: in flight is recorded, or in doubt; the same command finishes the rows."""
    result = meddling.interrupt(bench, signal.SIGTERM, after_s=0.9, times=1, mood=SLOW)

    assert result.wrong == []


def test_of_two_runs_at_once_one_sends_nothing(bench):
    """F-103: the lock comes before any work: one run, four attempts, four orders."""
    assert meddling.together(bench).wrong == []


def test_a_run_that_slept_sends_nothing_twice(bench):
    """F-102: a laptop was closed with two orders on the wire, for eight hours by the wall clock."""
    assert meddling.sleep(bench, orders=2, seconds=0.6, jump_s=8 * 3600).wrong == []


def test_a_damaged_page_stops_a_run_before_it_sends(bench):
    """F-75: what a page of zeros says of an order cannot be believed."""
    result = disks.damage(bench, "zeroed", 8)

    assert result.ends == (10,)
    assert result.wrong == []


def test_a_file_that_cannot_grow_loses_no_order(bench):
    """F-78, F-79, F-87: full between two orders: exit 10, and each is recorded or named."""
    result = disks.limit(bench, 150_000)

    assert result.ends == (10,)
    assert result.wrong == []
