"""Reaching an API: the target, and a client on it for as long as it is needed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from batchdub.clock import Clock
from batchdub.redact import Secret, login_secrets
from batchdub.run.asking import Asking, Say
from batchdub.run.server_clock import ServerClock
from batchdub.run.stop import Stop
from batchdub.units import Rate
from batchdub.wire import ApiClient, Pacer, build_transport

_SLOW_INTERVAL_S = 0.2


@dataclass(frozen=True, slots=True)
class Target:
    """The API that a run talks to; a ledger is bound to its `name`, `proxy` stands between."""

    base_url: str
    key: Secret
    name: str
    proxy: Secret | None = None


@asynccontextmanager
async def connected(
    target: Target, rate: Rate, concurrency: int, clock: Clock, version: str
) -> AsyncIterator[ApiClient]:
    """Give a client for orders and free calls; it is closed at the end."""
    transport = build_transport(
        max_connections=concurrency + 2,
        # A kept connection may be closed by the server just as it is used again, which would
        # leave an order in doubt; at a slow pace a new one for each call costs nothing.
        fresh_connections=rate.interval_s >= _SLOW_INTERVAL_S,
        proxy=target.proxy,
    )
    async with ApiClient(
        target.base_url,
        target.key,
        transport,
        clock,
        version=version,
        secrets=login_secrets(target.proxy.reveal()) if target.proxy else (),
    ) as api:
        yield api


@asynccontextmanager
async def asking(
    target: Target, rate: Rate, clock: Clock, version: str, say: Say
) -> AsyncIterator[Asking]:
    """Give what free calls need, where nothing is ordered."""
    async with connected(target, rate, 1, clock, version) as api:
        yield Asking(
            api=api,
            look_pace=Pacer(rate, clock),
            clock=clock,
            rng=random.Random(),  # noqa: S311  jitter of a backoff, not a secret
            say=say,
            stop=Stop(),
            server_clock=ServerClock(clock),
        )
