"""An event loop that can die between any two steps, and then leaves everything as it lies.

It has no selector: time stands still while anything is ready, and jumps to the next timer when
nothing is. One handle is run per turn, so that "the n-th step" is a place in the program.
"""

from __future__ import annotations

import asyncio
import heapq
from contextlib import suppress

from tests.support.virtual import StuckError


class KilledError(SystemExit):
    """The process is dead. Derived from SystemExit, which asyncio lets through everything."""


class _Shuffled(asyncio.Task):
    """A task whose place in a set is drawn by lot, and not by where it lies in memory.

    asyncio keeps tasks in sets, and cancels them in the order of these: that order is one more
    thing that may be anything, and must be the same when a seed is lived again.
    """

    def __init__(self, *arguments, lot, **options) -> None:
        self._lot = lot
        super().__init__(*arguments, **options)

    def __hash__(self) -> int:
        return self._lot


class MortalLoop(asyncio.BaseEventLoop):
    """A loop on virtual time; `on_step` is called ahead of every step, and may raise.

    Signal handlers are kept in `handlers`, for whoever plays the person at the keyboard. `lots`
    gives a number for each task.
    """

    def __init__(self, start_s, on_step, lots) -> None:
        super().__init__()
        self.set_task_factory(
            lambda loop, coro, **options: _Shuffled(coro, loop=loop, lot=lots(), **options)
        )
        self._time_s = start_s
        self._clock_resolution = 1e-9
        self._on_step = on_step
        self.handlers = {}

    def time(self) -> float:
        return self._time_s

    def add_signal_handler(self, number, callback, *arguments) -> None:
        self.handlers[number] = lambda: callback(*arguments)

    def remove_signal_handler(self, number) -> bool:
        return self.handlers.pop(number, None) is not None

    def _run_once(self) -> None:
        if not self._ready:
            self._jump()
        # Looked at before it is taken out: after a death it must still be there, to be buried.
        if not self._ready[0]._cancelled:
            self._on_step()
        handle = self._ready.popleft()
        if not handle._cancelled:
            handle._run()

    def _jump(self) -> None:
        while self._scheduled:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            if timer._cancelled:
                self._timer_cancelled_count -= 1
                continue
            self._time_s = max(self._time_s, timer._when)
            self._ready.append(timer)
            return
        raise StuckError("every task waits, and no timer is left to wake one")

    def _write_to_self(self) -> None:
        """Nothing waits in a selector, so nothing has to be woken."""


def run_to_end(loop, main):
    """Run a coroutine as `asyncio.run` does: afterwards nothing of it is left running.

    After a KilledError everything is left as it is.
    """
    try:
        result = loop.run_until_complete(main)
    except KilledError:
        raise
    except BaseException:
        _clear(loop)
        raise
    _clear(loop)
    return result


def _clear(loop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()


def bury(loop) -> None:
    """Take the frames of a dead process apart; its doors are shut, so nothing comes of it."""
    loop.set_exception_handler(lambda *_: None)
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
        with suppress(BaseException):
            task.get_coro().close()
    loop._ready.clear()
    loop._scheduled.clear()
    loop.close()
