"""Probing media for a command that would order them, and telling what was seen."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchdub.cli.invocation import Invocation
from batchdub.cli.options import settings_of
from batchdub.clock import SystemClock
from batchdub.ledger import Queries, open_for_reading
from batchdub.plan import Fate, PlannedRow
from batchdub.run.probing import Probed, known_looks, links_of, probe
from batchdub.wire import MediaClient, find_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchdub.run.source import Source


def probe_media(
    context: click.Context,
    source: Source,
    *,
    allow_same_media: bool,
    skip_invalid: bool,
    again: bool = False,
    orders: bool = True,
) -> Probed:
    """Look at the media of all rows that would be ordered, and tell what was seen.

    Also at those of ordered rows of which the ledger knows what they were then. `again`: all the
    source's rows would be ordered, however they stand. `orders`: what is seen is kept with orders,
    so an earlier look is not enough. Raises ManifestError if a medium cannot be fetched, unless
    `skip_invalid`: its row is held then.
    """
    invocation, clock = context.ensure_object(Invocation), SystemClock()
    with ledger_if_any(settings_of(context).ledger) as ledger:
        planned = (
            (PlannedRow(row, place, Fate.NEW) for place, row in source.numbered())
            if again
            else source.planned(ledger, allow_same_media=allow_same_media)
        )
        # A file that was replaced since an earlier look would be taken for changed after its order.
        known, probed = known_looks(None if orders else ledger, clock.now()), Probed()
        links = links_of(planned, None if again else ledger, probed)

        async def look() -> None:
            async with MediaClient(lambda url: find_proxy(url, invocation.environ)) as client:
                await probe(links, client, clock, known, probed)

        asyncio.run(look())
    probed.tell(invocation.talk.say, invocation.talk.warn)
    probed.problems.raise_if_any(skip_rows=skip_invalid)
    return probed


@contextmanager
def ledger_if_any(path: Path) -> Iterator[Queries | None]:
    """Open a ledger for questions if there is one."""
    if path.is_file() and path.stat().st_size:
        with open_for_reading(path) as ledger:
            yield ledger
    else:
        yield None
