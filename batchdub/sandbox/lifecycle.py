"""What becomes of an order as time passes: a pure function of the order and the time.

Nothing runs in the background, so a killed sandbox goes on after a restart as if it had lived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from batchdub.sandbox.faults import chance

if TYPE_CHECKING:
    from batchdub.sandbox.orders import Order

NOT_ACCESSIBLE = "video URL is not accessible"
_QUEUED_S = (0.2, 1.0)
_PROCESSING_S = (0.5, 2.5)


@dataclass(frozen=True, slots=True)
class Progress:
    """An order's status, and the times that have passed (UTC)."""

    status: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error_message: str | None = None


def progress(order: Order, now: datetime) -> Progress:
    """Give an order's status: `queued`, `processing`, then `completed` or `failed`.

    How long each takes depends on the request_id alone: 0.2 to 1 s queued, 0.5 to 2.5 s in work.
    """
    started_at = order.created_at + _span(order.request_id, "queued", _QUEUED_S)
    finished_at = started_at + _span(order.request_id, "processing", _PROCESSING_S)
    if now < started_at:
        return Progress("queued")
    if now < finished_at:
        return Progress("processing", started_at)
    if order.fails:
        return Progress("failed", started_at, finished_at, NOT_ACCESSIBLE)
    return Progress("completed", started_at, finished_at)


def _span(request_id: str, phase: str, range_s: tuple[float, float]) -> timedelta:
    low_s, high_s = range_s
    return timedelta(seconds=low_s + (high_s - low_s) * chance(0, phase, request_id))
