"""A run's events written down: JSON lines for programs (`--events`), and a log (`--log-file`).

A file that takes no more costs no order: that is said once, and the run goes on without it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from batchdub.errors import UnusableInputError

if TYPE_CHECKING:
    from io import TextIOWrapper
    from typing import TextIO

    from batchdub.cli.talk import Talk
    from batchdub.run.events import OnEvent

_LOG_BYTES = 10_000_000
_LOG_FILES = 5
_BAD = frozenset(
    {
        *("row.lost", "row.refused", "row.failed", "row.disputed", "row.not_downloaded"),
        "run.problem",
    }
)
_HEAD = ("schema", "at", "run_id", "event", "source", "reference_id")


@contextmanager
def recording(events: str | None, log_file: str | None, talk: Talk) -> Iterator[OnEvent | None]:
    """Give what takes the events, as long as the block lasts; None if nobody wants them.

    Raises UnusableInputError for a file that cannot be opened: that is known before the run.
    """
    with ExitStack() as stack:
        writers = []
        if events is not None:
            writers.append(_Writer(events, talk, stack.enter_context(_opened(events)).write))
        if log_file is not None:
            log = stack.enter_context(_log(log_file))
            writers.append(_Writer(log_file, talk, log, log_line))

        def on_event(event: Mapping[str, object]) -> None:
            for write in writers:
                write(event)

        yield on_event if writers else None


def json_line(event: Mapping[str, object]) -> str:
    """Write an event as one line of JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"


def log_line(event: Mapping[str, object]) -> str:
    """Write an event as one line for people and `grep`: when, how bad, which run, which row."""
    level = "WARNING" if event["event"] in _BAD else "INFO"
    head = f"{event['at']} {level:7} {event['run_id']} {event.get('source', '-')}"
    name = f" {event['reference_id']}" if "reference_id" in event else ""
    rest = " ".join(f"{key}={_value(value)}" for key, value in event.items() if key not in _HEAD)
    return f"{head}{name} {event['event']} {rest}".rstrip() + "\n"


def _value(value: object) -> str:
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    plain = text.isprintable() and text and not set(text) & set(' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)


class _Writer:
    """Takes events until its file takes no more."""

    def __init__(
        self,
        name: str,
        talk: Talk,
        write: Callable[[str], object],
        line: Callable[[Mapping[str, object]], str] = json_line,
    ) -> None:
        self._name, self._talk, self._write, self._line = name, talk, write, line
        self._works = True

    def __call__(self, event: Mapping[str, object]) -> None:
        if not self._works:
            return
        try:
            self._write(self._line(event))
        except (OSError, ValueError) as error:
            self._works = False
            why = getattr(error, "strerror", None) or error
            self._talk.warn(f"{self._name}: {why}; the run goes on without it")


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    """Open a file to add lines to, each at once, readable by its owner only; `-` is the output."""
    if path == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        handle = _open_private(path)
    except OSError as error:
        raise _refused(path, error) from None
    file = os.fdopen(handle, "w", encoding="utf-8", buffering=1)
    try:
        yield file
    finally:
        with suppress(OSError):  # what could not be written has been told
            file.close()


def _open_private(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _log(path: str) -> Iterator[Callable[[str], None]]:
    """Open a log that begins anew after 10 MB, and keeps the five before."""
    try:
        handler = _Log(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    except OSError as error:
        raise _refused(path, error) from None
    handler.terminator = ""

    def write(line: str) -> None:
        handler.handle(logging.makeLogRecord({"msg": line}))

    try:
        yield write
    finally:
        with suppress(OSError):
            handler.close()


class _Log(RotatingFileHandler):
    """Readable by its owner only, and loud: logging itself prints a traceback for every line."""

    def _open(self) -> TextIOWrapper:
        handle = _open_private(self.baseFilename)
        return os.fdopen(handle, "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's own name
        del record
        raise  # noqa: PLE0704  the error that is being handled


def _refused(path: str, error: OSError) -> UnusableInputError:
    return UnusableInputError(f"{path}: {error.strerror}", "name a file that can be written")
