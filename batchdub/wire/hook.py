"""A small message to somebody else's server: no key of ours, no redirect, a few tries.

Unlike an order it may arrive twice, so it is simply sent again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from batchdub.wire.outcomes import classify_error
from batchdub.wire.reply import exchange
from batchdub.wire.transport import build_transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from batchdub.redact import Secret

_DEADLINE_S = 10.0
_TRIES = 3
_TIMEOUTS = {"connect": 5.0, "pool": 5.0, "read": _DEADLINE_S, "write": _DEADLINE_S}


async def deliver(
    url: Secret,
    content: bytes,
    content_type: str,
    *,
    proxy: Secret | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """POST a message; gives what went wrong, without the URL's secrets, or nothing."""
    wrong = ""
    for failures in range(_TRIES):
        if failures:
            await sleep(float(failures))
        wrong = await _try(url, content, content_type, proxy)
        if not wrong:
            break
    return wrong


async def _try(url: Secret, content: bytes, content_type: str, proxy: Secret | None) -> str:
    host = urlsplit(url.reveal()).hostname or "no host"
    transport = build_transport(max_connections=1, fresh_connections=True, proxy=proxy)
    try:
        request = httpx.Request(
            "POST", url.reveal(), content=content, headers={"Content-Type": content_type},
            extensions={"timeout": _TIMEOUTS},
        )  # fmt: skip
        reply = await exchange(transport, request, _DEADLINE_S)
    except Exception as error:
        return f"{host}: {classify_error(error, url).message}"
    finally:
        await transport.aclose()
    return "" if 200 <= reply.status < 300 else f"{host}: HTTP {reply.status}"
