"""Turning what a server or a library said into one safe line for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batchdub.redact import MASK, scrub

if TYPE_CHECKING:
    from batchdub.redact import Secret

MAX_LENGTH = 300

# Nobody reads more of it, and a search for secrets takes its time over a megabyte.
_MOST_READ = 8 * 1024

# A percent-encoded URL hides its signature from a search for URLs.
_ENCODED_URL = re.compile(r"https?%3a\S*", re.IGNORECASE)


def one_line(text: str, *secrets: Secret) -> str:
    """Cut secrets, join to one line of printable characters, at most `MAX_LENGTH` of them."""
    if not text:
        return text
    safe = _ENCODED_URL.sub(MASK, scrub(text[:_MOST_READ], *secrets))
    printable = "".join(char if char.isprintable() else " " for char in safe)
    # Once more: what was split by a line end or a control character may now be whole.
    joined = scrub(" ".join(printable.split()), *secrets)
    return joined if len(joined) <= MAX_LENGTH else joined[: MAX_LENGTH - 1] + "…"
