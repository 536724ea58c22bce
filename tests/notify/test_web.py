"""A hook's message over a real socket: a few tries, no key, no redirect, no secret said."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from batchdub.exits import Exit
from batchdub.notify import Hooks, Message, tell_end
from batchdub.notify.hooks import DeliveryError
from batchdub.notify.web import poster
from batchdub.redact import Secret
from batchdub.wire import deliver

pytestmark = pytest.mark.real_time


@contextmanager
def receiving(*statuses):
    """Serve answers of these statuses, one after the other; gives the URL and what came."""
    came, answers = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(
                (self.path, body, {name.lower(): value for name, value in self.headers.items()})
            )
            self.send_response(answers.pop(0))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/planted", came
        finally:
            server.shutdown()
            thread.join()


async def at_once(_seconds):
    """Wait for nothing."""


async def test_a_message_arrives_and_carries_no_key():
    """The other server is somebody else's."""
    with receiving(204) as (url, came):
        assert await deliver(Secret(url), b"{}", "application/json", sleep=at_once) == ""

    ((path, body, headers),) = came
    assert (path, body, headers["content-type"]) == ("/hooks/planted", b"{}", "application/json")
    assert "authorization" not in headers


async def test_a_passing_fault_is_tried_again():
    """Unlike an order, a message may arrive twice."""
    with receiving(503, 500, 200) as (url, came):
        assert await deliver(Secret(url), b"", "text/plain", sleep=at_once) == ""
    assert len(came) == 3


async def test_what_goes_on_failing_is_told_without_the_token():
    """A redirect is a failure, too: it may lead anywhere."""
    with receiving(302, 302, 302) as (url, came):
        wrong = await deliver(Secret(url), b"", "text/plain", sleep=at_once)

    assert wrong == "127.0.0.1: HTTP 302"
    assert [path for path, _, _ in came] == ["/hooks/planted"] * 3


async def test_a_server_that_is_not_there_is_told():
    """Which one, and why, and nothing of the path."""
    url = Secret("http://127.0.0.1:1/hooks/planted")
    wrong = await deliver(url, b"", "text/plain", sleep=at_once)

    assert wrong.startswith("127.0.0.1: no connection")
    assert "planted" not in wrong


def test_the_poster_tells_the_hooks_what_went_wrong():
    """And a URL that is none does not break off a run."""
    with receiving(200) as (url, came):
        assert tell_end(Hooks(ping=Secret(url)), Message("well", Exit.DONE), poster({})) == []
    assert len(came) == 1
    for bad in ("http://[planted", "https://planted:99999/"):
        with pytest.raises(DeliveryError) as raised:
            poster({})(Secret(bad), b"", "text/plain")
        assert bad not in str(raised.value)
    with pytest.raises(DeliveryError, match="proxy"):
        poster({"HTTPS_PROXY": "socks5://x"})(Secret("https://example.com"), b"", "text/plain")
