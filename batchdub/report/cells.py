"""One cell as text: the same value reads the same in every format."""

from __future__ import annotations

from datetime import datetime

from batchdub.units import to_stored_time


def cell_text(value: object) -> str:
    """Write a value for a cell: nothing for None, `true` and `false`, times in UTC."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(plain(value))


def plain(value: object) -> object:
    """Give what JSON has no type for as text: times in UTC, anything else as it prints."""
    return to_stored_time(value) if isinstance(value, datetime) else str(value)
