"""The event loop a run goes on: uvloop's where there is one, else asyncio's own.

Which one it is decides nothing but speed. It comes in as an argument, as the clock does, so that a
simulated night stays on a loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

MakeLoop = Callable[[], asyncio.AbstractEventLoop]


def fastest_loop() -> MakeLoop | None:
    """Give what makes the fastest loop that can be had here; None for asyncio's own.

    uvloop is not built for every platform, and a broken one is no reason to order nothing.
    """
    try:
        from uvloop import new_event_loop  # noqa: PLC0415  for a run alone, not for --help
    except ImportError:
        return None
    return new_event_loop


def run_on(make_loop: MakeLoop | None, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own, as `asyncio.run` does."""
    if make_loop is None:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(main)
