"""From bytes to text: the byte order mark decides, and no byte is lost or guessed in silence.

A byte that is not text is turned into a lone half of a surrogate pair, which no text can hold, so
that whoever reads on can say in which line it stands.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdub.manifest.files import HashedFile

_MARKED = "batchdub.mark"
_BAD = re.compile("[\ud800-\udfff]")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PEEK = 4096
SAVE_AS = "save the file as UTF-8; a spreadsheet calls it `CSV UTF-8`"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(0xDC00 + error.object[error.start]), error.end


codecs.register_error(_MARKED, _mark)


def open_text(file: HashedFile) -> tuple[io.TextIOWrapper, str]:
    """Give the file as text without its byte order mark, line ends kept; and how it begins."""
    buffered = file.buffered()
    head = buffered.peek(_PEEK)[:_PEEK]
    encoding = "utf-16" if head.startswith(_UTF16_MARKS) else "utf-8-sig"
    text = io.TextIOWrapper(buffered, encoding=encoding, errors=_MARKED, newline="")
    return text, head.decode(encoding, errors="replace")


def bad_byte(text: str) -> tuple[int, str, str] | None:
    """Find the first byte that was not text: its place in `text`, what is wrong, what to do."""
    found = _BAD.search(text)
    if found is None:
        return None
    code = ord(found[0]) - 0xDC00
    return found.start(), f"byte 0x{code:02X} is not UTF-8 (or UTF-16) text", SAVE_AS
