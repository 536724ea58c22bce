"""While the breaker is open: a free call now and then, to learn whether the API answers."""

from __future__ import annotations

from batchdub.models import Page
from batchdub.run.breaker import Position
from batchdub.run.context import RunContext
from batchdub.run.lookup import heed_failed_call
from batchdub.wire import CallFailedError


async def probe(context: RunContext) -> None:
    """Probe whenever the breaker is open, until the run ends."""
    desk = context.desk
    while not desk.finished and not context.stop.asked:
        if desk.breaker.position is not Position.OPEN:
            await desk.wait_changed()
            continue
        context.say(
            f"no clear answer {desk.breaker.strikes} times in a row:"
            f" no orders, a free call in {desk.breaker.wait_s:g} s"
        )
        await context.nap(desk.breaker.wait_s)
        if not context.stop.asked:
            desk.probe_ended(succeeded=await _answers(context))


async def _answers(context: RunContext) -> bool:
    try:
        page = await context.freely(_first_request(context))
    except CallFailedError as error:
        heed_failed_call(context, error.outcome)
        return False
    if page is None:
        return False
    context.server_clock.note(page.server_date)
    return True


async def _first_request(context: RunContext) -> Page:
    await context.look_pace.slot()
    return await context.api.list_requests(limit=1)
