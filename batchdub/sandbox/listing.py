"""Which orders a look-up shows, and how: pure functions of the books and the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchdub.sandbox.lifecycle import progress
from batchdub.units import to_stored_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from batchdub.sandbox.bodies import ListQuery
    from batchdub.sandbox.books import Books
    from batchdub.sandbox.orders import Order
    from batchdub.sandbox.settings import ListOrder


def taken(orders: Iterable[Order], now: datetime) -> list[Order]:
    """Give the orders that have been taken by now; a late one is taken later."""
    return [order for order in orders if order.created_at <= now]


def listed(orders: Iterable[Order], now: datetime) -> list[Order]:
    """Give the orders that the list shows by now."""
    return [order for order in orders if order.listed_at <= now]


def in_order(orders: Sequence[Order], by: ListOrder) -> list[Order]:
    """Sort orders for the list; of two of the same moment the one entered last is the newer."""
    if by == "hash":
        return sorted(orders, key=lambda order: order.request_id)
    oldest_first = sorted(orders, key=lambda order: order.created_at)
    return oldest_first if by == "asc" else oldest_first[::-1]


def find_page(
    books: Books, query: ListQuery, by: ListOrder, now: datetime
) -> tuple[list[Order], int]:
    """Give one page of the list, and how many requests there are in all."""
    wanted = query.reference_id
    found = listed(books.orders if wanted is None else books.by_reference(wanted), now)
    return in_order(found, by)[query.offset : query.offset + query.limit], len(found)


def find_one(books: Books, wanted: str, now: datetime) -> Order | None:
    """Find an order by its request_id, else the newest of those with that reference_id.

    A lagging list is an index that lags: the request_id finds an order at once.
    """
    by_id = books.by_id(wanted)
    if by_id is not None and by_id.created_at <= now:
        return by_id
    newest_first = in_order(listed(books.by_reference(wanted), now), "desc")
    return newest_first[0] if newest_first else None


def request_row(order: Order, output_url: str, now: datetime) -> dict[str, Any]:
    """Give an order as the API shows a request; what it does not have yet is left out."""
    came = progress(order, now)
    started_at, finished_at = came.started_at, came.finished_at
    row = {
        "id": order.request_id,
        "created_at": to_stored_time(order.created_at),
        "status": came.status,
        "reference_id": order.reference_id,
        "started_at": started_at and to_stored_time(started_at),
        "finished_at": finished_at and to_stored_time(finished_at),
        "output_url": output_url if came.status == "completed" else None,
        "error_message": came.error_message,
    }
    return {name: value for name, value in row.items() if value is not None}
