"""The program under test: the real command line in a process of its own, in a folder of its own.

Secrets are planted here, so that every trial can also prove that they reached no file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from batchdub.sandbox.books import read_books
from tests.crash.warm import Warm

KEY = "planted-key-51b7d0c9e2"
SIGNATURE = "planted-signature-8c2f4e71aa"
SETTLE_S = 0.3
ROWS = tuple(f"S01E{number:02d}-ja" for number in range(1, 5))
_SIGNED = f"?Expires=4102444800&Signature={SIGNATURE}&Key-Pair-Id=K2JCJMDEHXQW5F"
_TIMEOUT_S = 60.0
_POLL_S = 0.005
_THREADS = threading.local()


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a manifest, a ledger and the books, and the address of the stand-in API."""

    folder: Path
    base_url: str
    elsewhere: Path | None = None
    """The ledger, where it is not in the folder."""

    @property
    def ledger(self) -> Path:
        return self.elsewhere or self.folder / "ledger.db"

    @property
    def books(self) -> Path:
        return self.folder / "books.jsonl"

    @property
    def manifest(self) -> Path:
        return self.folder / "rows.csv"

    def command(self, *more, program=("batchdub",)):
        """Give the command line of a run; `program` is the module, and what comes before `run`."""
        return [
            *(sys.executable, "-m", *program, "run", str(self.manifest), "--ledger"),
            *(str(self.ledger), "--base-url", self.base_url, "--rate", "unlimited"),
            *("--settle", f"{SETTLE_S}s", "--concurrency", "2", "--no-canary", "--yes", *more),
        ]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, as a shell would say it: 137 after SIGKILL, 143 after SIGTERM."""

    code: int
    talk: str

    @property
    def killed(self) -> bool:
        return self.code == 128 + signal.SIGKILL


def write_manifest(folder, rows=ROWS):
    """Write a manifest whose links are signed, with signatures that never expire."""
    lines = ["video_url,audio_url,reference_id"]
    for row in rows:
        urls = (f"https://cdn.example.com/{row}.{end}{_SIGNED}" for end in ("mp4", "wav"))
        lines.append(",".join((*urls, row)))
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")


def environment():
    """Give the environment of a run: nothing of this machine's own settings, and the key."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BATCHDUB_", "CHAMELAION_", "COVERAGE_"))
        and not name.endswith(("_proxy", "_PROXY"))
    }
    ours = {"CHAMELAION_API_KEY": KEY, "PYTHONPATH": str(Path(__file__).parents[2])}
    return kept | ours | {"XDG_STATE_HOME": str(Path(tempfile.gettempdir()) / "batchdub-crash")}


def start(command, **popen):
    """Start a command whose talk and data are kept for `finish`."""
    return subprocess.Popen(  # noqa: S603  our own program and strace
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        text=True,
        **popen,
    )


def finish(process, timeout_s=_TIMEOUT_S):
    """Wait for the end. A process that hangs is killed, and ends with 124."""
    try:
        talk, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        talk, _ = process.communicate()
        return Ended(124, talk)
    code = process.returncode
    return Ended(code if code >= 0 else 128 - code, talk)


def wait_for_orders(place, number, timeout_s=_TIMEOUT_S):
    """Wait until the books hold so many orders."""
    gives_up_s = time.monotonic() + timeout_s
    while sum(1 for _ in read_books(place.books)) < number:
        assert time.monotonic() < gives_up_s, f"no {number} orders came"
        time.sleep(_POLL_S)


def run(command, under=()):
    """Run a command of `Place.command` to its end; `under` are words of strace to run it under.

    It is forked from a process that has its imports. A run that hangs ends with 124.
    """
    if not hasattr(_THREADS, "warm"):
        _THREADS.warm = Warm(environment())
    _, _, module, *arguments = command
    code, talk = _THREADS.warm.run(module, arguments, under, _TIMEOUT_S)
    return Ended(code if code >= 0 else 128 - code, talk)


def copy_place(source, target):
    """Make `target` the same as `source`, and nothing else."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
