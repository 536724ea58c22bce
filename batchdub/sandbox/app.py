"""The provider behind ASGI: reads a request with Starlette, carries the answer back.

ASGI has no word for "close the connection without an answer", and an application that returns
without one makes the server send a 500 of its own. So a drop goes around ASGI: the `send` that
uvicorn hands to the outermost application is a method of its request cycle, which holds the
transport. That is why this is a bare ASGI callable, with no middleware to wrap `send`.
"""

from __future__ import annotations

import asyncio
import hashlib
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from batchdub.sandbox.calls import Call, Upload, make_call
from batchdub.sandbox.media_host import PLACE

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from batchdub.sandbox.calls import Answer
    from batchdub.sandbox.media_host import MediaHost
    from batchdub.sandbox.provider import Provider

_BODY_LIMIT = 1024 * 1024
_CHUNK = 256 * 1024


class SandboxApp:
    """An ASGI application over a provider, and perhaps media; needs uvicorn for its drops."""

    def __init__(self, provider: Provider, media: MediaHost | None = None) -> None:
        self._provider = provider
        self._media = media
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Close the connections of answers that are still held back, at once."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            call = await _read_call(Request(scope, receive))
        except ClientDisconnect:
            return
        if self._media is not None and call.segments[0] == PLACE:
            answer = self._media.answer(call)
        else:
            answer = self._provider.handle(call)
        if answer.delay_s:
            await self._hold_back(answer.delay_s)
        if answer.drop or self._stopping.is_set():
            await _hang_up(receive, send)
            return
        # Not uvicorn's own header: it may be two seconds old, and the API's list is compared
        # with the time of the API's clock.
        date = {"date": format_datetime(self._provider.now(), usegmt=True)}
        headers = {**answer.headers, **date}
        in_pieces = answer.lasts_s or answer.cut_at is not None
        if in_pieces and scope["method"] != "HEAD":
            await self._in_pieces(answer, headers, receive, send)
            return
        response = Response(answer.body, answer.status, headers)
        await response(scope, receive, send)

    async def _in_pieces(
        self, answer: Answer, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        """Send a body that takes its time, or that is cut off in the middle."""
        head = {**headers, "content-length": str(len(answer.body))}
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in head.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        pieces = answer.pieces()
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._hold_back(answer.lasts_s / len(pieces))
            if self._stopping.is_set():
                break
        if answer.cut_at is not None or self._stopping.is_set():
            await _hang_up(receive, send)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _hold_back(self, delay_s: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), delay_s)
        except TimeoutError:
            return


async def _read_call(request: Request) -> Call:
    query = request.scope["query_string"].decode("latin-1")
    target = f"{request.scope['raw_path'].decode('latin-1')}?{query}"
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await _read_form(request)
        return make_call(request.method, target, request.headers, form=form)
    return make_call(request.method, target, request.headers, await _read_body(request))


async def _read_body(request: Request) -> bytes:
    """Read a body to its end, but keep no more than a body of the API could need."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: _BODY_LIMIT - len(body)]
    return bytes(body)


async def _read_form(request: Request) -> dict[str, str | Upload] | None:
    """Read a multipart body; None if it is not one."""
    try:
        async with request.form() as form:
            return {name: await _read_field(value) for name, value in form.items()}
    except MultiPartException:
        return None


async def _read_field(value: str | UploadFile) -> str | Upload:
    if isinstance(value, str):
        return value
    hashed = hashlib.sha256()
    while chunk := await value.read(_CHUNK):
        hashed.update(chunk)
    return Upload(value.filename or "", hashed.hexdigest()[:32])


async def _hang_up(receive: Receive, send: Send) -> None:
    cycle: Any = getattr(send, "__self__", None)
    cycle.transport.close()
    # Until uvicorn has seen the end of the connection, returning without an answer is an error.
    event = ""
    while event != "http.disconnect":
        event = (await receive())["type"]
