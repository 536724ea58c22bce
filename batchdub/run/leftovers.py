"""What a ledger has left: its pending and doubtful rows, found again in their manifests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.ledger import open_for_reading
from batchdub.run.source import Choice, Source, open_source
from batchdub.states import JobState

_LEFT = (JobState.PENDING, JobState.SENDING, JobState.IN_DOUBT)


def open_leftovers(ledger_path: Path, warn: Callable[[str], None]) -> Source | None:
    """Open the manifests of all rows that are left; None if none are.

    A manifest that is gone is told, and its rows are `missing`. A row that has a problem now
    is left out, since the others are wanted all the same. Raises LedgerUnusableError, and
    UnusableInputError if no manifest is there any more.
    """
    with open_for_reading(ledger_path) as ledger:
        left = frozenset(job.key.reference_id for job in ledger.jobs_in(*_LEFT))
        paths = ledger.manifest_paths()
    if not left:
        return None
    there = [path for path in paths if Path(path).is_file()]
    for path in paths:
        if path not in there:
            warn(f"{path}: the manifest is gone, so its rows cannot be sent")
    if not there:
        raise UnusableInputError(
            f"{ledger_path}: none of its manifests is there any more",
            "put them back, or run a manifest that has the rows",
        )
    return open_source(there, Choice(among=left), warn, skip_invalid=True)
