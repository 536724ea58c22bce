"""An API that gives back whatever it was given, in every place and form that an answer has."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.secrets.planted import KEY, SECRETS

_AN_ID = "8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2{}"


def _echoes(said: str, body: str) -> Iterator[str]:
    """Give texts that give away what a request held."""
    yield said
    yield f"no such key: {KEY}"
    yield f"no such key: {KEY[:12]}..."
    yield f"no such key: {quote(KEY, safe='')}"
    yield f"no such key: {base64.b64encode(f'a:{KEY}'.encode()).decode()}"
    for text in _urls_of(body):
        yield f"cannot fetch {text}"
        yield f"cannot fetch {quote(text, safe='')}"
        yield f"cannot fetch {text.removeprefix('https://')}"
        query = urlsplit(text).query
        yield f"cannot fetch it: {query}"
        for values in parse_qs(query).values():
            yield f"SignatureDoesNotMatch, provided was {values[0]}"
            yield f"provided was {quote(values[0], safe='')}, or {values[0][:10]}..."
        login = urlsplit(text).netloc.rpartition("@")[0]
        yield f"the login {login} is wrong, {login.rpartition(':')[2]} is no password"


def _urls_of(body: str) -> list[str]:
    return [each["url"] for each in json.loads(body)["inputs"]] if body else []


class HostileApi:
    """The server: `seen` is all that reached it; `on_order` is called as each order arrives.

    `answers` numbers its answers, so that each order meets another one.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.orders: list[str] = []
        self.base_url = ""
        self.on_order: Callable[[], None] = lambda: None
        self.mode = "orders"

    def used(self, secret: str) -> bool:
        """Whether a secret really went over the wire: else a search for it proves nothing."""
        wire = "\n".join(self.seen)
        return secret in wire or secret in unquote(wire)

    def answer_get(self, said: str, path: str) -> tuple[int, str, object]:
        """Answer a free call: as the API would, or by repeating what came."""
        if self.mode == "errors":
            return 400, KEY, {"error": said}
        if path.endswith("/users/me"):
            return 200, "OK", {"name": f"studio {KEY} {said}"}
        if path.endswith("/health"):
            return 200, "OK", {"status": "ok"}
        _, _, request_id = urlsplit(path).path.partition("/requests/")
        if request_id:
            return 200, "OK", _finished(int(request_id[-1]), "")
        return 200, "OK", self._list(parse_qs(urlsplit(path).query))

    def _list(self, query: dict[str, list[str]]) -> object:
        data: list[object] = []
        if self.mode == "finished":
            data = [_finished(number, name) for number, name in enumerate(sorted(SECRETS)[:4])]
            wanted = query.get("reference_id")
            data = [each for each in data if not wanted or each["reference_id"] in wanted]
        page = {"limit": 100, "offset": int(query["offset"][0]), "total": len(data)}
        return {"data": data[page["offset"] :], "pagination": page}

    def answer_post(self, said: str, body: str) -> tuple[int, str, object]:
        """Answer an order: refused, half accepted or lost, and always repeating what came."""
        self.on_order()
        number = len(self.orders)
        self.orders.append(body)
        echoes = list(_echoes(said, body))
        echo = echoes[number % len(echoes)]
        kinds = (
            (400, KEY, {"error": echo}),
            (422, "no", {"error": f"{number} {echo}"}),
            (400, "no", {"error": f"{'long ' * (50 + number % 9)}{echo}"}),
            (200, "OK", {"status": "success", "request_id": echo}),
            (413, "no", {"error": f"{number}\n{echo}"}),
            (429 if number == 6 else 400, KEY, {"error": f"{echo} {number}"}),
            (415, "no", {"error": f"a {number}{echo}"}),
            (500, KEY, {"error": echo}),
        )
        return kinds[number % len(kinds)]


def reference(number: int) -> str:
    return f"S09E{number:03d}"


def _finished(number: int, _name: str) -> dict[str, object]:
    request: dict[str, object] = {
        "id": _AN_ID.format(number),
        "created_at": "2026-03-01T22:00:00Z",
        "reference_id": reference(number + 1),
        "status": ("completed", "failed", f"odd {KEY}", "failed")[number],
    }
    secret = list(SECRETS.values())[number + 5]
    part = quote(secret, safe="")
    link = f"https://me:{part}@cdn.example.com/out.mp4?AWSAccessKeyId=1&Signature={part}"
    return request | {
        "output_url": link,
        "error_message": (None, f"cannot read {link}", f"{KEY[:10]}...", f"no key {KEY}")[number],
    }


@contextmanager
def hostile_api() -> Iterator[HostileApi]:
    """Serve a hostile API on a port of this machine."""
    api = HostileApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(*api.answer_get(self._request(), self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = self._request(body)
            if self.path.startswith("/hook"):
                self._answer(400, f"no {self.path}", {"error": f"{KEY} {said}"})
            else:
                self._answer(*api.answer_post(said, body))

        def do_CONNECT(self):
            said = self.headers["Proxy-Authorization"]
            login = base64.b64decode(said.removeprefix("Basic ")).decode()
            api.seen += [said, login]
            self._answer(407, f"no {said} {login} {login.partition(':')[2]}", {"error": said})

        def _request(self, body=""):
            said = f"{self.path} {self.headers} {body}"
            api.seen.append(said)
            return said

        def _answer(self, status, reason, content):
            text = json.dumps(content).encode()
            with suppress(OSError):
                self.send_response(status, reason)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.send_header("Set-Cookie", f"key={KEY}")
                self.send_header("Retry-After", "0" if status == 429 else KEY)
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            api.base_url = f"http://127.0.0.1:{server.server_port}/api"
            yield api
        finally:
            server.shutdown()
            thread.join()
