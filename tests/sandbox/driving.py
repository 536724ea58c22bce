"""Calling a provider directly, on a clock that the test sets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from batchdub.sandbox.books import Books
from batchdub.sandbox.calls import make_call
from batchdub.sandbox.faults import parse_faults
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
VIDEO = {"type": "video", "url": "https://cdn.example.com/episodes/42.mp4"}
AUDIO = {"type": "audio", "url": "https://cdn.example.com/dubs/42-japanese.wav"}
HEADERS = {
    "Authorization": "Bearer a-key",
    "Content-Type": "application/json",
    "Host": "127.0.0.1:9",
}
GENERATE = "/api/v1/lipsync/generate"
REQUESTS = "/api/v1/lipsync/requests"


class Driver:
    """A provider whose time the test moves, and the calls that tests make."""

    def __init__(self, *faults, books=None, start=START, **settings):
        self.now = start
        settings = {"rate": UNLIMITED, "faults": parse_faults(faults)} | settings
        self.books = books or Books()
        self.provider = Provider(self.books, SandboxSettings(**settings), lambda: self.now)

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    def call(self, method, target, *, headers=None, body=b"", form=None, fate=None):
        headers = HEADERS if headers is None else headers
        return self.provider.handle(make_call(method, target, headers, body, form), fate=fate)

    def post(self, body, *, fate=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", GENERATE, body=raw, fate=fate)

    def order(self, reference_id="ref", *, fate=None):
        body = {"inputs": [VIDEO, AUDIO]}
        if reference_id is not None:
            body["reference_id"] = reference_id
        return self.post(body, fate=fate)

    def get(self, target=REQUESTS):
        return self.call("GET", target)

    def list_ids(self, query=""):
        return [row["id"] for row in json_of(self.get(f"{REQUESTS}?{query}"))["data"]]

    def total(self, reference_id):
        found = json_of(self.get(f"{REQUESTS}?reference_id={reference_id}"))
        return found["pagination"]["total"]


def let_dubs_finish(provider):
    """Set a serving provider's clock ahead, rather than wait for it."""
    provider.now = lambda: datetime.now(UTC) + timedelta(seconds=10)


def json_of(answer):
    return json.loads(answer.body)


def error_of(answer):
    found = json_of(answer)
    assert list(found) == ["error"]
    return answer.status, found["error"]
