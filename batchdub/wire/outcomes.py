"""How a call ended: a whitelist, and everything that is not on it is in doubt.

"Not sent" and "refused" let a row be ordered again, so each must be proven. A class of exception
or a status that nobody thought of is `LOST`: it costs a look-up, never a second order.
The tables come from the API's documented errors (API.md) and from measurements (FAULTS.md).
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import aiohttp
import httpx

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.wire.parse import is_usable_id, read_accepted, read_error
from batchdub.wire.reply import parse_retry_after_s
from batchdub.wire.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from batchdub.redact import Secret
    from batchdub.wire.reply import Reply

_Kind = tuple[Event, Cause]

_ROW: _Kind = (Event.REFUSED, Cause.ROW)
_KEY: _Kind = (Event.TURNED_AWAY, Cause.KEY)
_TOKENS: _Kind = (Event.TURNED_AWAY, Cause.TOKEN_LIMIT)
_RATE: _Kind = (Event.TURNED_AWAY, Cause.RATE_LIMIT)
_ADDRESS: _Kind = (Event.TURNED_AWAY, Cause.ADDRESS)
_SERVER: _Kind = (Event.LOST, Cause.SERVER)

# Statuses that refuse, if the body is the API's own. 402, 403, 405, 413, 415 and 422 are
# documented nowhere, but HTTP itself says that nothing was done (FAULTS.md, statuses).
_REFUSALS: Mapping[int, _Kind] = {
    400: _ROW, 413: _ROW, 415: _ROW, 422: _ROW,
    401: _KEY, 403: _KEY,
    402: _TOKENS, 412: _TOKENS,  # 412 is the token limit here, not a failed precondition
    404: _ADDRESS, 405: _ADDRESS,
    429: _RATE,
}  # fmt: skip

# Documented texts that say more than a status: whatever refusal they come under, they win,
# because a proxy may rewrite the status. Texts about the row are not here: under another status
# than its own they would blame the row for something else.
_TELLING_TEXTS: Mapping[str, _Kind] = {
    "missing authorization header": _KEY,
    "invalid authorization format": _KEY,
    "missing token": _KEY,
    "invalid token": _KEY,
    "unauthorized": _KEY,
    "token limit reached": _TOKENS,
    "rate limit exceeded": _RATE,
    "internal error": _SERVER,
}

# Of the other 2xx some were made by something in between (203), some cannot carry an id (204).
_SUCCESSES = frozenset({200, 201, 202})

_ADDRESS_STATUSES = frozenset({404, 405})

NO_SUCH_REQUEST = "lipsync request not found"
"""The API's own text under 404 for a GET by id (API.md)."""


def classify_reply(reply: Reply, now: datetime, *secrets: Secret) -> Outcome:
    """Classify the answer to a generate call; total over all statuses and bodies, never raises.

    `now` is for a Retry-After date in a reply without a Date. `secrets` are cut from the message.
    """
    request_id = None
    if 200 <= reply.status < 300:
        given_id = read_accepted(reply.body) if not reply.broken else None
        kind, message, request_id = _success(reply, given_id)
    else:
        text = read_error(reply.body) if not reply.broken else None
        kind = refusal_kind(reply.status, text)
        message = describe_reply(reply, text)
    return Outcome(
        event=kind[0],
        cause=kind[1],
        message=one_line(message, *secrets),
        http_status=reply.status,
        request_id=request_id,
        retry_after_s=parse_retry_after_s(reply.retry_after, reply.server_date, now),
        server_date=reply.server_date,
    )


def _success(reply: Reply, given_id: str | None) -> tuple[_Kind, str, str | None]:
    if reply.status in _SUCCESSES and given_id is not None and is_usable_id(given_id):
        return (Event.ACCEPTED, Cause.ACCEPTED), "", given_id
    why = reply.broken or "it is not the API's answer"
    if given_id is not None:
        why = f"`{given_id}` under this status is not a usable request_id"
    message = f"HTTP {reply.status} without a usable request_id, probably paid: {why}"
    return (Event.LOST, Cause.PAID_WITHOUT_ID), message, None


def refusal_kind(status: int, text: str | None) -> _Kind:
    """Sort a status that is not 2xx; `text` is the API's own error text, None without one."""
    if status in _REFUSALS and text is not None:
        return _TELLING_TEXTS.get(text.strip().lower(), _REFUSALS[status])
    if 300 <= status < 400 or status in _ADDRESS_STATUSES:
        return Event.LOST, Cause.ADDRESS
    if status >= 500 or text is not None or status in (408, 409, 425):
        return _SERVER
    return Event.LOST, Cause.STRANGE


def describe_reply(reply: Reply, text: str | None) -> str:
    """Say for people what a reply was; not scrubbed yet."""
    if text is not None:
        return f"HTTP {reply.status}: {text}"
    if 300 <= reply.status < 400:
        return f"HTTP {reply.status}: a redirect, which is never followed; check the base URL"
    return f"HTTP {reply.status}: {reply.broken or 'not an answer of the API'}"


def classify_error(error: BaseException, *secrets: Secret) -> Outcome:
    """Classify an exception that came instead of a reply.

    Not sent only if aiohttp itself says that there was no connection: httpx's own class proves
    nothing here, since its aiohttp transport calls a reply that was dropped after the request
    `ConnectTimeout` as well (measured). The outermost aiohttp error of the chain decides.
    """
    event, cause, what = _error_kind(error)
    return Outcome(event=event, cause=cause, message=one_line(f"{what}: {_said(error)}", *secrets))


def _said(error: BaseException) -> str:
    for link in _chain(error):
        if isinstance(link, aiohttp.ClientSSLError) or not isinstance(
            link, aiohttp.ClientConnectorError
        ):
            continue
        # Some of aiohttp's errors lack what their class promises; that must not cost the outcome.
        said = getattr(link, "os_error", None)
        if said is not None and said.errno:
            # aiohttp's own words name a TLS setting that has nothing to do with it.
            return f"{link.host}:{link.port}: {_reason(said)}"
    # Some libraries' exceptions fail to print; that must not cost the outcome of an order.
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def _reason(error: OSError) -> str:
    """Say what the system said; asyncio puts its own words in the place of a plain errno's."""
    is_name = isinstance(error, socket.gaierror)
    return str(error.strerror) if is_name else os.strerror(error.errno or 0)


def _error_kind(error: BaseException) -> tuple[Event, Cause, str]:
    for link in _chain(error):
        if isinstance(link, aiohttp.ClientError):
            return _aiohttp_kind(link)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Event.LOST, Cause.TIMEOUT, "no answer in time"
    if isinstance(error, OSError | EOFError | httpx.NetworkError | httpx.RemoteProtocolError):
        return Event.LOST, Cause.DROPPED, "the connection ended without an answer"
    return Event.LOST, Cause.STRANGE, f"the call failed ({type(error).__name__})"


def _aiohttp_kind(error: aiohttp.ClientError) -> tuple[Event, Cause, str]:
    if isinstance(error, aiohttp.ClientSSLError):
        return Event.NOT_SENT, Cause.TLS, "no trusted TLS connection"
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Event.NOT_SENT, Cause.CONNECT, "no connection"
    if isinstance(error, aiohttp.ServerTimeoutError):
        return Event.LOST, Cause.TIMEOUT, "no answer in time"
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return Event.LOST, Cause.DROPPED, "the connection ended without an answer"
    return Event.LOST, Cause.STRANGE, f"not an HTTP answer ({type(error).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__
