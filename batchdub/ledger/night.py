"""What a night was like: its runs, when orders were tried and how that ended, when dubs ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from batchdub.ledger.queries import Queries
from batchdub.ledger.records import RunRecord, stored_time, time_of
from batchdub.units import to_stored_time


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt: when its intent was committed, and how it ended; empty if it has not."""

    at: datetime
    run_id: str
    event: str
    cause: str
    http_status: int | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A dub that ended at the API: `state` is `completed` or `failed`."""

    at: datetime
    state: str


def last_event_at(queries: Queries) -> datetime | None:
    """Give when something happened last: an order was tried, or a dub ended."""
    query = (
        "SELECT max(at) FROM (SELECT max(intended_at) AS at FROM attempts"
        " UNION ALL SELECT max(finished_at) FROM jobs)"
    )
    return time_of(next(queries.ask(query))[0])


def runs_since(queries: Queries, since: datetime) -> list[RunRecord]:
    """Give the runs that were going at a time or began after it, the earliest first."""
    query = (
        "SELECT run_id, command, started_at, ended_at, exit_code, summary FROM runs"
        " WHERE started_at >= ?1 OR ended_at >= ?1 ORDER BY started_at, run_id"
    )
    return [
        RunRecord(row[0], row[1], stored_time(row[2]), time_of(row[3]), row[4], row[5])
        for row in queries.ask(query, (to_stored_time(since),))
    ]


def tried_since(queries: Queries, since: datetime, run_id: str | None = None) -> Iterator[Tried]:
    """Give the attempts since a time, in their order; of one run only if it is named."""
    query = (
        "SELECT intended_at, run_id, coalesce(event, ''), coalesce(cause, ''), http_status"
        " FROM attempts WHERE intended_at >= ? AND run_id = coalesce(?, run_id)"
        " ORDER BY attempt_id"
    )
    for at, *rest in queries.ask(query, (to_stored_time(since), run_id)):
        yield Tried(stored_time(at), *rest)


def ended_since(queries: Queries, since: datetime, run_id: str | None = None) -> Iterator[Ended]:
    """Give the dubs, of any revision, that ended since a time; of one run's orders only."""
    query = (
        "SELECT finished_at, state FROM jobs WHERE finished_at >= ?"
        " AND run_id IS coalesce(?, run_id) AND state IN ('completed', 'failed')"
    )
    for at, state in queries.ask(query, (to_stored_time(since), run_id)):
        yield Ended(stored_time(at), state)
