"""A fresh server for each run, and what it tells when the run is over."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import urlopen


@dataclass(frozen=True, slots=True)
class Serving:
    """A running server: where its API is, and how to read its books."""

    origin: str

    @property
    def base_url(self) -> str:
        """The address that a client of the API is given."""
        return f"{self.origin}/api"

    def books(self) -> dict[str, float]:
        """Read orders, duplicates, refusals and the seconds between first and last order."""
        with urlopen(f"{self.origin}/books") as answer:  # noqa: S310  a server of our own
            return json.load(answer)


@contextmanager
def serving(limit=()):
    """Serve in a process of its own while the block lasts; `limit` is a rate and a window kind."""
    options = ["--limit", *limit] if limit else []
    command = [sys.executable, "-m", "tests.bench.server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603  ours
        try:
            yield Serving(f"http://127.0.0.1:{int(server.stdout.readline())}")
        finally:
            server.terminate()
