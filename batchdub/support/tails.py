"""The ends of event and log files, read back line by line: only what we wrote is handed on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from batchdub.support.cutting import Cutter
from batchdub.units import counted

_TAIL_BYTES = 400_000
_LOG_LINE = re.compile(
    r"(?P<at>\S+) (?P<level>INFO|WARNING) +(?P<run_id>\S+) (?:-|(?P<source>.*?:\d+)"
    r"(?: (?P<reference_id>.*?))?) (?P<event>(?:row|run)\.\w+)(?P<rest>(?: \w+=.*)?)"
)
_PAIR = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)')


def tail_of(path: Path) -> tuple[str, bool]:
    """Give the last whole lines of a file, and whether there is more before them.

    Raises OSError, and ValueError for what is no plain file: a pipe would be waited for.
    """
    if not path.is_file():
        path.stat()  # raises for what is not there
        raise ValueError("not a plain file")
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        raw = file.read(_TAIL_BYTES)
    if size <= _TAIL_BYTES:
        return raw.decode("utf-8", "replace"), False
    return raw[raw.find(b"\n") + 1 :].decode("utf-8", "replace"), True


def events_tail(path: Path, cutter: Cutter) -> tuple[str, str]:
    """Give the end of an events file, cut, and what it holds."""
    return _tail(path, cutter, _event_of)


def log_tail(path: Path, cutter: Cutter) -> tuple[str, str]:
    """Give the end of a log file as events, cut, and what it holds.

    Where the log has just begun anew, the file before it comes first.
    """
    before = path.with_name(f"{path.name}.1")
    return _tail(path, cutter, _logged_event, before)


def _tail(
    path: Path,
    cutter: Cutter,
    read: Callable[[str], Mapping[str, object] | None],
    before: Path | None = None,
) -> tuple[str, str]:
    text, has_more = tail_of(path)
    if before is not None and not has_more and before.is_file():
        text, has_more = tail_of(before)[0] + text, True
    lines = text.splitlines()
    events = [event for line in lines if (event := read(line)) is not None]
    holds = f"{'the last ' if has_more else ''}{counted(len(events), 'event')}"
    if foreign := len(lines) - len(events):
        holds += f"; {counted(foreign, 'line')} left out that batchdub did not write"
    # A row's own name may stand in the middle of its message.
    names = {str(event["reference_id"]) for event in events if "reference_id" in event}
    own = Cutter(cutter.names, names)
    return "".join(map(own.line, events)), holds


def _event_of(line: str) -> Mapping[str, object] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _logged_event(line: str) -> Mapping[str, object] | None:
    found = _LOG_LINE.fullmatch(line)
    if found is None:
        return None
    head = {name: found[name] for name in ("at", "run_id", "event", "source", "reference_id")}
    pairs = {match[1]: _value(match[2]) for match in _PAIR.finditer(found["rest"])}
    return {name: value for name, value in {**head, **pairs}.items() if value is not None}


def _value(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') else text
