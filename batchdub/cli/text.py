"""Text for a terminal or a log: nothing in it may move a cursor or hide what follows."""

from __future__ import annotations

import re
import unicodedata

# Control characters, and those that turn the direction of what follows or end a line.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Write control characters as escapes such as `\x1b`, so that text stays on its line."""
    # What Python calls printable has none of them, and takes a tenth of the time to tell.
    return text if text.isprintable() else _UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def columns_wide(text: str) -> int:
    """Give how many columns of a terminal a text takes: wide Asian characters take two."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
