"""What must hold of any bytes whatever: rows and problems, outcomes and values of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from batchdub.clock import SystemClock
from batchdub.manifest.fields import reference_fault, url_fault
from batchdub.models import Outcome
from batchdub.redact import Secret
from batchdub.states import Event
from batchdub.wire import ApiClient, CallFailedError, Reply, classify_reply, generate_body
from tests.manifest.conftest import Read, read_paths

KEY = Secret("sk-planted-0123456789")
NAMES = ("m.csv", "m.yaml", "m.json", "m")
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_AN_ID = "8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a"
_BODY = generate_body("a", "https://x/v.mp4", "https://x/a.wav", False)
_ENDS = {Event.ACCEPTED, Event.LOST, Event.REFUSED, Event.TURNED_AWAY}
_HEADERS = ("date", "retry-after", "content-encoding", "age", "location", "content-type")


def read_manifest(folder: Path, name: str, data: bytes) -> Read:
    """Read these bytes as a manifest; each row could be ordered, each problem printed."""
    path = folder / name
    path.write_bytes(data)
    got = read_paths(str(path))
    assert got.rows or got.lines
    assert got.lines or not got.problems.rows_left_out
    assert len(got.files) == 1 or got.problems.blocking
    for row in got.rows:
        assert reference_fault(row.reference_id) is None
        assert url_fault(row.video_url) is None
        assert url_fault(row.audio_url) is None
        assert row.source.path == str(path)
    for line in got.lines + got.warnings:
        assert line.isprintable()
        assert line.startswith(str(path))
    return got


def read_reply(data: bytes, run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """Read these bytes as an answer: two of status, one of headers, the rest is the body.

    `run` runs a coroutine to its end, as `asyncio.run` does.
    """
    status = 100 + int.from_bytes(data[:2], "big") % 900
    chosen, content = data[2:3], data[3:]
    headers = _headers(chosen[0] if chosen else 0, content)
    _require_ours(classify_reply(Reply(status, content), _NOW, KEY))
    run(_call_all(status, headers, content))


def _headers(bits: int, content: bytes) -> list[tuple[bytes, bytes]]:
    text = content[:40].replace(b"\r", b"").replace(b"\n", b"")
    return [(name.encode(), text) for place, name in enumerate(_HEADERS) if bits >> place & 1]


async def _call_all(status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
    for call in (
        lambda api: api.generate(_BODY),
        lambda api: api.list_requests(),
        lambda api: api.get_request(_AN_ID),
        lambda api: api.display_name(),
        lambda api: api.health(),
    ):
        api = ApiClient("https://api.example.com", KEY, _Answers(status, headers, content), _clock)
        with contextlib.suppress(CallFailedError):
            _require_ours(await call(api))


def _require_ours(value: object) -> None:
    assert KEY.reveal() not in repr(value)
    if isinstance(value, Outcome):
        assert value.event in _ENDS
        assert value.message.isprintable()
        assert (value.event is Event.ACCEPTED) == (value.request_id is not None)


class _Answers(httpx.AsyncBaseTransport):
    def __init__(self, status, headers, content) -> None:
        self.answer = (status, headers, content)

    async def handle_async_request(self, _request):
        status, headers, content = self.answer
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


_clock = SystemClock()
