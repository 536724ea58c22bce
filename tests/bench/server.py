"""An API that costs next to nothing: a process of its own that only parses, counts and answers.

It takes orders, lists them, and keeps books, so that the client is what is measured. A limit
makes it refuse as the real one does. `GET /books` tells what it has taken.

    python -m tests.bench.server --limit 60/min sliding
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from batchdub.sandbox.limits import Limit, Window, WindowKind, admit, limit_of
from batchdub.units import UNLIMITED, parse_rate

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PREFIX = "/api/v1"


@dataclass(slots=True)
class Books:
    """What was taken, and when (monotonic): the first order, the last one, and the refusals."""

    requests: list[dict[str, str]] = field(default_factory=list)
    by_reference: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    refused: int = 0
    first_s: float = 0.0
    last_s: float = 0.0

    def take(self, reference_id: str) -> str:
        """Take an order and give its id."""
        now_s = time.monotonic()
        self.first_s = self.first_s or now_s
        self.last_s = now_s
        request = {
            "id": str(uuid4()),
            "created_at": datetime.now(UTC).isoformat(),
            "status": "queued",
            "reference_id": reference_id,
        }
        self.requests.append(request)
        self.by_reference.setdefault(reference_id, []).append(request)
        return request["id"]

    def summary(self) -> dict[str, float]:
        """Give orders, duplicates, refusals, and the seconds from the first order to the last."""
        counts = Counter({name: len(own) for name, own in self.by_reference.items()})
        return {
            "orders": len(self.requests),
            "duplicates": sum(counts.values()) - len(counts),
            "refused": self.refused,
            "ordering_s": self.last_s - self.first_s,
        }


class Api:
    """The routes: a method, a target and a body to a status and a value."""

    def __init__(self, limit: Limit) -> None:
        self.books = Books()
        self._limit = limit
        self._window = Window()

    def answer(self, method: str, target: str, body: bytes) -> tuple[str, object]:
        """Answer one call; the paths are the real API's."""
        if method == "POST":
            return self._order(body)
        url = urlsplit(target)
        if url.path == f"{_PREFIX}/lipsync/requests":
            return "200 OK", self._page(parse_qs(url.query))
        if url.path.startswith(f"{_PREFIX}/lipsync/requests/"):
            return self._request(unquote(url.path.rpartition("/")[2]))
        if url.path == f"{_PREFIX}/users/me":
            return "200 OK", {"name": "bench"}
        if url.path == "/books":
            return "200 OK", self.books.summary()
        return "404 Not Found", {"error": "not found"}

    def _order(self, body: bytes) -> tuple[str, object]:
        if self._limit.calls:
            self._window, wait_s = admit(self._limit, self._window, time.monotonic())
            if wait_s > 0:
                self.books.refused += 1
                return "429 Too Many Requests", {"error": "rate limit exceeded"}
        request_id = self.books.take(json.loads(body)["reference_id"])
        return "200 OK", {"status": "success", "request_id": request_id}

    def _page(self, query: dict[str, list[str]]) -> object:
        limit, offset = int(query.get("limit", ["20"])[0]), int(query.get("offset", ["0"])[0])
        known = self.books.requests
        if "reference_id" in query:
            known = self.books.by_reference.get(query["reference_id"][0], [])
        page = {"limit": limit, "offset": offset, "total": len(known)}
        return {"data": known[offset : offset + limit], "pagination": page}

    def _request(self, name: str) -> tuple[str, object]:
        for request in self.books.requests:
            if name == request["id"]:
                return "200 OK", request
        return "404 Not Found", {"error": "lipsync request not found"}


class Connection(asyncio.Protocol):
    """One kept-alive connection: whole requests in, answers out, no more of HTTP than that."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport):
        """Begin."""
        self._transport = transport

    def data_received(self, data):
        """Answer every request that is complete."""
        self._read += data
        while (head_ends := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:head_ends]
            length = _LENGTH.search(head)
            ends = head_ends + 4 + (int(length[1]) if length else 0)
            if len(self._read) < ends:
                return
            body, self._read = self._read[head_ends + 4 : ends], self._read[ends:]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._transport.write(_response(*self._api.answer(method, target, body)))


def _response(status: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    date = format_datetime(datetime.now(UTC), usegmt=True)
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nDate: {date}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(limit: Limit) -> None:
    """Serve on a free port, and print it."""
    api = Api(limit)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(api), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main():
    """Read the limit and serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", nargs=2, metavar=("RATE", "KIND"))
    rate, kind = parser.parse_args().limit or ("unlimited", WindowKind.FIXED)
    limit = limit_of(UNLIMITED if rate == "unlimited" else parse_rate(rate), WindowKind(kind))
    asyncio.run(serve(limit))


if __name__ == "__main__":
    main()
