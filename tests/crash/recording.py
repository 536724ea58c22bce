"""What a run did to its disk and to the wire, in order, from strace's log of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.crash.disk import Create, Sent, Sync, SyncFolder, Truncate, Unlink, Write

_CALLS = (
    *("openat", "close", "pwrite64", "write", "ftruncate", "fdatasync", "fsync"),
    *("unlink", "rename", "sendto", "sendmsg"),
)
_LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)\)\s+= (-?\d+)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"^\d+\s+<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
# SQLite writes its shared memory through a mapping, and makes it anew after a crash.
_IGNORED = ("-shm", ".lock")


def recording(trace):
    """Give the strace that records all that `operations` needs, whole."""
    return [
        *("strace", "-f", "-qq", "-xx", "-s", "10000000", "-o", str(trace)),
        *("-e", "trace=" + ",".join(f"?{call}" for call in _CALLS)),
    ]


class _Reader:
    """Follows the file handles of one process; `names` are the ledger's files that exist."""

    def __init__(self, ledger, names) -> None:
        self._ledger = ledger
        self._handles: dict[str, str] = {}
        self._names = set(names)

    def read(self, call, arguments, result):
        """Give the operations that one finished call is."""
        handle, *numbers = re.sub(_TEXT, "", arguments).split(", ")
        text = _TEXT.search(arguments)
        data = b"" if text is None else bytes.fromhex(text[1].replace("\\x", ""))
        if call == "openat":
            return self._open(data.decode(), numbers, str(result))
        if call == "unlink":
            return self._unlink(data.decode())
        name = self._handles.get(handle)
        # asyncio sends by `sendto`, uvloop by `write`.
        if call in ("sendto", "sendmsg") or (call == "write" and name is None):
            return _sent(data[:result])
        if call == "close":
            self._handles.pop(handle, None)
        return [] if name is None else self._change(call, name, data[:result], numbers)

    def _open(self, path, numbers, handle):
        self._handles.pop(handle, None)
        if Path(path) == self._ledger.parent:
            self._handles[handle] = ""
        if not path.startswith(str(self._ledger)) or path.endswith(_IGNORED):
            return []
        name = Path(path).name
        self._handles[handle] = name
        if name in self._names:
            return []
        assert "O_CREAT" in " ".join(numbers)
        self._names.add(name)
        return [Create(name)]

    def _unlink(self, path):
        name = Path(path).name
        if name not in self._names:
            return []
        self._names.discard(name)
        return [Unlink(name)]

    def _change(self, call, name, data, numbers):
        if call in ("fdatasync", "fsync"):
            return [Sync(name) if name else SyncFolder()]
        if call == "ftruncate":
            return [Truncate(name, int(numbers[-1]))]
        if call == "pwrite64":
            return [Write(name, int(numbers[-1]), data)]
        assert call == "close", f"`{call}` on {name} is not known here"
        return []


def operations(log, ledger, names):
    """Give the operations of a recorded run; `names` are the ledger's files before it.

    A thread may look a host's address up meanwhile, but the ledger has one alone.
    """
    reader = _Reader(Path(ledger), names)
    found, writers = [], set()
    for line in _whole(log):
        match = _LINE.match(line)
        if match and int(match[4]) >= 0:
            done = reader.read(match[2], match[3], int(match[4]))
            writers |= {match[1]} if done else set()
            found += done
    assert len(writers) <= 1, f"the threads {sorted(writers)} have a hand in it"
    return found


def _whole(log):
    """Join the calls that strace has in two parts, since another thread's came between them."""
    begun = {}
    for line in log.splitlines():
        thread = line.partition(" ")[0]
        if line.endswith(_UNFINISHED):
            begun[thread] = line.removesuffix(_UNFINISHED)
        elif resumed := _RESUMED.match(line):
            yield begun.pop(thread) + resumed[1]
        else:
            yield line


def _sent(payload):
    if not payload.startswith(b"POST "):
        return []
    body = payload.partition(b"\r\n\r\n")[2]
    return [Sent(json.loads(body)["reference_id"])]
