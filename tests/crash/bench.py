"""Where one trial after the other is made: an API process, a folder, and prepared start states.

A ledger belongs to one address, so all trials of a bench happen at the same port and path.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.crash import program, starts
from tests.crash.moods import WELL
from tests.crash.program import Place


class Bench:
    """One API process and one folder; for one thread."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="batchdub-crash-"))
        self._host = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._made: set[str] = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._host.communicate()
        shutil.rmtree(self.folder)

    @property
    def trace(self) -> Path:
        """A file beside the place, not in it: it may hold what a system call carried."""
        return self.folder / "trace"

    @contextmanager
    def api(self, folder, mood=WELL):
        """Serve the books of a folder while the block lasts; gives the place."""
        place = Place(folder, "")
        wanted = {"books": str(place.books), "faults": mood.faults, "seed": mood.seed}
        base_url = self._ask(json.dumps(wanted))
        try:
            yield Place(folder, base_url)
        finally:
            self._ask("")

    @contextmanager
    def place(self, start=starts.FRESH, mood=WELL):
        """Set up a start state for a trial, and serve its books in a mood."""
        with self.api(self.prepared(start), mood) as place:
            yield place

    def prepared(self, start):
        """Copy a start state, made once, to where trials happen; gives the folder."""
        kept = self.folder / f"start-{start}"
        if start not in self._made:
            starts.make(self, start)
            program.copy_place(self.trial, kept)
            self._made.add(start)
        program.copy_place(kept, self.trial)
        return self.trial

    @property
    def trial(self) -> Path:
        return self.folder / "trial"

    def _ask(self, line):
        self._host.stdin.write(f"{line}\n")
        self._host.stdin.flush()
        return self._host.stdout.readline().strip()
