"""Which messages tell of one cause, although they name other links, rows, times or numbers."""

from __future__ import annotations

import re

# What makes two messages of one cause differ: links, ids, names in backticks, times, numbers.
_VARIABLE = re.compile(
    r"https?://\S+|`[^`]*`|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z| [A-Z]{2,5})?)?|\b\d\d:\d\d\b"
    r"|(?<=[ #])\d[\d,.]*\b"
)


def cause_of(message: str) -> str:
    """Give a message with `…` for whatever differs from row to row."""
    return _VARIABLE.sub("…", message)
