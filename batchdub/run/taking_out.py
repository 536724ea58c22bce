"""Taking pending rows out, by a person's word: they are not ordered, and nothing is sent."""

from __future__ import annotations

from collections.abc import Collection

from batchdub.exits import Exit
from batchdub.ledger import open_for_reading
from batchdub.run.decisions import Deciding
from batchdub.run.judging import Judged, judge
from batchdub.run.session import open_session
from batchdub.states import Event


def take_out(deciding: Deciding, names: Collection[str]) -> Judged:
    """Take these rows out, as one recorded run under the lock; gives those that it did, and not.

    Each is judged anew, since a run may have been faster. Raises LedgerInUseError and
    LedgerUnusableError.
    """
    with open_for_reading(deciding.ledger_path) as reader:
        api = reader.meta("api") or ""
    with open_session(
        deciding.ledger_path,
        clock=deciding.clock,
        command="cancel",
        target=api,
        version=deciding.version,
    ) as session:
        ledger = session.ledger
        jobs = ledger.latest_jobs(sorted(names)).values()
        judged = judge(jobs, Event.CANCEL, {})
        with ledger.transaction():
            for job in judged.granted:
                ledger.cancel(job.job_id, job.state, deciding.actor)
        session.exit_code = Exit.DONE
    return judged
