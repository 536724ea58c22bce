"""What must be true after a fault and a recovery: the API's own books have the last word."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing

from batchdub.ledger import check_ledger, open_for_reading
from batchdub.sandbox.books import read_books
from batchdub.states import ORDERED
from tests.crash import program
from tests.crash.program import KEY, ROWS, SIGNATURE

# What a run may end with while it is on its way to done: in doubt still, or a list that failed.
_ON_THE_WAY = frozenset({6, 9})
_RUNS = 6


def recover(place):
    """Run the same command until it is done; gives what was wrong on the way or afterwards."""
    for _ in range(_RUNS):
        ended = program.run(place.command())
        if ended.code == 0:
            return [*wrong(place), *leaked(place, ended.talk)]
        if ended.code not in _ON_THE_WAY:
            return [f"the recovery exits {ended.code}: {last_words(ended)}", *twice(place)]
    return [f"not done after {_RUNS} runs: {last_words(ended)}", *twice(place)]


def wrong(place):
    """Hold the ledger against the books: each row ordered once, known to be, and all sound."""
    return [*twice(place), *damage(place), *unknown(place)]


def unknown(place):
    """Name every row that was never ordered, and every order that the ledger does not have."""
    orders = {order.reference_id: order.request_id for order in read_books(place.books)}
    found = [f"`{row}` was never ordered" for row in ROWS if row not in orders]
    with open_for_reading(place.ledger) as ledger:
        jobs = ledger.latest_jobs(ROWS)
    for row in ROWS:
        job = jobs.get(row)
        if job is None or job.state not in ORDERED or job.request_id != orders.get(row):
            found.append(f"`{row}`: the ledger does not have its order: {job}")
    return found


def twice(place):
    """Name every row that was paid for more than once."""
    counts = Counter(order.reference_id for order in read_books(place.books))
    return [f"`{row}` was ordered {number} times" for row, number in counts.items() if number > 1]


def damage(place):
    """Give what SQLite and the ledger's own check find."""
    with closing(sqlite3.connect(place.ledger)) as connection:
        verdicts = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    with open_for_reading(place.ledger) as ledger:
        return [*(verdict for verdict in verdicts if verdict != "ok"), *check_ledger(ledger)]


def leaked(place, *talk):
    """Name every file but the manifest that holds a planted secret, and talk that does."""
    secrets = (KEY.encode(), SIGNATURE.encode())
    texts = {"what it said": "".join(talk).encode()}
    for path in {*place.folder.iterdir(), *place.ledger.parent.iterdir()}:
        if path != place.manifest and path.is_file():
            texts[path.name] = path.read_bytes()
    return [
        f"a planted secret in {name}" for name, text in texts.items() for s in secrets if s in text
    ]


def last_words(ended):
    """Give the end of what a run said, on one line."""
    return " / ".join(ended.talk.strip().splitlines()[-3:])
