"""Ctrl-C and its relatives: the first asks the run to end well, the second ends it at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from batchdub.exits import Exit
from batchdub.run.asking import Say
from batchdub.run.stop import Stop

_CODES = {
    signal.SIGINT: (Exit.INTERRUPTED, "interrupted"),
    signal.SIGTERM: (Exit.TERMINATED, "terminated"),
    signal.SIGHUP: (Exit.TERMINATED, "the terminal was closed"),
}


@contextmanager
def ending_well(stop: Stop, say: Say) -> Iterator[None]:
    """Let signals stop the run while the body goes on: once gently, twice by cancelling it.

    Cancelled, an attempt under way is recorded as in doubt, and the ledger is sound.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    asked = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal asked
        if asked and task is not None:
            task.cancel()
            return
        asked = True
        code, words = _CODES[number]
        stop.ask(code, words)
        say(f"{words}: nothing new is sent; waiting for calls in flight (again to leave at once)")

    handled = [number for number in _CODES if signal.getsignal(number) is not signal.SIG_IGN]
    for number in handled:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
