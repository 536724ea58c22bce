"""What a run reaches outside, for as long as it lasts: the API, and the servers that have dubs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from batchdub.run.aside import Threads
from batchdub.run.connecting import connected
from batchdub.run.download import OnFile
from batchdub.run.runner import Outside
from batchdub.wire import DownloadClient

if TYPE_CHECKING:
    from batchdub.run.tonight import Person, Tonight


@asynccontextmanager
async def reaching(tonight: Tonight, person: Person, on_file: OnFile) -> AsyncIterator[Outside]:
    """Give what a run is given from outside; all connections are closed at the end."""
    options, target, clock = tonight.options, tonight.target, tonight.clock
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(
            connected(target, options.rate, options.concurrency, clock, tonight.version)
        )
        outside = Outside(api, target.key, clock, person.say, person.on_progress, tonight.rng)
        if options.download is not None:
            at_once = options.download.concurrency
            client = DownloadClient(
                target.base_url, target.key, tonight.proxy_of, clock, max_connections=at_once
            )
            await stack.enter_async_context(client)
            threads = stack.enter_context(Threads(at_once))
            outside = replace(outside, fetching=(client, threads, on_file))
        yield outside
