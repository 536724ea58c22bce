"""Asking the API's list, free of charge, what exists under a reference_id.

A look that failed proves nothing: it gives None, never an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from batchdub.exits import Exit
from batchdub.models import Cause, Outcome, Page, RemoteRequest
from batchdub.run.asking import Asking
from batchdub.wire import CallFailedError, Listing, backoff_s, list_all

T = TypeVar("T")

_TRIES = 4
PAGE = 100
"""How many requests are asked for at once."""
_FEW = 3  # so few are asked for one by one, without a look at how long the list is
STOP_CODES = {
    Cause.KEY: Exit.KEY,
    Cause.ADDRESS: Exit.API_UNAVAILABLE,
    Cause.TLS: Exit.API_UNAVAILABLE,
}
"""Ends of a call after which no call makes sense, whatever it was for."""


@dataclass(frozen=True, slots=True)
class Look:
    """A complete reading of what the API has under one reference_id, and when it was made.

    `began_s` and `ended_s` are monotonic; `server_began_at` and `server_ended_at` are the
    server's own Dates, of the first and of the last page.
    """

    requests: tuple[RemoteRequest, ...]
    began_s: float
    ended_s: float
    server_began_at: datetime | None
    server_ended_at: datetime | None


async def ask(asking: Asking, call: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
    """Make a free call, and make it again a few times if it fails.

    None if it goes on failing, or if the run is told to stop and no look makes sense any more.

    The last failure is kept as `asking.last_failure`.
    """
    for failures in range(1, _TRIES + 1):
        try:
            return await asking.freely(call())
        except CallFailedError as error:
            asking.last_failure = error
            heed_failed_call(asking, error.outcome)
            if not asking.stop.may_look:
                return None
            wait_s = backoff_s(failures, asking.rng, error.outcome.retry_after_s)
            await asking.rest(wait_s if failures < _TRIES else 0.0)
    return None


async def look_up(asking: Asking, sent_as: str) -> Look | None:
    """Read all that the API has under a reference_id; None if it cannot be known now."""
    slots_s: list[float] = []

    async def take_slot() -> None:
        slots_s.append(await asking.look_pace.slot())

    async def read() -> Listing:
        slots_s.clear()
        return await list_all(asking.api, reference_id=sent_as, before_each=take_slot)

    listing = await ask(asking, read)
    if listing is None:
        return None
    asking.server_clock.note(listing.ended_at)
    if listing.foreign:
        asking.say(f"the API's list ignores its own filter, so it proves nothing ({sent_as})")
        return None
    ended_s = asking.clock.monotonic_s()
    # It began with its first call. At a slow pace the wait before it would make any look stale.
    return Look(listing.requests, slots_s[0], ended_s, listing.began_at, listing.ended_at)


class Way(StrEnum):
    """How the list was asked about many reference_ids."""

    ACCOUNT = "all pages of the account's list"
    """Filtered here."""
    ROWS = "the list of each reference_id"
    """Filtered by the API, and again here."""


async def look_up_all(
    asking: Asking, sent_as: Sequence[str]
) -> dict[str, tuple[RemoteRequest, ...]] | None:
    """Read what the API has under each reference_id, by whichever way is fewer calls.

    Either one by one, or all pages of the account. None if any of it cannot be known now.
    """
    asked = await look_up_by(asking, sent_as)
    return None if asked is None else asked[0]


async def look_up_by(
    asking: Asking, sent_as: Sequence[str]
) -> tuple[dict[str, tuple[RemoteRequest, ...]], Way] | None:
    """Do as `look_up_all`, and tell which way it was."""
    if len(sent_as) > _FEW:
        total = await account_total(asking)
        if total is None:
            return None
        if -(-total // PAGE) < len(sent_as):
            listing = await read_account(asking)
            if listing is not None and listing.complete:
                return group_by_reference(listing.requests, sent_as), Way.ACCOUNT
    found = {}
    for reference_id in sent_as:
        look = await look_up(asking, reference_id)
        if look is None:
            return None
        found[reference_id] = look.requests
    return found, Way.ROWS


def group_by_reference(
    requests: Iterable[RemoteRequest], sent_as: Iterable[str]
) -> dict[str, tuple[RemoteRequest, ...]]:
    """Sort requests under exactly these reference_ids; others are left out."""
    found: dict[str, list[RemoteRequest]] = {reference_id: [] for reference_id in sent_as}
    for request in requests:
        if request.reference_id in found:
            found[request.reference_id].append(request)
    return {reference_id: tuple(own) for reference_id, own in found.items()}


async def read_account(asking: Asking, max_pages: int | None = None) -> Listing | None:
    """Read the account's whole list, or its first pages; None if it cannot be read now."""

    async def read() -> Listing:
        return await list_all(
            asking.api, before_each=asking.look_pace.slot, limit=PAGE, max_pages=max_pages
        )

    return await ask(asking, read)


async def read_page(asking: Asking, offset: int) -> Page | None:
    """Read one page of the account's list; None if it cannot be read now."""

    async def read() -> Page:
        await asking.look_pace.slot()
        return await asking.api.list_requests(limit=PAGE, offset=offset)

    page = await ask(asking, read)
    if page is not None:
        asking.server_clock.note(page.server_date)
    return page


async def read_request(asking: Asking, request_id: str) -> tuple[RemoteRequest | None] | None:
    """Read one request by its id: it, or that the API has none; None if it cannot be known now."""

    async def read() -> tuple[RemoteRequest | None]:
        await asking.look_pace.slot()
        return (await asking.api.get_request(request_id),)

    return await ask(asking, read)


async def account_total(asking: Asking) -> int | None:
    """Ask how many requests the account has; None if the API does not tell now."""

    async def read() -> Page:
        await asking.look_pace.slot()
        return await asking.api.list_requests(limit=1)

    page = await ask(asking, read)
    if page is None:
        return None
    asking.server_clock.note(page.server_date)
    return page.total


def heed_failed_call(asking: Asking, outcome: Outcome) -> None:
    """Draw from a failed free call what it says of the rest of the run."""
    asking.server_clock.note(outcome.server_date)
    if outcome.cause is Cause.RATE_LIMIT:
        asking.look_pace.on_refused()
        asking.look_pace.pause(backoff_s(1, asking.rng, outcome.retry_after_s))
    elif outcome.cause in STOP_CODES:
        asking.stop.ask(STOP_CODES[outcome.cause], outcome.message)
