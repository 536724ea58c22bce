"""strace: recording the system calls of a run, and making one of them fail or be the last.

strace counts the calls of a kind for itself (`when=N`). Two ways of counting: calls on the
ledger's files, and calls of the whole process, which are the ones on sockets and streams. For
those each sending may be followed by a pause, so that what was sent has surely arrived: asyncio
sends by `sendto`, uvloop by `write`.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass

LEDGER = "ledger"
WIRE = "wire"
PAUSED = "paused"
_SENDING = ("sendto", "write")
_PAUSE = f"{','.join(_SENDING)}:delay_exit=20ms"
_CALLS = {
    LEDGER: (
        *("openat", "close", "pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "rename"),
        *("fcntl", "flock", "fchmod", "fchown", "mmap", "pread64"),
    ),
    WIRE: (
        *("socket", "connect", "sendto", "sendmsg", "recvfrom", "recvmsg", "write"),
        *("epoll_wait", "epoll_pwait"),
    ),
}
READS = frozenset({"pread64"})
"""Calls that change nothing: one that fails may matter, one that is the last does not."""
_FILES = ("", "-wal", "-shm", "-journal", ".lock")
_CALL = re.compile(r"^\d+\s+(\w+)\(")


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` call of a kind in a run, counted among those on the ledger or all of them."""

    where: str
    call: str
    nth: int

    def __str__(self) -> str:
        return f"{self.where}:{self.call}:{self.nth}"


def point_of(text):
    """Read a point back."""
    where, call, nth = text.split(":")
    return Point(where, call, int(nth))


def missing():
    """Say why nothing can be traced here; empty if it can."""
    if shutil.which("strace"):
        return ""
    return "strace is not installed (Debian, Ubuntu: `apt install strace`), so nothing is injected"


def injecting(place, trace, point, fault="signal=KILL", *, onwards=False):
    """Give the strace that injects a fault at a point, once or from there onwards."""
    when = f"{point.nth}{'+' if onwards else ''}"
    only = _only_on_ledger(place) if point.where == LEDGER else []
    if point.where == PAUSED:
        only = ["-e", f"inject={_PAUSE}"]
    return [
        *("strace", "-f", "-qq", "-s", "0", "-o", str(trace)),
        *("-e", f"trace={','.join(_SENDING)},{point.call}"),
        *(*only, "-e", f"inject={point.call}:{fault}:when={when}"),
    ]


def recording(trace):
    """Give the strace that records which calls a run makes, for `count`."""
    calls = sorted({call for calls in _CALLS.values() for call in calls})
    return [
        *("strace", "-f", "-qq", "-y", "-s", "4096", "-o", str(trace)),
        *("-e", "trace=" + ",".join(f"?{call}" for call in calls)),
    ]


def count(place, text):
    """Count the calls of a recording: how many there are to be made fail, by where and call."""
    files = {str(place.ledger) + end for end in _FILES}
    named = re.compile('[<"](' + "|".join(map(re.escape, sorted(files))) + ')[>"]')
    counts: Counter[tuple[str, str]] = Counter()
    for line in text.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        if match[1] in _CALLS[WIRE]:
            counts[WIRE, match[1]] += 1
            counts[PAUSED, match[1]] += match[1] not in _SENDING
        if match[1] in _CALLS[LEDGER] and named.search(line):
            counts[LEDGER, match[1]] += 1
    return +counts


def _only_on_ledger(place):
    return [word for end in _FILES for word in ("-P", str(place.ledger) + end)]
