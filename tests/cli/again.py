"""What the tests of `retry`, `reorder` and `cancel` share: rows that have ended, and decisions."""

from __future__ import annotations

from datetime import UTC, datetime

from batchdub.clock import SystemClock
from batchdub.ledger import Ledger, open_for_reading
from batchdub.models import RemoteRequest
from batchdub.states import Event

NO_VIDEO = "video URL is not accessible"


def end_orders(folder, state, *names, error=NO_VIDEO):
    """Have these rows' orders end so, as polling would."""
    with Ledger(folder / "batchdub.db", SystemClock()) as ledger, ledger.transaction():
        for name in names:
            job = ledger.latest_jobs([name])[name]
            seen = RemoteRequest(
                job.request_id,
                datetime.now(UTC),
                state,
                job.key.sent_as,
                error_message=error if state == "failed" else None,
            )
            ledger.record_status(job.job_id, seen, Event(state))


def last_decision(folder, name):
    """Give what was decided last about a row: the event, the state after it, who and why."""
    with open_for_reading(folder / "batchdub.db") as ledger:
        steps = [step for step in ledger.history(name)["transitions"] if step["actor"]]
    step = steps[-1]
    return step["event"], step["to_state"], step["actor"], step["note"]


def revisions(folder):
    """Give the latest revision of each row."""
    with open_for_reading(folder / "batchdub.db") as ledger:
        return {row["reference_id"]: row["revision"] for row in ledger.report_rows()}
