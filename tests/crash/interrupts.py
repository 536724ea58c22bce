"""SIGTERM and SIGINT at system calls, so at every phase of a run; the same command goes on."""

from __future__ import annotations

import signal
from itertools import cycle, product

from tests.crash import meddling, oracle, program, tracing
from tests.crash.campaign import Result
from tests.crash.moods import MOODS, SLOW
from tests.crash.points import in_turn, points
from tests.crash.starts import STARTS
from tests.crash.tracing import point_of

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_BY_NAME = {mood.name: mood for mood in (*MOODS, SLOW)}


def all_interrupts(bench):
    """Give every start, mood and moment in turn, with both signals alternating."""
    moments = []
    for start, mood in product(STARTS, (MOODS[1], SLOW)):
        with bench.place(start, mood) as place:
            ended = program.run(place.command(), tracing.recording(bench.trace))
            assert ended.code == 0, ended.talk
            counts = tracing.count(place, bench.trace.read_text())
        moments.append([(start, mood.name, point) for point in points(counts)])
    for moment, number in zip(in_turn(moments), cycle(SIGNALS), strict=False):
        yield (*moment, number)


def interrupt_at(bench, start, mood, point, number):
    """Carry one trial out."""
    with bench.place(start, _BY_NAME[mood]) as place:
        fault = f"signal={number.name.removeprefix('SIG')}"
        ended = program.run(place.command(), tracing.injecting(place, bench.trace, point, fault))
        wrong = [*oracle.twice(place), *oracle.leaked(place, ended.talk)]
        if ended.code not in (meddling.EXIT[number], 0):
            wrong.append(f"exit {ended.code}: {oracle.last_words(ended)}")
        if "Traceback" in ended.talk:
            wrong.append("a traceback")
        wrong += oracle.recover(place)
    struck = f"--- {number.name} " in bench.trace.read_text()
    replay = f"errno --replay {start},{mood},{point},{number.name}"
    return Result(f"{number.name} at a call", struck, (ended.code,), wrong, replay)


def interrupt_of(text):
    """Read an interrupt back, as a violation's line has it."""
    start, mood, point, name = text.split(",")
    return start, mood, point_of(point), signal.Signals[name]
