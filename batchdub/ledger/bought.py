"""Every order that the API took, once: what a statement counts, and what may have been paid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from batchdub.ledger.queries import Queries
from batchdub.ledger.records import columns_of
from batchdub.units import to_stored_time


@dataclass(frozen=True, slots=True)
class Bought:
    """One order. `state` is its job's, of that revision; of a duplicate it is not known.

    `ordered_at` is stored time. `further` tells that the row had been ordered before: it is a
    later revision, or a duplicate.
    """

    reference_id: str
    ordered_at: str
    run_id: str
    state: str
    further: bool
    columns: dict[str, str]


def bought(
    queries: Queries, since: datetime | None = None, run_id: str | None = None
) -> Iterator[Bought]:
    """Give the orders of all revisions, and the duplicates, as they stream.

    Of a run are the orders that its attempts made, and the duplicates that it found.
    """
    query = """
        SELECT reference_id, submitted_at AS ordered_at, run_id, state, revision > 1, columns
        FROM jobs WHERE request_id IS NOT NULL AND submitted_at IS NOT NULL
            AND submitted_at >= ?1 AND run_id IS coalesce(?2, run_id)
        UNION ALL
        SELECT jobs.reference_id, other.created_at, other.run_id, '', 1, jobs.columns
        FROM other_requests AS other JOIN jobs USING (job_id)
        WHERE other.kind = 'duplicate'
            AND other.created_at >= ?1 AND other.run_id IS coalesce(?2, other.run_id)"""
    earliest = to_stored_time(since) if since else ""
    for reference_id, at, run, state, further, columns in queries.ask(query, (earliest, run_id)):
        yield Bought(reference_id, at, run or "", state, bool(further), columns_of(columns))
