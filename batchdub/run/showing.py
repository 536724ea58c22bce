"""How far a run is, told again and again to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

from batchdub.plan import Fate
from batchdub.progress import Snapshot
from batchdub.run.context import RunContext
from batchdub.run.download import Downloads
from batchdub.run.poll import Polling
from batchdub.run.prepare import Prepared
from batchdub.run.window import closes_in_s
from batchdub.states import Event

_SHOW_EVERY_S = 0.25

OnProgress = Callable[[Snapshot], None]


async def show(
    context: RunContext,
    polling: Polling | None,
    downloads: Downloads | None,
    prepared: Prepared,
    on_progress: OnProgress,
) -> None:
    """Tell how far the run is, several times a second, until cancelled; and once at the end."""
    began_s = context.clock.monotonic_s()
    try:
        while True:
            on_progress(_snapshot(context, polling, downloads, prepared, began_s))
            await context.clock.sleep(_SHOW_EVERY_S)
    finally:
        on_progress(_snapshot(context, polling, downloads, prepared, began_s))


def _snapshot(
    context: RunContext,
    polling: Polling | None,
    downloads: Downloads | None,
    prepared: Prepared,
    began_s: float,
) -> Snapshot:
    tally, desk, fates = context.tally, context.desk, prepared.totals.fates
    ordered = tally.events[Event.ACCEPTED]
    failed = fates[Fate.FAILED] + fates[Fate.REJECTED] + tally.events[Event.REFUSED]
    return Snapshot(
        done=fates[Fate.COMPLETED] + fates[Fate.CHANGED] + _done_now(context, prepared),
        in_flight=desk.on_wire,
        in_doubt=desk.open_doubts,
        failed=failed + (tally.events[Event.FAILED] if context.options.wait else 0),
        left=desk.left,
        orders=ordered,
        rate_limited=tally.rate_limited,
        elapsed_s=context.clock.monotonic_s() - began_s,
        phase=_phase(context, polling, downloads),
        pace_s=context.order_pace.interval_s or None,
        at_api=desk.at_api,
        to_download=downloads.left if downloads else 0,
        may_go=desk.may_go,
        closes_in_s=closes_in_s(context),
    )


def _done_now(context: RunContext, prepared: Prepared) -> int:
    """Count the rows that need nothing more: to a run that waits, an order alone is not enough."""
    tally = context.tally
    if context.options.wait:
        return tally.events[Event.COMPLETED]
    return prepared.totals.fates[Fate.SUBMITTED] + tally.events[Event.ACCEPTED] + tally.adopted


def _phase(context: RunContext, polling: Polling | None, downloads: Downloads | None) -> str:
    desk, stop = context.desk, context.stop
    waits = polling is not None and polling.waiting > 0
    if stop.may_look and desk.finished and downloads is not None and downloads.left and not waits:
        return "downloading"
    if stop.may_look and desk.finished and polling is not None and context.options.wait:
        return "waiting"
    if stop.asked:
        return "ending"
    return "ordering" if desk.left or desk.on_wire else "settling"
