"""One batch at a time on one machine, whatever ledgers are used: a lock in the user's own state.

Two ledgers know nothing of each other, and what one orders the other cannot know before it shows
in the API's list. So a run holds a lock for each manifest's content at its API: the second run is
told who is at it. Other manifests, and other APIs, do not wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from batchdub.clock import Clock
from batchdub.errors import LedgerInUseError, LedgerUnusableError
from batchdub.ledger.lock import held_file


@contextmanager
def held_batch(folder: Path, batches: Sequence[tuple[str, str]], clock: Clock) -> Iterator[None]:
    """Hold the locks of a run's batches: each is what it is called, and what it is known by.

    Raises LedgerInUseError if another run has one of them, LedgerUnusableError if the folder
    takes no locks.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnusableError(f"{folder}: cannot be made: {error.strerror}") from None
    with ExitStack() as locks:
        # In one order for all, so that two runs of the same two never wait for each other's half.
        for known_by, called in sorted({known_by: called for called, known_by in batches}.items()):
            path = folder / f"{_name(known_by)}.lock"
            locks.enter_context(held_file(path, _busy(called), clock, remove=True))
        yield


def _busy(called: str) -> LedgerInUseError:
    return LedgerInUseError(
        f"{called}: being ordered by another run, from another ledger",
        "wait until it ends, then run with that run's ledger: this one does not know its orders",
    )


def _name(known_by: str) -> str:
    return hashlib.sha256(known_by.encode("utf-8", "surrogateescape")).hexdigest()[:32]
