"""The proxy that the environment asks for, and its name for people.

Only the address of a proxy is read from outside: netrc never is, and calls to this machine are
never proxied, so that a key in a plain http call stays on it. Since every other call is https,
`HTTP_PROXY` has nothing to say here; `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` have.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpx

from batchdub.errors import UnusableInputError
from batchdub.redact import Secret
from batchdub.wire.address import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping


def proxy_for(base_url: str, env: Mapping[str, str]) -> str | None:
    """Name the proxy for calls to `base_url`, as `http://host:port` without credentials.

    None without a proxy. UnusableInputError for one that is not http(s), such as socks.
    """
    proxy = find_proxy(base_url, env)
    return None if proxy is None else str(as_httpx_proxy(proxy).url)


def find_proxy(base_url: str, env: Mapping[str, str]) -> Secret | None:
    """Find the proxy's whole URL, which may hold credentials; for `build_transport`."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    found = _variable(env, "https_proxy") or _variable(env, "all_proxy")
    if parts.scheme != "https" or not found or is_loopback(host):
        return None
    if _goes_direct(host, parts.netloc, _variable(env, "no_proxy")):
        return None
    return Secret(found if "://" in found else f"http://{found}")


def _goes_direct(host: str, host_and_port: str, no_proxy: str) -> bool:
    names = [name.strip().lower().lstrip(".") for name in no_proxy.split(",")]
    return any(
        name == "*" or name in (host, host_and_port) or host.endswith(f".{name}")
        for name in names
        if name
    )


def _variable(env: Mapping[str, str], name: str) -> str:
    # The lower-case name wins, as in curl.
    return (env.get(name) or env.get(name.upper()) or "").strip()


def as_httpx_proxy(proxy: Secret) -> httpx.Proxy:
    """Make httpx's value of a proxy's URL, its credentials in a header that masks itself."""
    refused = UnusableInputError(
        "the proxy named by the environment is not an http(s) URL",
        "set `HTTPS_PROXY` to `http://HOST:PORT`, or `NO_PROXY` to the API's host",
    )
    try:
        parts = urlsplit(proxy.reveal())
        bare = httpx.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port)
    except (ValueError, httpx.InvalidURL):
        raise refused from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise refused
    return httpx.Proxy(bare, headers=_authorization(parts.username, parts.password))


def _authorization(username: str | None, password: str | None) -> dict[str, str]:
    if username is None:
        return {}
    pair = f"{unquote(username)}:{unquote(password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
