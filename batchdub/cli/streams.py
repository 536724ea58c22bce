"""Standard output and error, made dependable before anything is written to them."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


class OutputError(Exception):
    """Standard output took no more; `reader_left` if whoever read it has closed its end."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output: {error.strerror or error}")
        self.reader_left = error.errno == errno.EPIPE


class DataOutput:
    """Standard output whose failures are told apart from any other OSError.

    A broken pipe here means that the reader has had enough; anywhere else it is a fault.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text; OutputError if it cannot be."""
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputError(error) from None

    def flush(self) -> None:
        """Hand on what was written; OutputError if it cannot be."""
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputError(error) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def dependable_streams() -> Iterator[None]:
    """Make both streams UTF-8 whatever the locale, and standard output a `DataOutput`."""
    before = sys.stdout, sys.stderr
    for stream in before:
        # What is no text at all, such as bytes in a file's name, is shown as an escape.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    with ExitStack() as opened:
        # A stream that the caller closed goes nowhere, and its descriptor to no other file:
        # else what somebody prints could end up in the ledger.
        nowhere = partial(Path(os.devnull).open, "w", encoding="utf-8")
        sys.stdout = cast("TextIO", DataOutput(before[0] or opened.enter_context(nowhere())))
        sys.stderr = before[1] or opened.enter_context(nowhere())
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def forget_output() -> None:
    """Let what is left in standard output's buffer go nowhere, so that the exit is quiet."""
    _send_nowhere(sys.stdout)


def forget_unsaid() -> None:
    """Let talk that standard error refused go nowhere: Python would exit with 120 for it."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        _send_nowhere(sys.stderr)


def _send_nowhere(stream: TextIO) -> None:
    with suppress(OSError, ValueError, AttributeError):
        target = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target)
        os.close(nowhere)
