"""The canary: before the second order is paid for, the first must show in the API's list.

An address that only looks like the API, a server that cuts or changes reference_ids, a list that
ignores its filter: each of them would make a whole night unprovable, and shows on one order.
"""

from __future__ import annotations

from batchdub.exits import Exit
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import look_up

_LONGEST_WAIT_S = 30.0


async def watch_canary(context: RunContext, order: Order, request_id: str) -> None:
    """Wait until the list shows the order under its exact reference_id, or stop the run."""
    gives_up_s = context.clock.monotonic_s() + context.options.settle_s
    wait_s = 1.0
    while context.stop.may_look:
        look = await look_up(context, order.key.sent_as)
        if look and any(request.request_id == request_id for request in look.requests):
            context.desk.seen(order.job_id)
            return
        if context.clock.monotonic_s() >= gives_up_s:
            break
        await context.rest(wait_s)
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
    if context.stop.may_look:
        stop_if_canary(context, order.job_id, order.key.sent_as)


def stop_if_canary(context: RunContext, job_id: int, sent_as: str) -> None:
    """Stop the run if this job is the canary: its order could not be seen."""
    if context.desk.is_canary(job_id):
        context.stop.ask(
            Exit.NEEDS_A_LOOK,
            f"the first order, `{sent_as}`, does not show in the API's list; nothing more is sent"
            " (check the address; `--no-canary` goes without this proof)",
        )
