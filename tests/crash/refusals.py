"""System calls that fail: the Nth write, sync or open of the ledger, once or from then on.

A run may stop with exit 10, or never notice. It must not send after an intent that failed, and an
order whose outcome could not be kept must be named on the terminal, for it is nowhere else.
F-78, F-79, F-80, F-81, F-82, F-87, F-89.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import open_for_reading
from batchdub.sandbox.books import read_books
from batchdub.states import ORDERED
from tests.crash import oracle, program, tracing
from tests.crash.campaign import Result
from tests.crash.points import in_turn, spread
from tests.crash.program import ROWS
from tests.crash.starts import DOUBT, FRESH, HALF
from tests.crash.tracing import LEDGER, Point, point_of

ERRORS = {
    "pread64": ("EIO",),
    "pwrite64": ("ENOSPC", "EIO", "EDQUOT", "EROFS", "EINTR"),
    "fdatasync": ("EIO", "ENOSPC", "EROFS", "EDQUOT"),
    "openat": ("ENOSPC", "EROFS", "EIO", "EMFILE"),
    "ftruncate": ("EIO", "ENOSPC"),
    "unlink": ("EIO", "EROFS"),
    "close": ("EIO",),
    "mmap": ("ENOMEM",),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error number at a point, once or from then on, in a run from a start state."""

    start: str
    point: Point
    error: str
    onwards: bool

    def __str__(self) -> str:
        return f"{self.start},{self.point},{self.error},{'onwards' if self.onwards else 'once'}"


def refusal_of(text):
    """Read a refusal back, as a violation's line has it."""
    start, point, error, how = text.split(",")
    return Refusal(start, point_of(point), error, how == "onwards")


def all_refusals(bench):
    """Give refusals of every kind in turn, spread over the run."""
    kinds = []
    for start in (FRESH, HALF, DOUBT):
        counts = _record(bench, start)
        for call, errors in ERRORS.items():
            numbers = spread(counts[LEDGER, call])
            for error, onwards in product(errors, (False, True)):
                if error == "EINTR" and onwards:
                    continue  # "try again" for ever is no fault, but a hang of our own making
                kinds.append(
                    [Refusal(start, Point(LEDGER, call, nth), error, onwards) for nth in numbers]
                )
    return in_turn([_turned(kind, number) for number, kind in enumerate(kinds)])


def _turned(kind, number):
    """Begin each kind elsewhere, so that few trials still meet many moments."""
    at = number % len(kind) if kind else 0
    return kind[at:] + kind[:at]


def _record(bench, start):
    with bench.place(start) as place:
        ended = program.run(place.command(), tracing.recording(bench.trace))
        assert ended.code == 0, ended.talk
        return tracing.count(place, bench.trace.read_text())


def refuse(bench, refusal):
    """Carry one trial out."""
    with bench.place(refusal.start) as place:
        before = _ordered(place)
        strace = tracing.injecting(
            place, bench.trace, refusal.point, f"error={refusal.error}", onwards=refusal.onwards
        )
        ended = program.run(place.command(), strace)
        wrong = after_refusal(place, ended, before) + oracle.recover(place)
    struck = "(INJECTED)" in bench.trace.read_text()
    name = f"{refusal.point.call} {refusal.error}"
    return Result(name, struck, (ended.code,), wrong, f"errno --replay {refusal}")


def after_refusal(place, ended, before=()):
    """Say what is wrong with a run whose disk refused: `before` are request ids from earlier."""
    wrong = [*oracle.twice(place), *oracle.leaked(place, ended.talk)]
    if ended.code not in (0, 10):
        wrong.append(f"exit {ended.code}: {oracle.last_words(ended)}")
    if "Traceback" in ended.talk:
        wrong.append("a traceback")
    if ended.code == 10 and place.ledger.name not in _complaint(ended):
        wrong.append(f"the message does not name the ledger: {oracle.last_words(ended)}")
    kept = _kept(place)
    for order in read_books(place.books):
        if order.request_id in before:
            continue
        state, request_id = kept.get(order.reference_id, (None, None))
        if state is None:
            wrong.append(f"`{order.reference_id}` was sent without an intent on disk")
        elif request_id != order.request_id and order.request_id not in ended.talk:
            wrong.append(f"`{order.reference_id}` is ordered, but its request id is nowhere")
    return wrong


def _complaint(ended):
    return " ".join(line for line in ended.talk.splitlines() if not line.startswith("ledger:"))


def _ordered(place):
    return {order.request_id for order in read_books(place.books)}


def _kept(place):
    """Give the state and request id of every row that has an attempt in the ledger."""
    try:
        with open_for_reading(place.ledger) as ledger:
            jobs = ledger.latest_jobs(ROWS)
            return {
                row: (job.state, job.request_id if job.state in ORDERED else None)
                for row, job in jobs.items()
                if job.attempts
            }
    except LedgerUnusableError:
        return {}
