"""Another process with the same ledger: holds its lock, or commits orders until it is killed.

    python -m tests.ledger.child hold LEDGER
    python -m tests.ledger.child batch FOLDER
    python -m tests.ledger.child order LEDGER

It says a line on stdout for each thing it has done, and goes on only as long as someone reads.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from batchdub.clock import SystemClock
from batchdub.ledger import held_batch, held_lock
from tests.ledger.support import accepted, add_jobs, open_ledger


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def hold(path):
    with held_lock(path, SystemClock()):
        say("held")
        time.sleep(600)


def batch(folder):
    with held_batch(folder, [("tonight.csv", "https://api.example.com abc")], SystemClock()):
        say("held")
        time.sleep(600)


def order(path):
    ledger = open_ledger(path, "killed-run")
    for job_id in add_jobs(ledger, *(f"row-{number:04d}" for number in range(5000))):
        with ledger.transaction():
            begun = ledger.begin_attempt(job_id)
        say(f"intent {job_id}")
        with ledger.transaction():
            ledger.end_attempt(begun, accepted(f"request-{job_id}"))
        say(f"order {job_id}")


if __name__ == "__main__":
    {"hold": hold, "batch": batch, "order": order}[sys.argv[1]](Path(sys.argv[2]))
