"""The connections to servers that are not the API, one way to each proxy that leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdub import __version__
from batchdub.media_url import secrets_of
from batchdub.redact import Secret, login_secrets
from batchdub.wire.transport import build_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

HEADERS: Mapping[str, str] = {
    "User-Agent": f"batchdub/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}
"""What a call to such a server says of us; the key is not among it."""
MOST_REDIRECTS = 5
"""So many are followed, each by whoever calls: what may come next is theirs to decide."""


class Roads:
    """Transports for any URL; `proxy_of` gives the proxy for each. Close them.

    `transport`, for tests, takes the place of real connections.
    """

    def __init__(
        self,
        proxy_of: Callable[[str], Secret | None],
        max_connections: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._proxy_of = proxy_of
        self._max_connections = max_connections
        self._transport = transport
        self._transports: dict[str, httpx.AsyncBaseTransport] = {}

    def to(self, url: str) -> httpx.AsyncBaseTransport:
        """Give the transport that leads to a URL."""
        if self._transport is not None:
            return self._transport
        proxy = self._proxy_of(url)
        name = "" if proxy is None else proxy.reveal()
        if name not in self._transports:
            self._transports[name] = build_transport(
                max_connections=self._max_connections, fresh_connections=True, proxy=proxy
            )
        return self._transports[name]

    def secrets(self, url: str) -> tuple[Secret, ...]:
        """Give what must never be shown of a call to a URL: its own, and those of its proxy."""
        proxy = self._proxy_of(url)
        login = () if proxy is None else login_secrets(proxy.reveal())
        return (Secret(url), *map(Secret, secrets_of(url)), *login)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()
