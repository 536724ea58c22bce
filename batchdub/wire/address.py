"""Where the calls may go, and with which key: checked once, before anything is sent.

The address is matched against one narrow form instead of being repaired: two URL parsers that
read the same odd text differently are how a key ends up at another host.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from batchdub.errors import KeyRefusedError, UnusableInputError
from batchdub.redact import Secret

PRODUCTION_URL = "https://api.chamelaion.com/api"
"""The API itself (API.md)."""

STAGING_URL = "https://api.dev.chamelaion.com/api"
"""The vendor's staging; named by its SDKs only (API.md)."""

_BASE_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~%-]+)*)/*",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_KEY = re.compile(r"[!-~]+")


def check_base_url(url: str) -> str:
    """Check and normalise a base URL: lower-case host, no default port, no slash at its end.

    Raises UnusableInputError for anything but `https://HOST[:PORT][/PATH]`, or the same with
    `http` to this machine. What the URL holds of secrets is not repeated in the message.
    """
    match = _BASE_URL.fullmatch(url.strip())
    if match is None:
        raise UnusableInputError(_what_is_wrong(url), f"write it like `{PRODUCTION_URL}`")
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65536 or not _is_host(host):
        raise UnusableInputError(f"base URL: no such host or port: `{host}:{port}`")
    if scheme == "http" and not is_loopback(host):
        raise UnusableInputError(
            f"base URL: plain http to `{host}` would show the key to everyone on the way",
            "use https; plain http is for this machine only (localhost, 127.0.0.1, [::1])",
        )
    shown_port = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{host}{shown_port}{match['path']}"


def _what_is_wrong(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return "base URL: not a URL"
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        return "base URL: must begin with `https://`"
    if "@" in parts.netloc:
        return "base URL: must not carry a user name or password"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "base URL: must not carry a query or fragment"
    return "base URL: not a plain host, port and path"


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return ".." not in host
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether a host as written is this machine: localhost, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_key(text: str) -> Secret:
    """Take a key as it was pasted, without the white space and line ends around it.

    Raises KeyRefusedError for an empty one, and for one with a character that an HTTP header
    cannot carry as it is. The message never repeats the key or a part of it.
    """
    key = text.strip()
    if not key:
        raise KeyRefusedError("the API key is empty", "set `CHAMELAION_API_KEY`")
    if _KEY.fullmatch(key) is None:
        raise KeyRefusedError(
            "the API key holds a space or a character that is not plain ASCII",
            "copy it again; `CHAMELAION_API_KEY` holds the key and nothing else",
        )
    return Secret(key)
