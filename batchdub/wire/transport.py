"""The connection to the API: httpx's interface on aiohttp's sockets, with nothing clever in it.

aiohttp underneath is several times faster than httpx's own pool. The session is made here, not
by the transport, because what it leaves out matters: no cookies are kept or sent back, netrc is
not read, no redirect is followed, and nothing is decompressed behind our back. aiohttp sends a
GET again when a kept-alive connection drops, but never a POST.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from batchdub.wire.proxy import as_httpx_proxy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from batchdub.redact import Secret

_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # what httpx reads of the environment
_KEEP_ALIVE_S = 15.0
_MAX_HEADER_BYTES = 16 * 1024
_READ_BUFFER_BYTES = 64 * 1024


class Transport(AiohttpTransport):
    """httpx's transport, and the session below it for the call that is made by the thousand."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeouts: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """POST once, without httpx's values: they cost a tenth of an order's time.

        Gives the answer when its head has come; raises aiohttp's own errors and the system's.
        """
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self.get_client()
        proxy = self.proxy
        return await self.client.post(
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=timeouts,
            proxy=None if proxy is None else str(proxy.url),
            proxy_headers=None if proxy is None else proxy.headers,
        )


def build_transport(
    *,
    verify: ssl.SSLContext | Literal[True] = True,
    max_connections: int,
    fresh_connections: bool,
    proxy: Secret | None = None,
) -> Transport:
    """Make the transport; it opens its session at the first call, on the loop of that call.

    `verify` is a TLS context of the caller's own, or True for the usual certificates (and
    `SSL_CERT_FILE`); there is no way to switch verification off. `fresh_connections` gives every
    call a connection of its own: an idle one may be closed by the server just as it is used
    again, and then nobody knows whether the order arrived. `proxy` comes from `find_proxy`.
    """
    context = _usual_trust(*map(os.environ.get, _TRUST)) if verify is True else verify

    def open_session() -> aiohttp.ClientSession:
        return _open_session(context, max_connections, fresh=fresh_connections)

    return Transport(
        verify=context,
        trust_env=False,
        proxy=None if proxy is None else as_httpx_proxy(proxy),
        client=open_session,
    )


@lru_cache(maxsize=1)  # a run makes several transports, and the file of authorities is long
def _usual_trust(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _open_session(
    context: ssl.SSLContext, max_connections: int, *, fresh: bool
) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        ssl=context,
        limit=max_connections,
        force_close=fresh,
        keepalive_timeout=None if fresh else _KEEP_ALIVE_S,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=_READ_BUFFER_BYTES,
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
    )
