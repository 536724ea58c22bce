"""The campaign of refusals, full disks, damage and meddling: every trial as one list."""

from __future__ import annotations

import signal
from itertools import islice

from tests.crash import disks, interrupts, meddling, outputs, refusals, tracing
from tests.crash.bench import Bench
from tests.crash.campaign import carry_out, say
from tests.crash.moods import SLOW, WELL
from tests.crash.starts import STARTS

SECTIONS = (
    *("refusals", "disks", "damage", "outputs", "together", "interrupts", "signals", "sleep"),
)
_SLEEPS_S = (8 * 3600, 0, -3600)
_LIFE_S = {WELL: 0.8, SLOW: 1.6}


def main(*, number, jobs, every_ms, only, replay=None):
    """Do the sections in `only`, `number` trials of each that has many; gives the exit code."""
    why = tracing.missing()
    if why:
        say(why)
        return 1
    # What is started in the background ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if replay:
        trials = [_again(replay)]
    else:
        with Bench() as bench:
            trials = [t for name in only for t in _SECTIONS[name](bench, number, every_ms / 1000)]
    return carry_out(trials, _perform, jobs=jobs, title="faults")


def _again(text):
    if text.rpartition(",")[2] in ("once", "onwards"):
        return refusals.refuse, refusals.refusal_of(text)
    return interrupts.interrupt_at, *interrupts.interrupt_of(text)


def _perform(bench, trial):
    call, *arguments = trial
    return call(bench, *arguments)


# Each gives trials as a function and what it takes beside the bench.


def _refusals(bench, number, _every_s):
    return [(refusals.refuse, each) for each in islice(refusals.all_refusals(bench), number)]


def _disks(_bench, number, _every_s):
    limits = [(disks.limit, size) for size in disks.limits(number // 4)]
    fills = [(disks.fill, orders) for orders in (1, 2, 3, 4)]
    return [*limits, *fills, *((disks.read_only, start) for start in STARTS)]


def _damage(bench, number, _every_s):
    return [(disks.damage, *each) for each in disks.damages(disks.pages(bench), number)]


def _outputs(_bench, _number, _every_s):
    return [(outputs.refuse_output, *each) for each in outputs.all_outputs()]


def _interrupts(bench, number, _every_s):
    return [
        (interrupts.interrupt_at, *each)
        for each in islice(interrupts.all_interrupts(bench), number)
    ]


def _together(_bench, number, _every_s):
    return [(meddling.together,)] * (number // 5)


def _signals(_bench, _number, every_s):
    return [
        (meddling.interrupt, signal_number, after_s, times, mood)
        for mood, life_s in _LIFE_S.items()
        for after_s in meddling.moments(every_s, life_s)
        for signal_number in (signal.SIGTERM, signal.SIGINT)
        for times in (1, 2)
    ]


def _sleep(_bench, _number, _every_s):
    return [
        (meddling.sleep, orders, 1.5, jump_s)
        for orders in (1, 2, 3, 4)
        for jump_s in _SLEEPS_S[: 1 if orders % 2 else None]
    ]


_SECTIONS = dict(
    zip(
        SECTIONS,
        (_refusals, _disks, _damage, _outputs, _together, _interrupts, _signals, _sleep),
        strict=True,
    )
)
