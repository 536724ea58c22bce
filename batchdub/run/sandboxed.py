"""A run against the stand-in API: started inside the run, its books kept beside the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from batchdub.clock import Clock
from batchdub.sandbox.settings import SandboxSettings

TARGET = "sandbox"
"""What a ledger is bound to instead of a base URL: the sandbox's port differs every time."""


def books_path(ledger: Path) -> Path:
    """Name the sandbox's books beside a ledger: `batchdub.db` has `batchdub.books.jsonl`."""
    return ledger.with_suffix(".books.jsonl")


@contextmanager
def running_sandbox(ledger: Path, settings: SandboxSettings, clock: Clock) -> Iterator[str]:
    """Serve the sandbox while the block lasts; gives its base URL."""
    from batchdub.sandbox.books import FileBooks  # noqa: PLC0415  not for a run at the real API
    from batchdub.sandbox.provider import Provider  # noqa: PLC0415  as above
    from batchdub.sandbox.server import RunningSandbox  # noqa: PLC0415  as above

    with closing(FileBooks(books_path(ledger))) as books:
        provider = Provider(books, settings, clock.now)
        with RunningSandbox(provider) as sandbox:
            yield sandbox.base_url
