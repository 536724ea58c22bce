"""The hours of a run: when it may begin to order, and when it orders nothing more."""

from __future__ import annotations

from datetime import datetime

from batchdub.exits import Exit
from batchdub.run.context import RunContext
from batchdub.run.options import Window
from batchdub.units import format_duration, local_time

_NAP_S = 30.0  # a wall clock may be set, and a laptop may sleep: look again now and then


def left_s(window: Window, now: datetime, since_opening_s: float) -> float | None:
    """Tell how long orders may still go; 0 or less is no more, None is without end."""
    ends = []
    if window.closes_at is not None:
        ends.append((window.closes_at - now).total_seconds())
    if window.lasts_s is not None:
        ends.append(window.lasts_s - since_opening_s)
    return min(ends, default=None)


def closes_in_s(context: RunContext) -> float | None:
    """Tell the same of a run, from when its orders might go."""
    since_opening_s = context.clock.monotonic_s() - context.opened_s
    return left_s(context.options.window, context.clock.now(), since_opening_s)


def closing_words(window: Window, now: datetime) -> str:
    """Say which end of the window was reached."""
    if window.closes_at is not None and now >= window.closes_at:
        return f"`--until`: it is {local_time(window.closes_at)}"
    return f"`--max-duration {format_duration(window.lasts_s or 0.0)}` is over"


async def wait_for_opening(context: RunContext) -> None:
    """Wait until the window opens, or the run is told to stop."""
    opens_at = context.options.window.opens_at
    if opens_at is not None and opens_at > context.clock.now():
        context.say(f"waiting until {local_time(opens_at)} before anything is ordered")
        await _wait_until(context, opens_at)
    context.opened_s = context.clock.monotonic_s()


async def _wait_until(context: RunContext, moment: datetime) -> None:
    while not context.stop.asked:
        wait_s = (moment - context.clock.now()).total_seconds()
        if wait_s <= 0:
            return
        await context.nap(min(wait_s, _NAP_S))


async def close_in_time(context: RunContext) -> None:
    """Stop the run's orders when the window closes; ends early only by being cancelled."""
    window = context.options.window
    # Once nothing is left to order the end of the window means nothing to a run that waits.
    while not context.stop.asked and not context.desk.finished:
        wait_s = closes_in_s(context)
        if wait_s is None:
            return
        if wait_s <= 0:
            context.stop.ask(Exit.CAP, closing_words(window, context.clock.now()))
            return
        await context.nap(min(wait_s, _NAP_S))
