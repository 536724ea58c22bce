"""All pages of the API's list, or a failure; never a part of it that looks like the whole.

The order of the list is not documented and may change while it is read, so nothing is concluded
from where a request stands: the list was read completely if exactly as many different ids came
as the API itself says there are, and said so on every page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from batchdub.models import Cause, Outcome
from batchdub.states import Event
from batchdub.wire.failures import CallFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from batchdub.models import Page, RemoteRequest

MAX_READINGS = 5
MAX_PAGES = 10_000


class Lister(Protocol):
    """What gives the pages: `ApiClient`."""

    async def list_requests(
        self, *, reference_id: str | None = None, limit: int = 100, offset: int = 0
    ) -> Page:
        """Read one page, or raise CallFailedError."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """One reading of the list.

    `requests` are different from each other, in the order they came, and, if a reference_id was
    asked for, hold exactly that one. `began_at` and `ended_at` are the Dates of the first and the
    last page, as the server told them. `foreign` means that the server's filter let others
    through. `complete` is false only when `max_pages` ended the reading.
    """

    requests: tuple[RemoteRequest, ...]
    began_at: datetime | None
    ended_at: datetime | None
    total: int
    foreign: bool = False
    complete: bool = True


async def list_all(
    client: Lister,
    *,
    reference_id: str | None = None,
    before_each: Callable[[], Awaitable[object]],
    limit: int = 100,
    max_pages: int | None = None,
) -> Listing:
    """Read all pages, of one reference_id or of the account; `before_each` is awaited per GET.

    A list that changes while it is read is read again, `MAX_READINGS` times at most. With
    `max_pages` the reading may end early, and says so. Raises CallFailedError when a call fails
    or the list never stands still: then nothing is known.
    """
    for _ in range(MAX_READINGS):
        pages = await _read_pages(client, reference_id, before_each, limit, max_pages)
        if pages is None:
            continue
        listing = _join(pages, reference_id)
        cut = max_pages is not None and len(pages) >= max_pages
        if listing.complete or cut:
            return listing
    raise _unread(f"the list changed in each of {MAX_READINGS} readings")


async def _read_pages(
    client: Lister,
    reference_id: str | None,
    before_each: Callable[[], Awaitable[object]],
    limit: int,
    max_pages: int | None,
) -> list[Page] | None:
    """Read from the first page to the last; None if the total changed or a page was missing."""
    pages: list[Page] = []
    offset = 0
    while len(pages) < (max_pages or MAX_PAGES):
        await before_each()
        page = await client.list_requests(reference_id=reference_id, limit=limit, offset=offset)
        if pages and page.total != pages[0].total:
            return None
        pages.append(page)
        # The server may give fewer than were asked for, whatever limit it names.
        offset += len(page.requests)
        if offset >= page.total:
            return pages
        if not page.requests:
            return None
    if max_pages is None:
        raise _unread(f"the list has more than {MAX_PAGES} pages")
    return pages


def _join(pages: list[Page], reference_id: str | None) -> Listing:
    by_id = {request.request_id: request for page in pages for request in page.requests}
    wanted = tuple(
        request
        for request in by_id.values()
        if reference_id is None or request.reference_id == reference_id
    )
    return Listing(
        requests=wanted,
        began_at=pages[0].server_date,
        ended_at=pages[-1].server_date,
        total=pages[0].total,
        foreign=len(wanted) != len(by_id),
        complete=len(by_id) == pages[0].total,
    )


def _unread(why: str) -> CallFailedError:
    return CallFailedError("listing requests", Outcome(Event.LOST, Cause.STRANGE, why))
