"""The later look: a try that came to nothing may show as an order after the fact.

A server may accept a cut-off call later than the settle window, take an order and say 429, and a
proxy may send one twice. That cannot be prevented from here, so it is looked for, and never passed
over in silence. For a day after a rebuild that holds for each ordered row: how often it was tried
before the loss is not known.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from itertools import chain

from batchdub.models import Job, RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.lookup import look_up_all
from batchdub.run.reconcile import NEARLY_REASON, candidates, nearly_own
from batchdub.states import ORDERED, JobState

MEMORY = timedelta(days=7)
_AFTER_LOSS = timedelta(days=1)


async def look_again(context: RunContext) -> bool:
    """Look at every job that may have an order we do not know; False if it cannot be known.

    An order of a pending job is adopted; every further one is recorded as a duplicate.
    """
    now = context.clock.now()
    jobs = [
        job
        for job in chain(
            context.ledger.tried_in_vain(now - MEMORY),
            context.ledger.restored(now - _AFTER_LOSS),
        )
        if job.state not in {JobState.IN_DOUBT, JobState.SENDING}
    ]
    if not jobs or not context.stop.may_look:
        return not jobs
    found = await look_up_all(context, [job.key.sent_as for job in jobs])
    if found is None:
        return False
    for job in jobs:
        await compare(context, job, found[job.key.sent_as])
    return True


async def compare(context: RunContext, job: Job, requests: Collection[RemoteRequest]) -> None:
    """Hold what stands under a tried job's reference_id at the API against what the ledger knows.

    Of a pending job it is adopted, or left to a person where the server's clocks disagree; of any
    other it is a duplicate, which is recorded and told.
    """
    ids = [request.request_id for request in requests]
    first_at = context.ledger.first_server_at(job.job_id)
    if job.state is JobState.PENDING:
        taken = context.ledger.taken_from(job.job_id, ids)
        if own := candidates(requests, first_at, taken):
            await context.adopt(job, JobState.PENDING, own)
        elif job.held != NEARLY_REASON and nearly_own(requests, first_at, taken):
            name = f"{job.source}: `{job.key.sent_as}`"
            await context.leave_to_person(job.job_id, name, NEARLY_REASON)
        return
    known = context.ledger.explains(ids)
    own = candidates(requests, first_at, known)
    # Where the server's clocks disagree, a further order may seem older than the first try.
    strange = [*nearly_own(requests, first_at, known), *own]
    if not strange:
        return

    def record() -> None:
        for request in strange:
            context.ledger.record_other(job.job_id, request, "duplicate")

    await context.journal.write(record)
    ordered = "more than once" if job.state in ORDERED else f"though it is {job.state}"
    for request in strange:
        context.say(
            f"{job.source}: `{job.key.sent_as}` was ordered {ordered}: {request.request_id}"
        )
