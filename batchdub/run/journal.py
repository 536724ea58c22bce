"""Group commit: changes that come close together share one flush to disk.

As long as each turn of the event loop brings another change, the flush waits for the next turn;
there is no timer, so that a change that comes alone is not kept waiting. A change is durable when
`write` returns. After a failed commit nothing more is tried: what a disk that refused once says
afterwards cannot be believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import Ledger

T = TypeVar("T")

_MOST_TURNS = 16  # a loop that is never idle must not put a commit off for ever


class Journal:
    """The run's way to write into the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
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
        if len(self._waiting) > seen and turns_left:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._gather, len(self._waiting), turns_left - 1)
        else:
            self.flush()

    def flush(self) -> None:
        """Commit what waits, now: the loop may come to its end before its turn."""
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
