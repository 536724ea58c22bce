"""A run against the stand-in API: started inside the run, its books kept beside the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from batchdub.clock import Clock
from batchdub.errors import LedgerInUseError, LedgerUnusableError, UnusableInputError
from batchdub.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from batchdub.sandbox.books import FileBooks

TARGET = "sandbox"
"""What a ledger is bound to instead of a base URL: the sandbox's port differs every time."""


def books_path(ledger: Path) -> Path:
    """Name the sandbox's books beside a ledger: `batchdub.db` has `batchdub.books.jsonl`."""
    return ledger.with_suffix(".books.jsonl")


@contextmanager
def running_sandbox(ledger: Path, settings: SandboxSettings, clock: Clock) -> Iterator[str]:
    """Serve the sandbox while the block lasts; gives its base URL.

    Raises LedgerInUseError while another run has this ledger's sandbox, LedgerUnusableError if the
    books cannot stand beside the ledger.
    """
    from batchdub.sandbox.provider import Provider  # noqa: PLC0415  not for a run at the real API
    from batchdub.sandbox.server import RunningSandbox  # noqa: PLC0415  as above

    with closing(_open_books(ledger, clock)) as books:
        provider = Provider(books, settings, clock.now)
        with RunningSandbox(provider) as sandbox:
            yield sandbox.base_url


def _open_books(ledger: Path, clock: Clock) -> FileBooks:
    """Open the books, and say what is wrong as the ledger's user knows it: by the ledger."""
    from batchdub.ledger import held_lock  # noqa: PLC0415  as above
    from batchdub.sandbox.books import BooksInUseError, FileBooks  # noqa: PLC0415  as above

    try:
        return FileBooks(books_path(ledger))
    except BooksInUseError as error:
        with held_lock(ledger, clock):  # names the run that has it
            pass
        raise LedgerInUseError(
            error.message, "wait until it ends; one ledger takes one sandbox at a time"
        ) from None
    except UnusableInputError as error:
        raise LedgerUnusableError(
            error.message,
            "the sandbox's books stand beside the ledger: name another one with --ledger",
        ) from None
