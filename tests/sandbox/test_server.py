"""The sandbox over real sockets: what a client sees of each answer and each fault."""

from __future__ import annotations

import contextlib
import http.client
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx_aiohttp
import pytest

from batchdub.errors import UnusableInputError
from batchdub.sandbox.books import Books, read_books
from batchdub.sandbox.faults import parse_faults
from batchdub.sandbox.media import make_mp4
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox, serve
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED
from tests.sandbox.driving import AUDIO, VIDEO, let_dubs_finish

pytestmark = pytest.mark.real_time
AUTH = {"Authorization": "Bearer a-key"}
BODY = {"inputs": [VIDEO, AUDIO], "reference_id": "ref"}

# What a process needs to serve on its own: the port goes to stdout, the books to a file.
SERVING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from batchdub.sandbox.books import FileBooks
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import serve
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED
books = FileBooks(Path(sys.argv[1]))
provider = Provider(books, SandboxSettings(rate=UNLIMITED), lambda: datetime.now(UTC))
serve("localhost", 0, provider, lambda url: print(url, flush=True))
"""


def _has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def sandbox(*faults, **settings):
    settings = SandboxSettings(rate=UNLIMITED, faults=parse_faults(faults), **settings)
    return RunningSandbox(Provider(Books(), settings, lambda: datetime.now(UTC)))


def order(url, body=None, **options):
    return httpx.post(f"{url}/v1/lipsync/generate", json=body or BODY, headers=AUTH, **options)


def test_an_answer_carries_what_http_needs():
    """Its length, its type, and the API's time: the client measures by it."""
    with sandbox() as running:
        answer = order(running.base_url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    told = parsedate_to_datetime(answer.headers["date"])
    assert abs((told - datetime.now(UTC)).total_seconds()) < 5
    assert len(answer.headers.get_list("date")) == 1
    assert "server" not in answer.headers


@pytest.mark.parametrize(("kind", "taken"), [("drop-before=1", 0), ("drop-after=1", 1)])
def test_a_drop_closes_the_connection_without_a_byte(kind, taken, caplog):
    """Not even a status line; and to uvicorn it is an end like any other, no error."""
    with sandbox(kind) as running:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending"):
            order(running.base_url)
        assert running.provider.orders("ref") == taken
        assert httpx.get(f"{running.base_url}/health").status_code == 200
    assert caplog.messages == []


async def test_a_drop_looks_to_aiohttp_as_a_lost_reply_does():
    """The class that the in-process transport raises is the one that is really raised."""
    with sandbox("drop-after=1") as running:
        transport = httpx_aiohttp.AiohttpTransport()
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ConnectTimeout) as caught:
                await client.post(
                    f"{running.base_url}/v1/lipsync/generate", json=BODY, headers=AUTH
                )
        assert isinstance(caught.value.__cause__, aiohttp.ServerDisconnectedError)


def test_a_drop_ends_one_connection_and_not_the_server():
    """The next call, on a new connection, is answered."""
    with sandbox("drop-after=1") as running, httpx.Client() as client:
        for _ in range(3):
            with pytest.raises(httpx.RemoteProtocolError):
                order(running.base_url)
            assert client.get(f"{running.base_url}/health").status_code == 200


def test_a_slow_answer_comes_after_its_time_and_the_order_before():
    """A client that gives up has ordered all the same."""
    with sandbox("slow=1:300ms") as running:
        with pytest.raises(httpx.ReadTimeout):
            order(running.base_url, timeout=0.1)
        assert running.provider.orders("ref") == 1
        begun_s = time.monotonic()
        assert order(running.base_url).status_code == 200
        assert time.monotonic() - begun_s >= 0.3


def test_stopping_is_quick_even_with_an_answer_held_back():
    """A run must not wait for the rehearsal's own tricks."""
    with sandbox("slow=1:1h") as running:
        ended = []
        waiting = threading.Thread(target=lambda: ended.append(_error_of_order(running)))
        waiting.start()
        while not running.provider.orders("ref"):
            time.sleep(0.01)
        begun_s = time.monotonic()
    waiting.join()
    assert time.monotonic() - begun_s < 3
    assert isinstance(ended[0], httpx.RemoteProtocolError)


def _error_of_order(running):
    try:
        return order(running.base_url, timeout=60)
    except httpx.HTTPError as error:
        return error


def test_stopping_frees_the_port_and_says_nothing(capfd, caplog):
    """No log line, no thread, no listener is left; the same port can be had again."""
    caplog.set_level(logging.DEBUG)
    with sandbox() as running:
        order(running.base_url)
    port = urlsplit(running.base_url).port
    with RunningSandbox(running.provider, port=port) as again:
        assert httpx.get(f"{again.base_url}/health").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.base_url}/health")
    assert "batchdub-sandbox" not in {thread.name for thread in threading.enumerate()}
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


def test_a_port_that_is_taken_is_told():
    """With the port, and what to do."""
    with sandbox() as running:
        port = urlsplit(running.base_url).port
        with (
            pytest.raises(UnusableInputError, match=f"port {port} .*in use.*--port"),
            RunningSandbox(running.provider, port=port),
        ):
            pytest.fail("the port is taken")


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("0.0.0.0", 0, "not this machine's loopback"),  # noqa: S104  refused, that is the point
        ("example.com", 0, "not this machine's loopback"),
        ("127.0.0.1", 65536, "no such port"),
    ],
)
def test_the_sandbox_listens_on_loopback_alone(host, port, words):
    """It takes any key and serves whoever calls."""
    with pytest.raises(UnusableInputError, match=words):
        serve(host, port, sandbox().provider, pytest.fail)


def test_what_breaks_at_the_start_reaches_the_caller(monkeypatch):
    """Rather than a wait that never ends."""

    async def broken(self, sockets):
        sockets[0].close()
        raise RuntimeError("broken")

    monkeypatch.setattr("batchdub.sandbox.server.uvicorn.Server._serve", broken)
    with pytest.raises(RuntimeError, match="broken"), sandbox():
        pytest.fail("it cannot have started")


def test_what_breaks_while_it_serves_ends_the_block_quietly(monkeypatch):
    """The calls have failed already; leaving the block must not hang or raise."""

    async def broken(self, counter):
        raise RuntimeError("broken")

    monkeypatch.setattr("batchdub.sandbox.server.uvicorn.Server.on_tick", broken)
    with sandbox() as running:
        running._thread.join(5)
    assert not running._thread.is_alive()


def test_a_download_comes_whole_in_parts_and_as_a_head():
    """Over HTTP, with the length that HTTP needs."""
    with sandbox() as running, httpx.Client() as client:
        request_id = order(running.base_url).json()["request_id"]
        let_dubs_finish(running.provider)
        url = f"{running.base_url}/v1/lipsync/requests/{request_id}"
        found = client.get(url, headers=AUTH).json()
        whole = client.get(found["output_url"])
        part = client.get(found["output_url"], headers={"Range": "bytes=100-199"})
        head = client.head(found["output_url"])
    assert whole.content == make_mp4(request_id)
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert (head.content, head.headers["content-length"]) == (b"", str(len(whole.content)))
    assert head.headers["etag"] == part.headers["etag"]


def test_a_download_that_breaks_off_is_seen_to_break_off():
    """Announced whole and closed early: no client may take it for the whole. A head is whole."""
    with sandbox("output-drop=1", "output-slow=1:0.2s") as running, httpx.Client() as client:
        request_id = order(running.base_url).json()["request_id"]
        let_dubs_finish(running.provider)
        url = f"{running.base_url}/v1/lipsync/requests/{request_id}"
        link = client.get(url, headers=AUTH).json()["output_url"]
        got = b""
        with client.stream("GET", link) as response:
            chunks = response.iter_raw()
            with contextlib.suppress(httpx.RemoteProtocolError):
                for chunk in chunks:
                    got += chunk
                pytest.fail("it was taken for the whole")
        head = client.head(link)
    whole = make_mp4(request_id)
    assert got == whole[: len(whole) // 2]
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole)))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="v'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nx"),
    ],
)
def test_a_broken_upload_is_refused(content_type, body):
    """In the API's words, whatever the parser thinks of it."""
    with sandbox() as running:
        answer = httpx.post(
            f"{running.base_url}/v1/lipsync/generate-with-media",
            content=body,
            headers=AUTH | {"Content-Type": content_type},
        )
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_an_oversized_body_is_read_and_refused():
    """Without keeping it: nothing that the API takes is larger than a megabyte."""
    with sandbox() as running:
        answer = order(running.base_url, BODY | {"reference_id": "x" * 3_000_000})
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid request body"})


def test_a_caller_that_leaves_in_the_middle_orders_nothing():
    """Half a body is no order, and the server goes on."""
    with sandbox() as running:
        url = urlsplit(running.base_url)
        with socket.create_connection((url.hostname, url.port)) as half:
            half.sendall(
                b"POST /api/v1/lipsync/generate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
                b'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"inputs"'
            )
        assert httpx.get(f"{running.base_url}/health").status_code == 200
        assert running.provider.books.orders == []


def test_a_path_with_an_encoded_slash_is_one_id():
    """Decoded after it is split, as the client meant it."""
    with sandbox() as running:
        order(running.base_url, BODY | {"reference_id": "a/b"})
        found = httpx.get(f"{running.base_url}/v1/lipsync/requests/a%2Fb", headers=AUTH)
        assert found.json()["reference_id"] == "a/b"


def test_many_calls_on_one_connection():
    """Keep-alive works, and no answer waits 40 ms for the client's acknowledgement (Nagle)."""
    with sandbox() as running:
        url, ports = urlsplit(running.base_url), set()
        connection = http.client.HTTPConnection(url.hostname, url.port)
        begun_s = time.monotonic()
        for _ in range(100):
            connection.request("GET", "/api/health")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"status": "ok"}')
            ports.add(connection.sock.getsockname()[1])
        connection.close()
    assert len(ports) == 1
    assert time.monotonic() - begun_s < 3


@pytest.fixture
def serving(tmp_path):
    """Start the sandbox as a process of its own; gives (process, base URL, path of the books)."""
    path, processes = tmp_path / "books.jsonl", []

    def _start():
        process = subprocess.Popen(  # noqa: S603  the arguments are our own
            [sys.executable, "-W", "error", "-c", SERVING, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process, process.stdout.readline().strip(), path

    yield _start
    for process in processes:
        process.kill()
        process.communicate()


def test_every_answered_order_survives_kill_9(serving):
    """The books are written before the answer; a restart has them all, and goes on."""
    process, url, path = serving()
    answered = [order(url, BODY | {"reference_id": f"ref-{n}"}).json() for n in range(20)]
    process.kill()
    process.wait()
    kept = [found.request_id for found in read_books(path)]
    assert kept == [answer["request_id"] for answer in answered]
    _, url, _ = serving()
    listed = httpx.get(f"{url}/v1/lipsync/requests", headers=AUTH).json()
    assert listed["pagination"]["total"] == 20


@pytest.mark.parametrize(("name", "code"), [("SIGINT", -2), ("SIGTERM", -15)])
def test_a_signal_ends_a_foreground_sandbox_in_the_usual_way(serving, name, code):
    """Ctrl-C is KeyboardInterrupt for the command line to word; SIGTERM terminates."""
    process, url, path = serving()
    order(url)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert out == ""
    assert "KeyboardInterrupt" in err if name == "SIGINT" else err == ""
    assert len(list(read_books(path))) == 1


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")
def test_an_ipv6_loopback_has_its_brackets():
    """A URL without them would be another address."""
    urls = []

    def _stop(url):
        urls.append(url)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve("::1", 0, sandbox().provider, _stop)
    assert urls[0].startswith("http://[::1]:")
