"""An accepted order, and how it is written down as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from batchdub.units import from_stored_time, to_stored_time

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_STARTS = b'{"request_id": "'


@dataclass(frozen=True, slots=True)
class OrderInput:
    """A medium of an order: `video` or `audio`, its cut URL, and a hash of the whole one.

    For an upload the URL is `upload:` and the file's name, and the hash is of its content.
    """

    type: str
    url: str
    url_hash: str


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted order. The times are UTC, in whole milliseconds, as the file has them.

    `listed_at` is when the list shows it (later than `created_at` under `list-lag`); `fails` is
    whether its dub will end `failed`.
    """

    request_id: str
    reference_id: str | None
    created_at: datetime
    listed_at: datetime
    inputs: tuple[OrderInput, ...]
    disable_active_speaker_detection: bool
    fails: bool = False

    @property
    def subject(self) -> str:
        """What tells orders apart: the reference_id, or without one the hashes of the media."""
        return subject_of(self.reference_id, self.inputs)


def subject_of(reference_id: str | None, inputs: Sequence[OrderInput]) -> str:
    """Give the reference_id, or without one the hashes of the media."""
    return reference_id or "+".join(medium.url_hash for medium in inputs)


def order_line(order: Order) -> bytes:
    """Give an order as its line in the file, line end included."""
    return json.dumps(order_row(order)).encode() + b"\n"


def order_row(order: Order) -> dict[str, Any]:
    """Give an order as its line in the file has it: `request_id` first, times as text."""
    return {
        "request_id": order.request_id,
        "reference_id": order.reference_id,
        "created_at": to_stored_time(order.created_at),
        "listed_at": to_stored_time(order.listed_at),
        "inputs": [{"type": i.type, "url": i.url, "url_hash": i.url_hash} for i in order.inputs],
        "disable_active_speaker_detection": order.disable_active_speaker_detection,
        "fails": order.fails,
    }


def order_from_line(line: bytes) -> Order:
    """Read a line back; what is not one raises ValueError, KeyError or TypeError."""
    row = json.loads(line)
    return Order(
        request_id=row["request_id"],
        reference_id=row["reference_id"],
        created_at=from_stored_time(row["created_at"]),
        listed_at=from_stored_time(row["listed_at"]),
        inputs=tuple(OrderInput(i["type"], i["url"], i["url_hash"]) for i in row["inputs"]),
        disable_active_speaker_detection=row["disable_active_speaker_detection"],
        fails=row["fails"],
    )
