"""Whose key it is: its display name, asked for free before anything is spent.

The name is a help for whoever answers the question, and proves nothing: without it the run goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from batchdub.clock import Clock
from batchdub.run.connecting import Target, connected
from batchdub.units import UNLIMITED, format_duration
from batchdub.wire import CallFailedError

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class KeyName:
    """A key's display name, or why it is not known; one of the two is empty."""

    name: str = ""
    failure: str = ""


def name_of_key(target: Target, clock: Clock, version: str) -> KeyName:
    """Ask the API for the key's display name, once, for ten seconds at most."""
    return asyncio.run(_ask(target, clock, version))


async def _ask(target: Target, clock: Clock, version: str) -> KeyName:
    try:
        async with (
            asyncio.timeout(_PATIENCE_S),
            connected(target, UNLIMITED, 1, clock, version) as api,
        ):
            return KeyName(name=await api.display_name())
    except CallFailedError as error:
        return KeyName(failure=error.message)
    except TimeoutError:
        return KeyName(failure=f"no answer for {format_duration(_PATIENCE_S)}")
