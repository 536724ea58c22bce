"""Signals at any moment, two runs at once, and a process that sleeps for a while."""

from __future__ import annotations

import signal
import time

from batchdub.ledger import open_for_reading
from batchdub.sandbox.books import read_books
from tests.crash import oracle, program
from tests.crash.campaign import Result
from tests.crash.moods import SLOW, WELL
from tests.crash.program import ROWS
from tests.crash.starts import FRESH

_EXIT = {signal.SIGTERM: 143, signal.SIGINT: 130}
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
        if ended.code not in (_EXIT[number], 0):
            wrong.append(f"exit {ended.code}: {oracle.last_words(ended)}")
        if ended.code and "Traceback" in ended.talk and "ledger:" in ended.talk:
            wrong.append("a traceback once the run had begun")
        wrong += oracle.recover(place)
    name = f"{number.name} {'twice' if times == 2 else 'once'}"
    replay = f"{name} after {after_s:.3f} s"
    return Result(name, ended.code != 0, (ended.code,), wrong, replay)


def moments(every_s, until_s):
    """Give each moment at which a signal is sent, in seconds, spread over a run's life."""
    return [number * every_s for number in range(1, int(until_s / every_s) + 1)]


def together(bench):
    """Start two runs at the same moment: one works, the other exits 7 and sends nothing."""
    with bench.place(FRESH, SLOW) as place:
        with program.start(place.command()) as one, program.start(place.command()) as two:
            ended = [program.finish(one), program.finish(two)]
        codes = sorted(each.code for each in ended)
        wrong = [] if codes == [0, 7] else [f"they exit {codes[0]} and {codes[1]}"]
        wrong += [*oracle.wrong(place), *oracle.leaked(place, *(each.talk for each in ended))]
        orders = len(list(read_books(place.books)))
        with open_for_reading(place.ledger) as ledger:
            runs, attempts = (
                ledger.run_count(),
                sum(job.attempts for job in ledger.latest_jobs(ROWS).values()),
            )
        if (orders, attempts, runs) != (len(ROWS), len(ROWS), 1):
            wrong.append(f"{orders} orders, {attempts} attempts, {runs} runs")
        wrong += oracle.recover(place)
    return Result("two runs at once", 1, tuple(codes), wrong, "together")


def sleep(bench, orders, seconds=1.5):
    """Stop the process in the middle of its orders, as a closed laptop does, and let it go on."""
    with bench.place(FRESH, SLOW) as place:
        with program.start(place.command()) as process:
            program.wait_for_orders(place, orders)
            process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)
            ended = program.finish(process)
        wrong = [] if ended.code == 0 else [f"exit {ended.code}: {oracle.last_words(ended)}"]
        wrong += [*oracle.twice(place), *oracle.recover(place)]
    return Result("SIGSTOP, SIGCONT", 1, (ended.code,), wrong, f"sleep {orders}")
