"""The reckoning: how many requests of the account the ledger cannot explain.

One free call tells how many there are. A ledger that was restored from an old copy knows too few
of them, and so does one whose order something in between has sent twice: both look sound from
within, and neither shows in a sample. So what is unexplained is read, if the list is short enough;
a long one is held against what was unexplained when the last run ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

from batchdub.ledger import Ledger, Queries
from batchdub.models import Job, JobKey, RemoteRequest
from batchdub.run.afterlook import compare
from batchdub.run.context import RunContext
from batchdub.run.lookup import PAGE, account_total, group_by_reference, read_account
from batchdub.states import ORDERED, Event, JobState
from batchdub.units import counted

PAGES = 20
"""How many pages are read at once: in longer accounts nobody waits for the whole list."""
_NAME = "account_strangers"
_NOT_NOW = frozenset({JobState.PENDING, JobState.IN_DOUBT, JobState.SENDING})


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How the account stood when a run began: `total` requests, and of them `strangers`.

    `strangers` are those that the ledger cannot explain. `grown` tells that there are more of
    them than when the last run ended, or that this is not known; `first` that it is not known.
    """

    total: int
    strangers: int
    grown: bool
    first: bool


def reckon(ledger: Queries, total: int) -> Reckoning:
    """Hold the number of the account's requests against what the ledger can explain."""
    kept, now = ledger.meta(_NAME), max(0, total - ledger.explained())
    return Reckoning(total, now, kept is None or now > int(kept), kept is None)


def keep_strangers(ledger: Ledger, number: int) -> None:
    """Keep, in the caller's transaction, how much is unexplained, for the next run."""
    ledger.set_meta(_NAME, str(number))


async def read_short_account(context: RunContext, total: int) -> tuple[RemoteRequest, ...] | None:
    """Read the whole list of an account with so many requests; None if it is long, or fails."""
    if total > PAGES * PAGE:
        return None
    listing = await read_account(context, max_pages=PAGES)
    return listing.requests if listing is not None and listing.complete else None


async def reckon_up(context: RunContext, before: Reckoning) -> None:
    """At the end of a run: has the account more than the ledger accounts for?

    Further orders of the rows that were tried are recorded as duplicates. Of an account that is
    too long to be read, or cannot be, the person is told to audit. A run that ordered and found
    nothing has not read the list before: it does so now if there is anything unexplained at all.
    """
    ledger, tally = context.ledger, context.tally
    worked = tally.events[Event.ACCEPTED] or tally.adopted
    if not context.stop.may_look or not (worked or before.strangers):
        return
    total = await account_total(context)
    if total is None:
        return
    # What was adopted may have been a stranger before; what was ordered never was.
    expected = max(0, before.strangers - tally.adopted)
    more = reckon(ledger, total).strangers - expected
    if more > 0 or not worked:
        requests = await read_short_account(context, total)
        if requests is not None:
            await compare_strangers(context, requests)
        elif worked and more > len(ledger.doubts()):  # what is in doubt is told already
            context.say(
                f"the account has {counted(more, 'request')} more than this ledger can explain:"
                " `batchdub audit` tells whether a row was ordered twice"
            )
    # What has grown while nobody looked stays so, until a rebuild has read the whole list.
    if worked and (before.first or not before.grown):
        # A list that lags shows less than there is, so what was there before counts still.
        number = max(reckon(ledger, total).strangers, expected)
        await context.journal.write(partial(keep_strangers, ledger, number))


async def compare_strangers(context: RunContext, requests: Collection[RemoteRequest]) -> None:
    """Look for further orders of the rows that were tried among all requests of the account."""
    ledger = context.ledger
    known = ledger.explains([request.request_id for request in requests])
    strange = [request for request in requests if request.request_id not in known]
    names = {request.reference_id for request in strange if request.reference_id}
    found = group_by_reference(strange, names)
    for job in _tried(ledger, names):
        await compare(context, job, found[job.key.sent_as])


def _tried(ledger: Ledger, names: Collection[str]) -> Iterator[Job]:
    """Give the jobs, of any revision, that were tried under these names.

    Without those that may still be sent, or are settled: each of them gets a look of its own.
    """
    rows = {JobKey.of(name).reference_id for name in names}
    jobs = [job for jobs in ledger.all_revisions(sorted(rows)).values() for job in jobs]
    reached = ledger.reached_before([job.job_id for job in jobs])
    for job in jobs:
        own = job.state in ORDERED or job.job_id in reached
        if own and job.key.sent_as in names and job.state not in _NOT_NOW:
            yield job
