"""The sandbox of a rehearsal, a process of its own, and the watch over the runs at it.

That process is also the one that clears up: it ends when its input does, which whoever rehearses
holds open. So also where that one is killed no sandbox serves on, no run goes on and no folder
stays behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from batchdub.errors import ApiUnavailableError
from batchdub.run.rehearsal.folder import Folder
from batchdub.run.rehearsal.script import Script

_CLEARING_UP_S = 15.0
# `-P`: a manifest's folder may hold a file that is called as one of Python's own modules.
PYTHON = (sys.executable, "-P", "-m")
_OWN_NAMES = ("BATCHDUB_", "CHAMELAION_")


def harmless(environ: Mapping[str, str], folder: Folder) -> dict[str, str]:
    """Give an environment that leads nowhere but into the rehearsal.

    Neither key, address, hook nor proxy of the real night is in it, and state goes into the folder.
    """
    kept = {
        name: text
        for name, text in environ.items()
        if not name.startswith(_OWN_NAMES) and not name.lower().endswith("_proxy")
    }
    state = {"XDG_STATE_HOME": str(folder.path / "state"), "CHAMELAION_API_KEY": "rehearsal"}
    return kept | state


@dataclass(slots=True)
class Stage:
    """A sandbox that serves, and how many orders are in its books."""

    base_url: str
    folder: Folder
    environ: Mapping[str, str]
    _sandbox: subprocess.Popen[str]
    _read: int = 0
    _orders: int = 0
    _runs: int = field(default=0)

    def orders(self) -> int:
        """Count the orders in the books so far."""
        with self.folder.books.open("rb") as books:
            books.seek(self._read)
            while piece := books.read(1 << 16):
                self._read += len(piece)
                self._orders += piece.count(b"\n")
        return self._orders

    @contextmanager
    def started(self, command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Start a run, and kill it if the block is left before it ended; gives its log as well."""
        self._runs += 1
        log = self.folder.log(f"run-{self._runs}")
        run = None
        try:
            with _private(log) as said:
                run = subprocess.Popen(  # noqa: S603  our own program
                    [*PYTHON, "batchdub", *command],
                    env=dict(self.environ),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for whoever rehearses
                )
            # Killed between these two, the run stays for the minutes that it looks for its API.
            self._watch(run.pid)
            yield run, log
        finally:
            if run is not None:
                run.kill()
                run.wait()
                self._watch(0)

    def _watch(self, pid: int) -> None:
        if self._sandbox.stdin is not None:
            with suppress(BrokenPipeError):  # the sandbox is gone: the run will tell
                self._sandbox.stdin.write(f"{pid}\n")
                self._sandbox.stdin.flush()


@contextmanager
def set_stage(folder: Folder, script: Script, environ: Mapping[str, str]) -> Iterator[Stage]:
    """Serve the sandbox while the block lasts. Raises ApiUnavailableError if it does not come."""
    clean = harmless(environ, folder)
    with _private(folder.log("sandbox")) as said:
        sandbox = subprocess.Popen(  # noqa: S603  our own program
            [*PYTHON, "batchdub.run.rehearsal.serve"],
            env=clean,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
    try:
        yield Stage(_begin(sandbox, folder, script), folder, clean, sandbox)
    finally:
        _end(sandbox)


def _begin(sandbox: subprocess.Popen[str], folder: Folder, script: Script) -> str:
    assert sandbox.stdin is not None and sandbox.stdout is not None  # noqa: S101, PT018  as asked for
    begin = {
        "folder": str(folder.path),
        "kept": folder.kept,
        "books": str(folder.books),
        "limit": [script.limit.calls, script.limit.window_s],
        "tokens": script.tokens,
        "faults": [str(fault) for fault in script.faults],
        "seed": script.seed,
    }
    with suppress(BrokenPipeError):
        sandbox.stdin.write(json.dumps(begin) + "\n")
        sandbox.stdin.flush()
    base_url = sandbox.stdout.readline().strip()
    if not base_url:
        said = folder.log("sandbox").read_text(encoding="utf-8", errors="replace").split("\n")
        words = " ".join(said[-2:]).strip()
        raise ApiUnavailableError(f"the rehearsal's sandbox did not start: {words}")
    return base_url


def _end(sandbox: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        assert sandbox.stdin is not None  # noqa: S101  as asked for
        sandbox.stdin.close()
    try:
        sandbox.wait(_CLEARING_UP_S)
    except subprocess.TimeoutExpired:
        sandbox.kill()
        sandbox.wait()
    finally:
        if sandbox.stdout is not None:
            sandbox.stdout.close()


def _private(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb")
