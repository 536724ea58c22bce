"""The same with real sockets and the transport that is really used: servers that misbehave.

Each counts what reached it: an order must reach a server once, whatever happens next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest

from batchdub.clock import SystemClock
from batchdub.models import Cause
from batchdub.states import Event
from batchdub.wire import ApiClient, CallFailedError, build_transport, find_proxy
from tests.wire.answers import AN_ID, KEY, a_page, a_request
from tests.wire.real_servers import (
    ADDRESS,
    BODY,
    DEADLINE_S,
    DROPPED,
    GOOD,
    NOT_SENT,
    PAID,
    STRANGE,
    TIMEOUT,
    calling,
    http,
    reset,
    says,
    serving,
    silence,
)

pytestmark = pytest.mark.both_loops
SCRIPTS = {
    "accepts": (says(GOOD), (Event.ACCEPTED, Cause.ACCEPTED)),
    "FIN after the request": (says(), DROPPED),
    "RST after the request": (reset, DROPPED),
    "silence": (silence, TIMEOUT),
    "100 and then nothing": (says(b"HTTP/1.1 100 Continue\r\n\r\n"), DROPPED),
    "head cut": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), DROPPED),
    "body cut": (says(GOOD[:-9]), PAID),
    "chunk cut": (
        says(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"'),
        PAID,
    ),
    "garbage": (says(b"\x16\x03\x01 what\r\n\r\n"), STRANGE),
    "200 kB of header": (says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"), STRANGE),
    "bad gzip": (says(http(b"nonsense", extra="Content-Encoding: gzip\r\n")), PAID),
    "slow drip": (says(GOOD[:-30], *[b" "] * 30, pause_s=0.2), PAID),
    "slow drip of the head": (says(*[b"HTTP/1.1 200"], *[b" "] * 30, pause_s=0.2), TIMEOUT),
    "10 MB": (says(http(b"x" * 10_000_000)), PAID),
    "HTML": (says(http(b"<html>welcome</html>")), PAID),
    "307": (says(http(b"", "307 Temporary Redirect", "Location: /api/elsewhere\r\n")), ADDRESS),
    "301": (says(http(b"", "301 Moved", "Location: /api/elsewhere\r\n")), ADDRESS),
    "412": (
        says(http(b'{"error":"token limit reached"}', "412 Precondition Failed")),
        (Event.TURNED_AWAY, Cause.TOKEN_LIMIT),
    ),
    "500": (says(http(b'{"error":"internal error"}', "500 X")), (Event.LOST, Cause.SERVER)),
}


@pytest.mark.real_time
@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("fresh", [True, False])
async def test_an_order_reaches_a_misbehaving_server_once(name, fresh):
    """And ends as the whitelist says; the message shows neither key nor signature.

    Faults: F-5, F-6, F-7, F-12, F-13, F-14, F-15, F-16.
    """
    script, expected = SCRIPTS[name]
    async with serving(script) as (server, port), calling(port, fresh=fresh) as api:
        outcome = await api.generate(BODY)
    assert (outcome.event, outcome.cause) == expected
    assert server.posts() == len(server.heads) == 1
    assert KEY.reveal() not in repr(outcome)
    assert "hunter2" not in repr(outcome)


@pytest.mark.real_time
async def test_a_refused_connection_and_an_unknown_host_are_not_sent():
    """No byte left: these rows may be tried again at once.

    Faults: F-1.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with calling(port) as api:
        refused = await api.generate(BODY)
    transport = build_transport(max_connections=1, fresh_connections=True)
    async with ApiClient("https://no-such-host.invalid", KEY, transport, SystemClock()) as api:
        unknown = await api.generate(BODY)
    assert (refused.event, refused.cause) == NOT_SENT
    assert (unknown.event, unknown.cause) == NOT_SENT


@pytest.mark.real_time
@pytest.mark.parametrize("script", [says(), reset], ids=["FIN", "RST"])
async def test_a_connection_closed_as_it_was_accepted_is_in_doubt(script):
    """The request may have been on its way already."""
    async with serving(script, at_once=True) as (_, port), calling(port) as api:
        outcome = await api.generate(BODY)
    assert (outcome.event, outcome.cause) == DROPPED


@pytest.mark.real_time
async def test_an_exhausted_pool_is_not_sent():
    """The call never got a connection.

    Faults: F-4.
    """
    async with serving(silence) as (server, port):
        transport = build_transport(max_connections=1, fresh_connections=True)
        base = f"http://127.0.0.1:{port}"
        api = ApiClient(base, KEY, transport, SystemClock(), deadline_s=DEADLINE_S)
        first = asyncio.ensure_future(api.generate(BODY))
        await asyncio.sleep(0.1)
        second = await api.generate(BODY)
        await first
        await api.aclose()
    assert (second.event, second.cause) == NOT_SENT
    assert server.posts() == 1


@pytest.mark.real_time
@pytest.mark.parametrize("fresh", [True, False])
async def test_fresh_connections_are_fresh(fresh):
    """An idle connection may be closed by the server just as it is used again.

    Faults: F-17.
    """
    async with (
        serving(says(GOOD, then_close=False)) as (server, port),
        calling(port, fresh=fresh) as api,
    ):
        for _ in range(3):
            assert (await api.generate(BODY)).event is Event.ACCEPTED
    assert len(server.peers) == (3 if fresh else 1)


@pytest.mark.real_time
async def test_no_cookie_is_kept_and_the_headers_are_ours(monkeypatch, tmp_path):
    """Nothing of the machine goes along: no cookie, no netrc, no proxy of its own accord.

    Faults: F-26.
    """
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login u password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    cookie = GOOD.replace(b"Content-Type", b"Set-Cookie: a=b; Path=/\r\nContent-Type")
    async with (
        serving(says(cookie, then_close=False)) as (server, port),
        calling(port, fresh=False, host="localhost") as api,
    ):
        await api.generate(BODY)
        await api.generate(BODY)
        with contextlib.suppress(CallFailedError):
            await api.health()
    assert all(b"cookie" not in head.lower() for head in server.heads)
    assert server.heads[0].count(b"uthorization: ") == 1
    assert b"uthorization" not in server.heads[2]
    assert b"accept-encoding: identity" in server.heads[0].lower()


@pytest.mark.real_time
async def test_a_reference_id_reaches_the_api_unchanged():
    """It passes two URL parsers; a filter for another text would look like absence."""
    odd = "a+b&c=d%41 é~r2/#?"
    page = http(json.dumps(a_page(a_request(AN_ID))).encode())
    async with serving(says(page)) as (server, port), calling(port) as api:
        await api.list_requests(reference_id=odd)
        with contextlib.suppress(CallFailedError):
            await api.get_request("../a?b#c")
    query = urlsplit(server.heads[0].split(b" ")[1].decode()).query
    assert parse_qs(query)["reference_id"] == [odd]
    assert server.heads[1].startswith(b"GET /api/v1/lipsync/requests/..%2Fa%3Fb%23c ")


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody else trusts."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 "
        "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(command.split(), check=True, capture_output=True)  # noqa: S603  fixed words
    return certificate, key


def _server_context(own_certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own_certificate)
    return context


@pytest.mark.real_time
async def test_an_untrusted_certificate_gets_no_request(own_certificate):
    """The key is never sent to a host that cannot prove its name.

    Faults: F-3.
    """
    tls = _server_context(own_certificate)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with serving(says(GOOD), tls) as (server, port), calling(port, "https") as api:
        outcome = await api.generate(BODY)
    assert (outcome.event, outcome.cause) == (Event.NOT_SENT, Cause.TLS)
    assert server.heads == []


@pytest.mark.real_time
async def test_a_trusted_certificate_is_enough(own_certificate):
    """A company's own authority comes in as a context."""
    trust = ssl.create_default_context(cafile=str(own_certificate[0]))
    tls = _server_context(own_certificate)
    async with (
        serving(says(GOOD), tls) as (_, port),
        calling(port, "https", verify=trust) as api,
    ):
        assert (await api.generate(BODY)).event is Event.ACCEPTED


@pytest.mark.real_time
async def test_a_tls_handshake_that_stalls_is_not_sent():
    """No connection came, so no byte of the request left.

    Faults: F-3.
    """

    async with serving(silence, at_once=True) as (_, port), calling(port, "https") as api:
        outcome = await api.generate(BODY)
    assert (outcome.event, outcome.cause) == NOT_SENT


@pytest.mark.real_time
async def test_a_proxy_is_asked_with_its_own_credentials_and_never_sees_the_key():
    """It is asked for a tunnel; when it refuses, the order is in doubt only out of caution."""
    async with serving(says(http(b"", "407 Proxy Authentication Required"))) as (server, port):
        env = {"HTTPS_PROXY": f"http://u:hunter2@127.0.0.1:{port}"}
        proxy = find_proxy("https://api.example.com", env)
        transport = build_transport(max_connections=1, fresh_connections=True, proxy=proxy)
        async with ApiClient("https://api.example.com", KEY, transport, SystemClock()) as api:
            outcome = await api.generate(BODY)
    assert outcome.event is Event.LOST
    assert "hunter2" not in repr(outcome)
    assert server.heads[0].startswith(b"CONNECT api.example.com:443")
    assert b"Basic dTpodW50ZXIy" in server.heads[0]
    assert KEY.reveal().encode() not in b"".join(server.heads)


@pytest.mark.real_time
async def test_two_waits_that_contradict_each_other_are_no_wait():
    """Of several headers of a name not simply the first is taken."""
    twice = "Retry-After: 5\r\nRetry-After: 50\r\n"
    refusal = http(b'{"error":"rate limit exceeded"}', "429 X", twice)
    async with serving(says(refusal)) as (_, port), calling(port) as api:
        outcome = await api.generate(BODY)
    assert (outcome.cause, outcome.retry_after_s) == (Cause.RATE_LIMIT, None)


@pytest.mark.real_time
async def test_an_unreachable_proxy_is_not_sent():
    """There was no connection to send anything on."""
    proxy = find_proxy("https://api.example.com", {"HTTPS_PROXY": "http://127.0.0.1:1"})
    transport = build_transport(max_connections=1, fresh_connections=True, proxy=proxy)
    async with ApiClient("https://api.example.com", KEY, transport, SystemClock()) as api:
        outcome = await api.generate(BODY)
    assert (outcome.event, outcome.cause) == NOT_SENT
