"""A few of the system calls that CI has refused by the hundred; skipped where strace is missing."""

from __future__ import annotations

import signal

import pytest

from tests.crash import interrupts, kills, outputs, refusals, tracing
from tests.crash.tracing import LEDGER, WIRE, Point

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(bool(tracing.missing()), reason=tracing.missing()),
]


@pytest.mark.parametrize(
    "text",
    [
        "fresh,ledger:pwrite64:45,EDQUOT,onwards",
        "fresh,ledger:pwrite64:45,EIO,once",
        "half,ledger:fdatasync:6,EIO,once",
        "fresh,ledger:openat:1,EROFS,onwards",
        "fresh,ledger:openat:1,EMFILE,onwards",
    ],
)
def test_a_disk_that_refuses_stops_the_run_and_costs_nothing(bench, text):
    """F-80, F-81, F-82, F-89: exit 10, each order recorded or named, and the next run finishes."""
    result = refusals.refuse(bench, refusals.refusal_of(text))

    assert (result.struck, result.ends, result.wrong) == (True, (10,), [])


def test_a_call_that_was_interrupted_is_made_again(bench):
    """F-87: EINTR is no failure; nobody notices."""
    result = refusals.refuse(bench, refusals.refusal_of("fresh,ledger:pwrite64:45,EINTR,once"))

    assert (result.struck, result.ends, result.wrong) == (True, (0,), [])


def test_a_kill_at_a_call_and_another_in_the_recovery_cost_nothing(bench):
    """F-92, F-95, F-96: the intent's own sync is the last call of one, a reply of the other."""
    trial = "half,well,ledger:fdatasync:6,paused:epoll_pwait:9"
    result = kills.perform(bench, kills.trial_of(trial))

    assert (result.ends, result.wrong) == ((137, 137), [])


@pytest.mark.parametrize("number", interrupts.SIGNALS)
@pytest.mark.parametrize("point", [Point(LEDGER, "fdatasync", 6), Point(WIRE, "write", 9)])
def test_a_signal_at_a_call_ends_the_run_well(bench, number, point):
    """F-99: in the middle of a commit, and of an order."""
    result = interrupts.interrupt_at(bench, "fresh", "drop-after", point, number)

    code = {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert (result.struck, result.ends, result.wrong) == (True, (code,), [])


def test_a_report_that_cannot_be_finished_leaves_the_old_one(bench):
    """The last step, giving it its name, is refused."""
    assert outputs.refuse_output(bench, "rename", "EIO", onwards=False).wrong == []
