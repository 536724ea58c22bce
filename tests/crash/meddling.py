"""Signals at any moment, two runs at once, and a process that sleeps for a while."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing

from batchdub.ledger import open_for_reading
from tests.crash import oracle, program
from tests.crash.campaign import Result
from tests.crash.moods import SLOW, WELL
from tests.crash.program import ROWS
from tests.crash.starts import FRESH

EXIT = {signal.SIGTERM: 143, signal.SIGINT: 130}
_SECOND_AFTER_S = 0.03


def interrupt(bench, number, after_s, times, mood=WELL):
    """Send a signal some seconds after the start, once or twice; the same command goes on."""
    with bench.place(FRESH, mood) as place:
        with program.start(place.command()) as process:
            time.sleep(after_s)
            process.send_signal(number)
            if times == 2:
                time.sleep(_SECOND_AFTER_S)
                process.send_signal(number)
            ended = program.finish(process)
        wrong = [*oracle.twice(place), *oracle.leaked(place, ended.talk)]
        if ended.code not in (EXIT[number], 0) and not _before_the_program(ended):
            wrong.append(f"exit {ended.code}: {oracle.last_words(ended)}")
        if ended.code and "Traceback" in ended.talk and "ledger:" in ended.talk:
            wrong.append("a traceback once the run had begun")
        wrong += oracle.recover(place)
    name = f"{number.name} {'twice' if times == 2 else 'once'}"
    replay = f"{name} after {after_s:.3f} s"
    return Result(name, ended.code != 0, (ended.code,), wrong, replay)


def _before_the_program(ended):
    """Whether Python itself was interrupted, before a line of ours was read: it exits with 1."""
    return ended.code == 1 and "KeyboardInterrupt" in ended.talk and "batchdub/" not in ended.talk


def moments(every_s, until_s):
    """Give each moment at which a signal is sent, in seconds, spread over a run's life."""
    return [number * every_s for number in range(1, int(until_s / every_s) + 1)]


def together(bench):
    """Start two runs at the same moment: one works, the other exits 7 and sends nothing.

    On a busy machine the second may begin when the first has ended; then both may work.
    """
    with bench.place(FRESH, SLOW) as place:
        with program.start(place.command()) as one, program.start(place.command()) as two:
            ended = [program.finish(one), program.finish(two)]
        codes = sorted(each.code for each in ended)
        overlapped = not _one_after_the_other(place)
        wrong = [] if codes == [0, 7 if overlapped else 0] else [f"they exit {codes}"]
        wrong += [*oracle.wrong(place), *oracle.leaked(place, *(each.talk for each in ended))]
        with open_for_reading(place.ledger) as ledger:
            attempts = [job.attempts for job in ledger.latest_jobs(ROWS).values()]
        if attempts != [1] * len(ROWS):
            wrong.append(f"{attempts} attempts")
        wrong += oracle.recover(place)
    return Result("two runs at once", int(overlapped), tuple(codes), wrong, "together")


def _one_after_the_other(place):
    with closing(sqlite3.connect(place.ledger)) as connection:
        runs = connection.execute(
            "SELECT started_at, ended_at FROM runs ORDER BY started_at"
        ).fetchall()
    return len(runs) == 2 and runs[0][1] is not None and runs[0][1] <= runs[1][0]


def sleep(bench, orders, seconds=1.5, jump_s=0):
    """Stop the process in the middle of its orders, as a closed laptop does, and let it go on.

    By the wall clock it has slept `jump_s` longer than by the monotonic one.
    """
    with bench.place(FRESH, SLOW) as place:
        asleep = ("tests.crash.slept", str(jump_s))
        with program.start(place.command(program=asleep)) as process:
            program.wait_for_orders(place, orders)
            process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)
            ended = program.finish(process)
        wrong = [] if ended.code == 0 else [f"exit {ended.code}: {oracle.last_words(ended)}"]
        wrong += [*oracle.twice(place), *oracle.recover(place)]
    name = f"sleep, wall clock {jump_s:+} s"
    return Result(name, 1, (ended.code,), wrong, f"sleep {orders}, {jump_s} s")
