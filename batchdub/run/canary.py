"""The canary: before the second order is paid for, the first must show in the API's list.

An address that only looks like the API, a server that cuts or changes reference_ids, a list that
ignores its filter or tells times of another zone: each of them would make a whole night
unprovable, and shows on one order.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchdub.exits import Exit
from batchdub.models import RemoteRequest
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import look_up
from batchdub.run.reconcile import candidates, nearly_own
from batchdub.units import local_time

_LONGEST_WAIT_S = 30.0


def canary_first(orders: Sequence[Order]) -> list[Order]:
    """Put the order with the longest reference_id first: that is the one a server would cut."""
    longest = max(orders, key=lambda order: len(order.key.sent_as.encode()), default=None)
    return sorted(orders, key=lambda order: order is not longest)


async def watch_canary(context: RunContext, order: Order, request_id: str) -> None:
    """Wait until the list shows the order under its exact reference_id, or stop the run."""
    gives_up_s = context.clock.monotonic_s() + context.options.settle_s
    wait_s = 1.0
    while context.stop.may_look:
        look = await look_up(context, order.key.sent_as)
        for request in look.requests if look else ():
            if request.request_id == request_id:
                _require_plausible(context, order, request)
                return
        if context.clock.monotonic_s() >= gives_up_s:
            break
        await context.rest(wait_s)
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
    if context.stop.may_look:
        stop_if_canary(context, order.job_id, order.key.sent_as)


def _require_plausible(context: RunContext, order: Order, seen: RemoteRequest) -> None:
    """Stop the run if the list tells a time by which an own order would pass for an older one.

    An order in doubt would never be found then, and be sent again and again.
    """
    first_at = context.ledger.first_server_at(order.job_id)
    if candidates([seen], first_at, ()) or nearly_own([seen], first_at, ()):
        context.desk.seen(order.job_id)
        return
    context.stop.ask(
        Exit.NEEDS_A_LOOK,
        f"the first order, `{order.key.sent_as}`, stands in the API's list as of"
        f" {local_time(seen.created_at)}, hours before it was sent; nothing more is sent, for by"
        " such times no order in doubt could be told from an older one",
    )


def stop_if_canary(context: RunContext, job_id: int, sent_as: str) -> None:
    """Stop the run if this job is the canary: its order could not be seen."""
    if context.desk.is_canary(job_id):
        context.stop.ask(
            Exit.NEEDS_A_LOOK,
            f"the first order, `{sent_as}`, does not show in the API's list; nothing more is sent"
            " (check the address; `--no-canary` goes without this proof)",
        )
