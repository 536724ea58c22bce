"""Rows of a ledger found again in their manifests, since it keeps no links that could be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.ledger import open_for_reading
from batchdub.run.picking import pick_jobs
from batchdub.run.source import Choice, Source, open_source
from batchdub.select import Selector
from batchdub.states import JobState

_LEFT = (JobState.PENDING, JobState.SENDING, JobState.IN_DOUBT)


def open_leftovers(
    ledger_path: Path, warn: Callable[[str], None], selector: Selector | None = None
) -> Source | None:
    """Open the manifests of all chosen rows that are left, pending or in doubt; None if none are.

    Raises as `open_rows`, and UnusableInputError if no row is chosen at all.
    """
    with open_for_reading(ledger_path) as ledger:
        jobs = pick_jobs(ledger, selector or Selector(), *_LEFT)
    left = frozenset(job.key.reference_id for job in jobs if job.state in _LEFT)
    return open_rows(ledger_path, left, warn) if left else None


def open_rows(
    ledger_path: Path,
    names: frozenset[str],
    warn: Callable[[str], None],
    manifests: Sequence[str] = (),
) -> Source:
    """Open the manifests that a ledger's rows come from, or others, for the rows of these names.

    A manifest that is gone is told, and its rows are `missing`. A row that has a problem now
    is left out, since the others are wanted all the same. Raises LedgerUnusableError, and
    UnusableInputError if no manifest is there any more.
    """
    choice = Choice(among=names)
    if manifests:
        return open_source(manifests, choice, warn, skip_invalid=True)
    with open_for_reading(ledger_path) as ledger:
        paths = ledger.manifest_paths()
    there = [path for path in paths if Path(path).is_file()]
    for path in paths:
        if path not in there:
            warn(f"{path}: the manifest is gone, so its rows cannot be sent")
    if not there:
        raise UnusableInputError(
            f"{ledger_path}: none of its manifests is there any more",
            "put them back, or run a manifest that has the rows",
        )
    return open_source(there, choice, warn, skip_invalid=True)
