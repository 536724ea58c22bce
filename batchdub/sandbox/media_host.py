"""A host of media beside the stand-in API: the files of a folder, as they are when asked for.

So a manifest can name links that answer a probe, and whoever writes to a file sees what it means
that the media of an order have changed: its size, its date and its ETag are those of the file.
"""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from batchdub.errors import UnusableInputError
from batchdub.sandbox.calls import Answer, error_answer
from batchdub.sandbox.ranges import file_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdub.sandbox.calls import Call

PLACE = "media"
"""The first part of the path under which the files are served."""
_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".wav": "audio/wav", ".mp3": "audio/mpeg"}
_NOT_FOUND = error_answer(404, "not found")


class MediaHost:
    """Serves the files in a folder and below it; no hidden ones, and none that a link leads out to.

    Raises UnusableInputError if there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UnusableInputError(
                f"{folder}: not a folder", "make it, and put media into it for `--media`"
            )
        self._folder = folder.resolve()

    def answer(self, call: Call) -> Answer:
        """Answer a GET or a HEAD; of a whole film a HEAD reads nothing."""
        if call.verb != "GET":
            return error_answer(405, "method not allowed", allow="GET, HEAD")
        try:
            path = self._find(call.segments[1:])
            about = path and os.stat(path)  # noqa: PTH116  one look, for all of its facts
        except (OSError, ValueError):
            return _NOT_FOUND
        if not path or not about or not stat.S_ISREG(about.st_mode):
            return _NOT_FOUND
        headers = _headers(path, about)
        if call.method == "HEAD":
            length = {"content-length": str(about.st_size), "accept-ranges": "bytes"}
            return Answer(200, headers | length)
        try:
            return file_answer(headers, about.st_size, _reader(path), call.headers)
        except OSError:
            return _NOT_FOUND

    def _find(self, names: tuple[str, ...]) -> Path | None:
        if not names or any(not name or name.startswith(".") or "/" in name for name in names):
            return None
        path = self._folder.joinpath(*names).resolve()
        return path if path.is_relative_to(self._folder) else None


def _headers(path: Path, about: os.stat_result) -> dict[str, str]:
    changed_at = datetime.fromtimestamp(int(about.st_mtime), UTC)
    return {
        "content-type": _TYPES.get(path.suffix.lower(), "application/octet-stream"),
        # As web servers make it, of date and size: nothing need be read for it.
        "etag": f'"{about.st_mtime_ns:x}-{about.st_size:x}"',
        "last-modified": format_datetime(changed_at, usegmt=True),
    }


def _reader(path: Path) -> Callable[[int, int], bytes]:
    def read(start: int, end: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    return read
