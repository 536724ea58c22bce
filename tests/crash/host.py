"""A process that serves sandboxes, one after the other: it outlives what is done to the program.

    python -m tests.crash.host

Reads one line of JSON for each sandbox: `books`, `port` (0 takes a free one), `faults`, `seed`.
Answers with its base URL. An empty line closes it; the end of the input ends the process.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from batchdub.clock import SystemClock
from batchdub.sandbox.books import FileBooks
from batchdub.sandbox.faults import parse_faults
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED


def main():
    """Serve what is asked for until nobody asks any more."""
    port = 0
    for line in sys.stdin:
        wanted = json.loads(line)
        settings = SandboxSettings(
            rate=UNLIMITED,
            get_rate=UNLIMITED,
            faults=parse_faults(wanted["faults"]),
            seed=wanted["seed"],
        )
        with closing(FileBooks(Path(wanted["books"]))) as books:
            provider = Provider(books, settings, SystemClock().now)
            with RunningSandbox(provider, port) as sandbox:
                port = urlsplit(sandbox.base_url).port
                _say(sandbox.base_url)
                sys.stdin.readline()
        _say("closed")


def _say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
