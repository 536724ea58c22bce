"""Serving a file's bytes: whole, or the one range that is asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batchdub.sandbox.calls import Answer, error_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def file_answer(
    about: Mapping[str, str],
    size: int,
    read: Callable[[int, int], bytes],
    headers: Mapping[str, str],
) -> Answer:
    """Answer with a file of so many bytes, or with a range of it (206, 416 if outside).

    `about` are its headers, its ETag among them; `read` gives the bytes from one place up to
    another. A range under an `If-Range` that is not the file's ETag gets the whole file, as does
    what is not a single range of bytes.
    """
    etag = about["etag"]
    about = {**about, "accept-ranges": "bytes"}
    wanted = _RANGE.fullmatch(headers.get("range", ""))
    if wanted is None or wanted[0] == "bytes=-" or headers.get("if-range", etag) != etag:
        return Answer(200, about, read(0, size))
    start, end = _bounds(wanted[1], wanted[2], size)
    if start >= end:
        return error_answer(416, "requested range not satisfiable", content_range=f"bytes */{size}")
    about["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Answer(206, about, read(start, end))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Give the half-open range of bytes; empty if there are none."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size
