"""A few of the trials that `python -m tests.crash` makes by the hundred; these need no strace."""

from __future__ import annotations

import signal

import pytest

from tests.crash import disks, meddling, oracle, program
from tests.crash.moods import SLOW
from tests.crash.starts import DOUBT, FRESH

pytestmark = pytest.mark.real_time


def test_a_kill_in_the_middle_of_orders_costs_nothing(bench):
    """Two orders are on the wire, accepted and unanswered: the next run must find them."""
    with bench.place(FRESH, SLOW) as place:
        with program.start(place.command()) as process:
            program.wait_for_orders(place, 3)
            process.kill()
            assert program.finish(process).killed

        assert oracle.recover(place) == []


def test_an_order_that_never_arrived_is_sent_once(bench):
    """Of two intents on disk one order exists: one is adopted, the other is sent again."""
    with bench.place(DOUBT) as place:
        assert oracle.recover(place) == []


def test_a_signal_ends_a_run_that_can_go_on(bench):
    """In flight is recorded, or in doubt; the same command finishes the rows."""
    result = meddling.interrupt(bench, signal.SIGTERM, after_s=0.9, times=1, mood=SLOW)

    assert result.wrong == []


def test_of_two_runs_at_once_one_sends_nothing(bench):
    """The lock comes before any work: one run, four attempts, four orders."""
    assert meddling.together(bench).wrong == []


def test_a_run_that_slept_sends_nothing_twice(bench):
    """A laptop was closed with two orders on the wire."""
    assert meddling.sleep(bench, orders=2, seconds=0.6).wrong == []


def test_a_damaged_page_stops_a_run_before_it_sends(bench):
    """What a page of zeros says of an order cannot be believed."""
    result = disks.damage(bench, "zeroed", 8)

    assert result.ends == (10,)
    assert result.wrong == []


def test_a_file_that_cannot_grow_loses_no_order(bench):
    """The disk is full between two orders: exit 10, and each is recorded or named."""
    result = disks.limit(bench, 170_000)

    assert result.ends == (10,)
    assert result.wrong == []
