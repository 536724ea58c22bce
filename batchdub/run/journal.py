"""Group commit: changes that come close together share one flush to disk.

As long as each turn of the event loop brings another change, the flush waits for the next turn. On
a disk that takes its time, a run that keeps it busy also waits for what is under way: not as long
as the flush of its own would take that it saves. A change that comes alone is never kept waiting.
A change is durable when `write` returns. After a failed commit nothing more is tried: what a disk
that refused once says afterwards cannot be believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import Ledger

T = TypeVar("T")

_MOST_TURNS = 16  # a loop that is never idle must not put a commit off for ever
_BUSY = 8  # changes that shared a commit: the next ones will not come alone either
_SLOW_S = 0.003  # a flush; on a faster disk waiting saves nothing
_LONGEST_WAIT_S = 0.01


class Journal:
    """The run's way to write into the ledger.

    `writers` is how many orders go at once: when so many changes wait, none is worth waiting for.
    """

    def __init__(self, ledger: Ledger, writers: int = 1) -> None:
        self.ledger = ledger
        self._writers = writers
        self._wait_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._broken: LedgerUnusableError | None = None

    def enqueue(self, change: Callable[[], T]) -> asyncio.Future[T]:
        """Have a change committed as soon as a turn of the loop brings no further one.

        The future gives what the change returned, on disk; or raises IllegalTransitionError
        (only this change is undone) or LedgerUnusableError (the disk refused; stop the run).
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._gather, 0, _MOST_TURNS)
        self._waiting.append((change, future))
        if self._timer is not None and len(self._waiting) >= self._writers:
            self._drop_timer()
            loop.call_soon(self.flush)
        return future

    async def write(self, change: Callable[[], T]) -> T:
        """Commit a change and give its result once it is on disk; errors as `enqueue`."""
        return await self.enqueue(change)

    def write_now(self, change: Callable[[], T]) -> T:
        """Commit a change without waiting for a turn: for tasks that are being cancelled."""
        self._require_sound()
        try:
            (result,) = self.ledger.apply_group([change])
        except LedgerUnusableError as error:
            self._broken = error
            raise
        if isinstance(result, Exception):
            raise result
        return result

    def _gather(self, seen: int, turns_left: int) -> None:
        loop = asyncio.get_running_loop()
        waiting = len(self._waiting)
        if waiting > seen and turns_left:
            loop.call_soon(self._gather, waiting, turns_left - 1)
        elif self._wait_s and 0 < waiting < self._writers:
            self._timer = loop.call_later(self._wait_s, self.flush)
        else:
            self.flush()

    def flush(self) -> None:
        """Commit what waits, now: the loop may come to its end before its turn."""
        self._drop_timer()
        # A task that was cancelled while it waited wants its change no more.
        group = [item for item in self._waiting if not item[1].cancelled()]
        self._waiting = []
        if not group:
            return
        try:
            self._require_sound()
            results = self.ledger.apply_group([change for change, _ in group])
        except Exception as error:
            self._fail(error, [future for _, future in group])
            return
        self._wait_s = wait_after_s(len(group), self.ledger.flushed_in_s)
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _fail(self, error: Exception, futures: list[asyncio.Future[Any]]) -> None:
        if isinstance(error, LedgerUnusableError):
            self._broken = error
        for future in futures:
            future.set_exception(error)

    def _require_sound(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def wait_after_s(changes: int, flush_s: float) -> float:
    """Choose how long the next flush waits for more, by what the last one held and took."""
    if changes < _BUSY or flush_s < _SLOW_S:
        return 0.0
    return min(flush_s / 2, _LONGEST_WAIT_S)
