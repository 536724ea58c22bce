"""A proxy is taken from the environment, named without its password, and never for loopback."""

from __future__ import annotations

import pytest

from batchdub.errors import UnusableInputError
from batchdub.wire import find_proxy, proxy_for
from batchdub.wire.proxy import as_httpx_proxy

API = "https://api.example.com/api"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "http://b:2"),
        ({"ALL_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://u:hunter2@proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "example.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "x.com, .api.example.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "ple.com,"}, "http://proxy:1"),
        ({"HTTPS_PROXY": "http://proxy:1", "no_proxy": "other.com"}, "http://proxy:1"),
        ({"HTTPS_PROXY": "https://proxy"}, "https://proxy"),
    ],
)
def test_the_environment_names_the_proxy(env, named):
    """The run prints it: what stands between is worth knowing when calls fail.

    Faults: F-26.
    """
    assert proxy_for(API, env) == named


@pytest.mark.parametrize("base", ["http://localhost:1", "http://127.0.0.1:1", "https://[::1]:1"])
def test_calls_to_this_machine_are_never_proxied(base):
    """A key in plain http must stay on it."""
    assert find_proxy(base, {"ALL_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1"}) is None


@pytest.mark.parametrize(
    "url", ["socks5://u:hunter2@p:1", "http://", "http://u:hunter2@p:x", "http://[hunter2"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_secrets(url):
    """Going around it in silence would be worse."""
    with pytest.raises(UnusableInputError) as caught:
        proxy_for(API, {"HTTPS_PROXY": url})
    assert "hunter2" not in str(caught.value)


def test_credentials_of_a_proxy_travel_in_its_own_header():
    """Its URL, which aiohttp's exceptions name, is bare."""
    proxy = as_httpx_proxy(find_proxy(API, {"HTTPS_PROXY": "http://u:p%40ss@proxy:1"}))
    assert proxy.headers["proxy-authorization"] == "Basic dTpwQHNz"
    assert str(proxy.url) == "http://proxy:1"
