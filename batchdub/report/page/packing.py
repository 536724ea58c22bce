"""The page's rows, packed: JSON, compressed, and written in letters that can mean nothing else.

Fifty thousand rows take a few megabytes that way, and no text of a row stands in the file as
markup, script or style, whatever it is.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from batchdub.headline import Standing
from batchdub.units import from_stored_time, local_time

_GZIP = 31  # zlib's word for: the widest window, in a gzip file
_GROUP = 3  # base64 turns three bytes into four letters, and pads only what is left over
_TIMES = frozenset({"submitted_at", "finished_at"})
_STANDINGS = tuple(Standing)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def packed(
    rows: Iterable[tuple[Mapping[str, object], Standing]], columns: Sequence[str], ours: int
) -> Iterator[str]:
    """Give rows, each with its standing, as base64 text of gzip, piece by piece.

    Inside is a JSON array: first the columns, how many of them are `ours` and the words for a row's
    standing; then an array a row, its standing's number first. Times are this machine's own.
    """
    squeeze = zlib.compressobj(level=6, wbits=_GZIP)
    rest = b""
    for text in _texts(rows, columns, ours):
        rest += squeeze.compress(text.encode("utf-8", "backslashreplace"))
        whole = len(rest) - len(rest) % _GROUP
        if whole:
            yield base64.b64encode(rest[:whole]).decode()
            rest = rest[whole:]
    yield base64.b64encode(rest + squeeze.flush()).decode()


def _texts(
    rows: Iterable[tuple[Mapping[str, object], Standing]], columns: Sequence[str], ours: int
) -> Iterator[str]:
    head = {"columns": columns, "ours": ours, "standings": _STANDINGS}
    yield "[" + _ENCODER.encode(head)
    for row, standing in rows:
        values = [_STANDINGS.index(standing), *(_value(name, row.get(name)) for name in columns)]
        yield ",\n" + _ENCODER.encode(values)
    yield "]"


def _value(name: str, value: object) -> object:
    if name in _TIMES and isinstance(value, str):
        return local_time(from_stored_time(value))
    return value
