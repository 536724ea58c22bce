"""The start look: before anything is spent, does the API know rows that this ledger does not?

If it does, another machine has run this manifest, or the ledger was lost or restored from an old
copy, or older orders went out under the same reference_ids. Each of them would pay twice.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from batchdub.errors import (
    ApiUnavailableError,
    BatchdubError,
    KeyRefusedError,
    StaleLedgerError,
)
from batchdub.exits import Exit
from batchdub.models import RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import group_by_reference, look_up, read_account
from batchdub.run.reckoning import PAGES, Reckoning, compare_strangers, read_short_account
from batchdub.run.reconcile import candidates
from batchdub.units import counted, local_time

_SAMPLE = 10
_SHOWN = 3


async def look_before_spending(
    context: RunContext, orders: Sequence[Order], reckoning: Reckoning, *, new_ledger: bool
) -> None:
    """Look at the rows, and let nothing be sent if the API has one that the ledger does not.

    Raises as `look_at`, and StaleLedgerError.
    """
    if unexplained := await look_at(context, orders, reckoning, new_ledger=new_ledger):
        raise stale_ledger(unexplained)


async def look_at(
    context: RunContext, orders: Sequence[Order], reckoning: Reckoning, *, new_ledger: bool
) -> list[tuple[Order, RemoteRequest]]:
    """Look at all rows where the account's list is short, and else at a sample of them.

    Gives the requests under these rows' reference_ids that the ledger cannot explain.

    A ledger that explains all that the account has needs no more than the sample. Where it does
    not, or has never ordered, and the list is too long, each row is looked up just before its
    send. Raises ApiUnavailableError or KeyRefusedError if the API cannot be asked; nothing has been
    sent then.
    """
    found: dict[str, tuple[RemoteRequest, ...]] = {}
    requests = await _read(context, reckoning, new_ledger=new_ledger)
    if requests is not None:
        found = group_by_reference(requests, (order.key.sent_as for order in orders))
    else:
        if (new_ledger or reckoning.grown) and not context.options.verify:
            _look_before_each(context, reckoning)
        for order in sample(orders):
            look = await look_up(context, order.key.sent_as)
            if look is None:
                raise cannot_ask(context)
            found[order.key.sent_as] = look.requests
    unexplained = _unexplained(context, orders, found)
    if requests is not None and not unexplained:
        await compare_strangers(context, requests)
    return unexplained


async def _read(
    context: RunContext, reckoning: Reckoning, *, new_ledger: bool
) -> tuple[RemoteRequest, ...] | None:
    """Read the account's whole list, unless there is nothing to be learned from it, or too much."""
    if not new_ledger:
        return await read_short_account(context, reckoning.total) if reckoning.strangers else None
    listing = await read_account(context, max_pages=PAGES)
    if listing is None:
        raise cannot_ask(context)
    return listing.requests if listing.complete else None


def _look_before_each(context: RunContext, reckoning: Reckoning) -> None:
    context.options = replace(context.options, verify=True)
    context.say(
        f"the account has {counted(reckoning.strangers, 'request')} that this ledger does not know,"
        " too many to read at once: each row is looked up just before it is sent"
    )


def sample(orders: Sequence[Order]) -> list[Order]:
    """Choose the first order and up to nine more, spread evenly over the rest."""
    if len(orders) <= _SAMPLE:
        return list(orders)
    step = (len(orders) - 1) / (_SAMPLE - 1)
    return [orders[round(number * step)] for number in range(_SAMPLE)]


def cannot_ask(context: RunContext) -> BatchdubError:
    """Make the error for an API whose list cannot be read before anything is sent."""
    reasons = context.stop.reasons
    why = f"nothing was sent: {reasons[-1].message if reasons else 'its list does not answer'}"
    if context.stop.has(Exit.KEY):
        return KeyRefusedError(why, "set a key that works, then run the same command again")
    return ApiUnavailableError(why, "run the same command again later")


def _unexplained(
    context: RunContext, orders: Sequence[Order], found: dict[str, tuple[RemoteRequest, ...]]
) -> list[tuple[Order, RemoteRequest]]:
    unexplained: list[tuple[Order, RemoteRequest]] = []
    for order in orders:
        requests = found.get(order.key.sent_as, ())
        if not requests:
            continue
        known = context.ledger.explains([request.request_id for request in requests])
        strange = [request for request in requests if request.request_id not in known]
        if order.reached:
            # What came after this job's own first intent is its own, and is adopted at its turn.
            first_at = context.ledger.first_server_at(order.job_id)
            own = candidates(strange, first_at, ())
            strange = [request for request in strange if request not in own]
        unexplained.extend((order, request) for request in strange)
    return unexplained


def stale_ledger(unexplained: Sequence[tuple[Order, RemoteRequest]]) -> StaleLedgerError:
    """Tell of requests that the ledger cannot explain, and what to do."""
    lines = [
        f"{order.row.source}: `{order.key.sent_as}` is request {request.request_id}"
        f" of {local_time(request.created_at)}"
        for order, request in unexplained[:_SHOWN]
    ]
    more = len(unexplained) - len(lines)
    manifests = tuple(dict.fromkeys(order.row.source.path for order, _ in unexplained))
    return StaleLedgerError(
        f"nothing was sent: the API has {counted(len(unexplained), 'request')} under this"
        " manifest's reference_ids that the ledger does not know",
        f"`batchdub ledger rebuild {shlex.join(manifests)}` adopts them;"
        " with --since TIME only newer ones",
        manifests,
        [*lines, f"… and {more:,} more"] if more else lines,
    )
