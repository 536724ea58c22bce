"""One run of a contender as a process of its own: how long, how much of the processor, how true.

The CPU seconds are the client's alone, and steadier than the wall clock where others share the
machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.loops import KEY
from tests.bench.serving import serving

KEPT = ("PATH", "HOME", "TMPDIR", "LANG")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: seconds of the whole process, of its CPU, between its first and last order."""

    whole_s: float
    cpu_s: float
    ordering_s: float
    orders: int
    duplicates: int
    refused: int

    @property
    def orders_per_s(self) -> float:
        """Orders a second of the whole process, its start and its end included."""
        return self.orders / self.whole_s

    @property
    def ordering_per_s(self) -> float:
        """Orders a second between the first order and the last."""
        return self.orders / self.ordering_s if self.ordering_s else 0.0

    @property
    def cpu_s_per_1000(self) -> float:
        """CPU seconds, user and system, for a thousand orders."""
        return 1000 * self.cpu_s / self.orders


def loop_command(kind, base_url, manifest, concurrency):
    """Give the command of a plain loop over the manifest."""
    return [sys.executable, "-m", "tests.bench.loops", kind, base_url, manifest, str(concurrency)]


def batchdub_command(base_url, manifest, concurrency, rate="unlimited"):
    """Give the command of a run; its ledger is beside the manifest, and must not be there yet."""
    ledger = Path(manifest).with_name("batchdub.db")
    return [
        sys.executable, "-m", "batchdub", "run", manifest, "--ledger", str(ledger), "--yes",
        "--base-url", base_url, "--rate", rate, "--concurrency", str(concurrency),
    ]  # fmt: skip


def measure(make_command, folder, *, limit=(), log=subprocess.DEVNULL):
    """Run a command against a fresh server, and hold it against the server's books.

    `make_command` gets the base URL. Raises AssertionError if the command fails.
    """
    for old in Path(folder).glob("batchdub.db*"):
        old.unlink()
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ["CHAMELAION_API_KEY"] = KEY
    with serving(limit) as server:
        began_s = time.monotonic()
        command = make_command(server.base_url)
        child = subprocess.Popen(command, env=environ, stdout=log, stderr=log)  # noqa: S603  ours
        _, status, used = os.wait4(child.pid, 0)
        whole_s = time.monotonic() - began_s
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, f"{command} ended with {child.returncode}"
        books = server.books()
    cpu_s = used.ru_utime + used.ru_stime
    return Trial(whole_s, cpu_s, books["ordering_s"], int(books["orders"]),
                 int(books["duplicates"]), int(books["refused"]))  # fmt: skip


def write_manifest(path, rows):
    """Write a manifest of so many rows, as a spreadsheet would."""
    with Path(path).open("w", encoding="utf-8") as lines:
        lines.write("reference_id,video_url,audio_url,language\n")
        for number in range(rows):
            lines.write(
                f"S{number // 100:03d}E{number % 100:02d},"
                f"https://media.example.com/season/{number}.mp4,"
                f"https://media.example.com/season/{number}.de.wav,de\n"
            )
