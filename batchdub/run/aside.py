"""Work that blocks, done in threads of its own, so that neither orders nor look-ups wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, Self


class Aside(Protocol):
    """Does a piece of work somewhere else, and gives its result."""

    def __call__(self, work: Callable[[], Any]) -> Awaitable[Any]:
        """Do it, to its end: also where whoever waits for it is cancelled."""
        ...


class Threads:
    """An `Aside` of a few threads. Names are looked up in asyncio's own, which stay free."""

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="batchdub-download")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Do it in a thread.

        A thread cannot be stopped, and what it works on must not be closed under it: so also a
        cancelled wait lasts until it is done.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        cancelled = False
        while not future.done():
            try:
                await asyncio.wait({future})
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            future.exception()
            raise asyncio.CancelledError
        return future.result()
