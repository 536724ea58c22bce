"""Many trials on a few benches at once, and the table that is left of them."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.crash.bench import Bench


@dataclass(frozen=True, slots=True)
class Result:
    """A trial: the line of the table it belongs to, how often its fault struck, what was wrong.

    `replay` is what to give to `--replay` to have the trial again.
    """

    line: str
    struck: int
    ends: tuple[int, ...] = ()
    wrong: Sequence[str] = ()
    replay: str = ""


@dataclass(slots=True)
class Tally:
    """The results so far, by line of the table."""

    trials: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    ends: dict[str, Counter[int]] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, result) -> None:
        """Take a result in; a violation is told at once."""
        self.trials[result.line] += 1
        self.struck[result.line] += result.struck
        self.ends.setdefault(result.line, Counter()).update(result.ends)
        if result.wrong:
            self.wrong[result.line] += 1
            say(f"VIOLATION {result.replay or result.line}: " + "; ".join(result.wrong))

    def table(self, title):
        """Give the table as lines, with a last line of sums."""
        rows = [(title, "trials", "struck", "violations", "exit codes")]
        for line in self.trials:
            codes = " ".join(f"{code}x{n}" for code, n in sorted(self.ends[line].items()))
            numbers = (self.trials[line], self.struck[line], self.wrong[line])
            rows.append((line, *map(str, numbers), codes))
        sums = (self.trials.total(), self.struck.total(), self.wrong.total())
        rows.append(("all", *map(str, sums), ""))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return [_aligned(row, widths) for row in rows]


def _aligned(row, widths):
    name, *numbers, codes = row
    cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join((name.ljust(widths[0]), *cells, codes)).rstrip()


def carry_out(trials, perform, *, jobs, title, enough=None):
    """Perform trials, each on a free bench, until there are no more or `enough` struck.

    Prints the table, and gives 0 if every kind of fault struck and nothing was wrong, else 1.
    """
    began_s = time.monotonic()
    tally = Tally()

    def done():
        return enough is not None and tally.struck.total() >= enough

    on_benches(jobs, trials, perform, tally.add, done)
    say(*tally.table(title), f"{time.monotonic() - began_s:.0f} s with {jobs} jobs")
    idle = [line for line, number in tally.struck.items() if not number]
    say(*(f"VIOLATION {line}: the fault never struck, so nothing is proven" for line in idle))
    return 1 if idle or not tally.struck or tally.wrong.total() else 0


def on_benches(jobs, items, perform, take, done=lambda: False):
    """Perform items on free benches until none is left, or `done`; `take` results but None.

    Two benches for each job, since half of a trial's time is waiting.
    """
    waiting, lock = iter(items), threading.Lock()

    def work():
        with Bench() as bench:
            while True:
                with lock:
                    item = None if done() else next(waiting, None)
                if item is None:
                    return
                result = perform(bench, item)
                with lock:
                    if result is not None:
                        take(result)

    with ThreadPoolExecutor(2 * jobs) as pool:
        for future in [pool.submit(work) for _ in range(2 * jobs)]:
            future.result()


def say(*lines):
    """Print lines for whoever watches."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
