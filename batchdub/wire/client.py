"""The API's calls, one request each: what is sent, and what is made of the answer.

The transport is called directly. Above it nothing can retry, follow a redirect, keep a cookie or
log a URL, and it is faster than a client object.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import httpx

from batchdub import __version__
from batchdub.errors import UnusableInputError
from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.wire import parse
from batchdub.wire.body import secrets_in_body
from batchdub.wire.closing import Closing
from batchdub.wire.failures import CallFailedError
from batchdub.wire.outcomes import (
    NO_SUCH_REQUEST,
    classify_error,
    classify_reply,
    describe_reply,
    refusal_kind,
)
from batchdub.wire.posting import Posting
from batchdub.wire.reply import exchange, parse_retry_after_s
from batchdub.wire.transport import Transport
from batchdub.wire.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchdub.clock import Clock
    from batchdub.models import Page, RemoteRequest
    from batchdub.redact import Secret
    from batchdub.wire.body import GenerateBody
    from batchdub.wire.reply import Reply

_CONNECT_S = 10.0
_POOL_S = 15.0
_KNOWN_STATUSES = frozenset({"queued", "processing", "completed", "failed"})
_NO_CACHE = {"Cache-Control": "no-cache"}
_compact = json.JSONEncoder(separators=(",", ":")).encode


class ApiClient(Closing):
    """The API at one base URL with one key. Close it, or use it as an async context manager.

    `base_url` has passed `check_base_url`, `key` `check_key`. `deadline_s` bounds a whole call,
    from waiting for a connection to the last byte of the answer. `secrets` are cut from all that
    is said, as the key is.
    """

    def __init__(
        self,
        base_url: str,
        key: Secret,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
        *,
        deadline_s: float = 60.0,
        version: str = __version__,
        secrets: tuple[Secret, ...] = (),
    ) -> None:
        self._base_url = base_url
        self._key = key
        self._secrets = (key, *secrets)
        self._transport = transport
        self._clock = clock
        self._deadline_s = deadline_s
        self._open_headers = {
            "User-Agent": f"batchdub/{version}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        self._headers = self._open_headers | {"Authorization": f"Bearer {key.reveal()}"}
        # What httpx would add to them (Host, Content-Length) aiohttp adds as well.
        self._post_headers = self._headers | {"Content-Type": "application/json"}
        self._extensions = {"timeout": _timeouts(deadline_s)}
        self._generate_url = f"{base_url}/v1/lipsync/generate"
        self._posting = (
            Posting(transport, self._generate_url, self._post_headers, _timeouts(deadline_s))
            if isinstance(transport, Transport)
            else None
        )

    def __repr__(self) -> str:
        return f"ApiClient({self._base_url!r})"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def generate(self, body: GenerateBody) -> Outcome:
        """Order one dub: one POST, never repeated here.

        Whatever the network or the server does becomes an outcome; only a cancellation passes
        through. Commit the intent before, and the outcome after.
        """
        try:
            reply = await self._post(_compact(body).encode())
        except Exception as error:
            # An unknown one is in doubt, not a crash.
            return classify_error(error, *self._secrets, *secrets_in_body(body))
        now = self._clock.now()
        outcome = classify_reply(reply, now, *self._secrets)
        if not outcome.message:
            return outcome
        # Only what says something can repeat the body's signatures; most orders say nothing.
        return classify_reply(reply, now, *self._secrets, *secrets_in_body(body))

    async def _post(self, body: bytes) -> Reply:
        if self._posting is not None:
            return await self._posting.send(body, self._deadline_s)
        request = httpx.Request(
            "POST",
            self._generate_url,
            headers=self._post_headers,
            content=body,
            extensions=self._extensions,
        )
        return await exchange(self._transport, request, self._deadline_s)

    async def list_requests(
        self, *, reference_id: str | None = None, limit: int = 100, offset: int = 0
    ) -> Page:
        """Read one page of the account's requests, in the API's order, which is not documented.

        The page is as the server gave it: filter by reference_id again, and go by its own
        `limit`. `list_all` reads all pages. Raises CallFailedError.
        """
        query = {"limit": str(limit), "offset": str(offset)}
        if reference_id is not None:
            query["reference_id"] = reference_id
        what = "listing requests"
        reply = self._require_200(await self._get("/v1/lipsync/requests", what, query), what)
        page = parse.read_page(reply.body, reply.server_date)
        if page is None or page.offset != offset:
            raise self._strange(reply, what, "not the documented page that was asked for")
        return replace(page, requests=tuple(map(self._safe, page.requests)))

    async def get_request(self, request_id: str) -> RemoteRequest | None:
        """Read one request by its id; None only if the API itself says that there is none.

        An answer about another request is a failure. Raises CallFailedError, and
        UnusableInputError for an id that cannot be part of a path.
        """
        if not request_id or set(request_id) == {"."} or len(request_id) > parse.MAX_ID_LENGTH:
            raise UnusableInputError(f"`{request_id[:40]}` is not a request_id")
        what = "reading a request"
        reply = await self._get(f"/v1/lipsync/requests/{quote(request_id, safe='')}", what)
        if reply.status == 404 and parse.read_error(reply.body) == NO_SUCH_REQUEST:
            return None
        found = parse.read_request(self._require_200(reply, what).body)
        if found is None or found.request_id.lower() != request_id.lower():
            raise self._strange(reply, what, "not the documented answer about this request")
        return self._safe(found)

    def _safe(self, request: RemoteRequest) -> RemoteRequest:
        """Give a request as it may be kept and shown: its free text may quote anything."""
        if request.error_message is None and request.status in _KNOWN_STATUSES:
            return request
        said = request.error_message
        return replace(
            request,
            status=one_line(request.status, *self._secrets),
            error_message=None if said is None else one_line(said, *self._secrets),
        )

    async def display_name(self) -> str:
        """Read the key's display name: the cheapest proof that key and address are right."""
        what = "reading the account"
        reply = self._require_200(await self._get("/v1/users/me", what), what)
        name = parse.read_name(reply.body)
        if name is None:
            raise self._strange(reply, what, "not the documented answer")
        return one_line(name, *self._secrets)

    async def health(self) -> None:
        """Ask whether the API is up, without the key. Raises CallFailedError if it is not."""
        what = "asking for the API's health"
        request = self._get_request_for("/health", self._open_headers, {})
        reply = self._require_200(await self._exchange(request, what), what)
        if not parse.read_health(reply.body):
            raise self._strange(reply, what, "not the documented answer")

    async def _get(self, path: str, what: str, query: Mapping[str, str] | None = None) -> Reply:
        request = self._get_request_for(path, self._headers, query or {})
        return await self._exchange(request, what)

    def _get_request_for(
        self, path: str, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> httpx.Request:
        tail = f"?{urlencode(query, quote_via=quote, safe='')}" if query else ""
        return httpx.Request(
            "GET",
            f"{self._base_url}{path}{tail}",
            headers={**headers, **_NO_CACHE},
            extensions=self._extensions,
        )

    async def _exchange(self, request: httpx.Request, what: str) -> Reply:
        try:
            return await exchange(self._transport, request, self._deadline_s)
        except Exception as error:
            failed = classify_error(error, *self._secrets)
        # Outside of `except`, so that no foreign exception, with whatever it holds, hangs on it.
        raise CallFailedError(what, failed)

    def _require_200(self, reply: Reply, what: str) -> Reply:
        if reply.status == 200:
            if reply.broken:
                raise self._strange(reply, what, reply.broken)
            if reply.from_cache:
                raise self._strange(reply, what, "a copy from a cache, which shows the past")
            return reply
        if 200 <= reply.status < 300:
            raise self._strange(reply, what, "not the documented status")
        text = None if reply.broken else parse.read_error(reply.body)
        event, cause = refusal_kind(reply.status, text)
        raise CallFailedError(what, self._failed(reply, event, cause, describe_reply(reply, text)))

    def _strange(self, reply: Reply, what: str, why: str) -> CallFailedError:
        message = f"HTTP {reply.status}: {why}"
        return CallFailedError(what, self._failed(reply, Event.LOST, Cause.STRANGE, message))

    def _failed(self, reply: Reply, event: Event, cause: Cause, message: str) -> Outcome:
        return Outcome(
            event=event,
            cause=cause,
            message=one_line(message, *self._secrets),
            http_status=reply.status,
            retry_after_s=parse_retry_after_s(
                reply.retry_after, reply.server_date, self._clock.now()
            ),
            server_date=reply.server_date,
        )


def _timeouts(deadline_s: float) -> dict[str, float]:
    # A connection that does not come must end before the deadline does: then it is known that
    # nothing was sent, while a deadline proves nothing.
    return {
        "connect": min(_CONNECT_S, deadline_s / 2),
        "pool": min(_POOL_S, deadline_s * 0.75),
        "read": deadline_s,
        "write": deadline_s,
    }
