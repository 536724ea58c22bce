"""The sandbox without sockets: an httpx transport that drives a provider on the test's clock.

What fails here fails as it does on httpx-aiohttp over real sockets, cause included, since that
cause is all that tells "not sent" from "in doubt".
"""

from __future__ import annotations

import errno
import json
import os
from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, NoReturn

import aiohttp
import httpx
from aiohttp.client_reqrep import ConnectionKey

from batchdub.sandbox.calls import Answer, make_call
from batchdub.sandbox.faults import Fate, Kind

if TYPE_CHECKING:
    from datetime import datetime

_NEVER_S = 24 * 3600.0
_FATES = {
    "drop": Fate(Kind.DROP_BEFORE),
    "accept_then_drop": Fate(Kind.DROP_AFTER),
    "hang": Fate(Kind.DROP_BEFORE),
    "accept_then_hang": Fate(Kind.DROP_AFTER),
    "accept_then_reply": Fate(),
}
_OTHERS = {"pass", "refuse_connection", "reply", "accept_later"}


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that was made: also one that was refused a connection."""

    method: str
    path: str
    at: datetime
    at_s: float
    reference_id: str | None = None
    """Of the order's body, or of the list's filter."""


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    late_s: float = 0.0


class SandboxTransport(httpx.AsyncBaseTransport):
    """Drives `provider` on `clock`; `calls` has every call, in the order they were begun.

    `date_skew_s` sets the Date headers wrong; with None there are none.
    """

    def __init__(self, provider, clock, *, date_skew_s: float | None = 0.0) -> None:
        self.provider = provider
        self.clock = clock
        self.date_skew_s = date_skew_s
        self.calls: list[CallRecord] = []
        self._scripts = {"POST": deque(), "GET": deque()}

    def script(
        self,
        name: str,
        status: int = 200,
        body: bytes | str | dict = b"",
        *,
        headers: dict[str, str] | None = None,
        late_s: float = 0.0,
        times: int = 1,
        method: str = "POST",
    ) -> None:
        """Decide what happens to the next calls, one after the other; then the provider does.

        `pass` (as if nothing were scripted) · `refuse_connection` · `reply` (status, body,
        headers; the provider hears nothing) · `drop` · `hang` (until the client's read timeout)
        · `accept_then_drop` · `accept_then_hang` · `accept_then_reply` · `accept_later`
        (dropped now, taken `late_s` later). The fates of orders still meet the provider's own
        checks: a key, a limit or a body that is refused is refused.
        """
        if name not in _FATES.keys() | _OTHERS:
            raise ValueError(f"no such step: {name}")
        step = _Step(name, status, _as_bytes(body), tuple((headers or {}).items()), late_s)
        self._scripts[method].extend([step] * times)

    def orders(self, reference_id: str) -> int:
        """Count the provider's orders under this reference_id."""
        return self.provider.orders(reference_id)

    def posts(self) -> list[CallRecord]:
        """Give the calls that could have ordered."""
        return [call for call in self.calls if call.method == "POST"]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request to the provider and its answer back."""
        body = await request.aread()
        self._record(request, body)
        script = self._scripts.get(request.method)
        step = script.popleft() if script else _Step("pass")
        if step.name == "refuse_connection":
            _raise_refused(request)
        answer = self._answer(step, request, body)
        await self._wait(answer.delay_s, request)
        if answer.drop:
            _raise_dropped(request)
        return self._response(answer, request)

    def _answer(self, step: _Step, request: httpx.Request, body: bytes) -> Answer:
        scripted = Answer(step.status, dict(step.headers), step.body)
        if step.name == "reply":
            return scripted
        fate = _FATES.get(step.name)
        if step.name == "accept_later":
            fate = Fate(Kind.LATE, late_s=step.late_s)
        target = request.url.raw_path.decode("ascii")
        answer = self.provider.handle(
            make_call(request.method, target, request.headers, body), fate=fate
        )
        if step.name == "accept_then_reply" and answer.status == 200:
            return scripted
        if step.name.endswith("hang") and (answer.drop or request.method == "GET"):
            return replace(answer, delay_s=_NEVER_S)
        return replace(answer, drop=True) if _drops_a_get(step, request) else answer

    async def _wait(self, delay_s: float, request: httpx.Request) -> None:
        patience_s = request.extensions.get("timeout", {}).get("read")
        if patience_s is not None and delay_s > patience_s:
            await self.clock.sleep(patience_s)
            cause = aiohttp.SocketTimeoutError("Timeout on reading data from socket")
            raise httpx.ReadTimeout(str(cause), request=request) from cause
        await self.clock.sleep(delay_s)

    def _response(self, answer: Answer, request: httpx.Request) -> httpx.Response:
        headers = dict(answer.headers)
        if self.date_skew_s is not None:
            moment = self.provider.now() + timedelta(seconds=self.date_skew_s)
            headers["date"] = format_datetime(moment, usegmt=True)
        if answer.lasts_s or answer.cut_at is not None:
            headers["content-length"] = str(len(answer.body))
            stream = _Pieces(answer, self.clock)
            return httpx.Response(answer.status, headers=headers, stream=stream, request=request)
        content = b"" if request.method == "HEAD" else answer.body
        return httpx.Response(answer.status, headers=headers, content=content, request=request)

    def _record(self, request: httpx.Request, body: bytes) -> None:
        reference_id = request.url.params.get("reference_id") or _reference_of(body)
        self.calls.append(
            CallRecord(
                request.method,
                request.url.path,
                self.clock.now(),
                self.clock.monotonic_s(),
                reference_id,
            )
        )


class _Pieces(httpx.AsyncByteStream):
    """A body that takes its time, or that is cut off."""

    def __init__(self, answer: Answer, clock) -> None:
        self._answer = answer
        self._clock = clock

    async def __aiter__(self):
        pieces = self._answer.pieces()
        for piece in pieces:
            yield piece
            await self._clock.sleep(self._answer.lasts_s / len(pieces))
        if self._answer.cut_at is not None:
            cause = aiohttp.ClientPayloadError("Response payload is not completed")
            raise httpx.ReadError(str(cause)) from cause


def _drops_a_get(step: _Step, request: httpx.Request) -> bool:
    return request.method == "GET" and step.name in {"drop", "accept_then_drop"}


def _as_bytes(body: bytes | str | dict) -> bytes:
    if isinstance(body, dict):
        return json.dumps(body).encode()
    return body.encode() if isinstance(body, str) else body


def _reference_of(body: bytes) -> str | None:
    try:
        return json.loads(body).get("reference_id")
    except (ValueError, AttributeError):
        return None


def _raise_dropped(request: httpx.Request) -> NoReturn:
    cause = aiohttp.ServerDisconnectedError()
    raise httpx.ConnectTimeout(str(cause), request=request) from cause


def _raise_refused(request: httpx.Request) -> NoReturn:
    url = request.url
    key = ConnectionKey(
        host=url.host,
        port=url.port or (443 if url.scheme == "https" else 80),
        is_ssl=url.scheme == "https",
        ssl=True,
        proxy=None,
        proxy_auth=None,
        proxy_headers_hash=None,
    )
    refused = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    cause = aiohttp.ClientConnectorError(key, refused)
    raise httpx.ConnectTimeout(str(cause), request=request) from cause
