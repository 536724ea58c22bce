"""What the ledger's queries give: frozen values, made from rows.

A damaged page may have passed SQLite's own check and hold what we never wrote; that is said as
damage, not as a bug.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batchdub.errors import LedgerUnusableError
from batchdub.models import Job, JobKey, Source
from batchdub.states import JobState
from batchdub.units import from_stored_time

_STATES = {state.value: state for state in JobState}


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is needed to settle an in-doubt job from the API's list.

    `first_server_at` is the earliest time the server's clock may have shown at the job's first
    intent.
    """

    job_id: int
    key: JobKey
    source: Source
    attempt_no: int
    held: str | None
    doubted_at: datetime
    first_server_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger remembers it; `ended_at` and `exit_code` are None if it was killed."""

    run_id: str
    command: str
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    summary: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A change of a job's state. `at` is stored time; an ended attempt gives the four after it."""

    transition_id: int
    at: str
    event: str
    from_state: JobState
    to_state: JobState
    key: JobKey
    source: Source
    attempt_no: int | None
    cause: str | None
    http_status: int | None
    message: str | None
    request_id: str | None
    actor: str | None
    note: str | None


def stored_time(text: str) -> datetime:
    """Read a stored time. Raises LedgerUnusableError for what is none."""
    try:
        return from_stored_time(text)
    except (TypeError, ValueError):
        raise damaged(f"`{text}` is not a time") from None


def columns_of(text: str) -> dict[str, str]:
    """Read the manifest's own columns. Raises LedgerUnusableError for what is no JSON."""
    try:
        return dict(json.loads(text))
    except (TypeError, ValueError):
        raise damaged("a row's columns cannot be read") from None


def damaged(what: str) -> LedgerUnusableError:
    """Say that the ledger holds what batchdub never writes."""
    return LedgerUnusableError(
        f"the ledger is damaged: {what}", "see `batchdub ledger check`, or restore a copy"
    )


def time_of(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return from_stored_time(text)
    except (TypeError, ValueError):
        raise damaged(f"`{text}` is not a time") from None


def job_of(row: Sequence[Any]) -> Job:
    # A million of them pass here, and a call by position takes a third less time than by name.
    (job_id, reference_id, revision, state, media_key, path, line, request_id, held,
     attempts, error, remote_status, submitted_at, finished_at, manifest_id, position,
     may_be_ordered) = row  # fmt: skip
    return Job(
        job_id,
        JobKey(reference_id, revision),
        _STATES[state] if state in _STATES else JobState(state),
        media_key,
        Source(path, line),
        request_id,
        held,
        attempts,
        error,
        remote_status,
        time_of(submitted_at),
        time_of(finished_at),
        (manifest_id, position),
        bool(may_be_ordered),
    )


def move_of(row: Sequence[Any]) -> Move:
    number, at, event, from_state, to_state, reference_id, revision, path, line, *rest = row
    key, source = JobKey(reference_id, revision), Source(path, line)
    return Move(number, at, event, JobState(from_state), JobState(to_state), key, source, *rest)


def doubt_of(row: Sequence[Any]) -> Doubt:
    return Doubt(
        job_id=row[0],
        key=JobKey(row[1], row[2]),
        source=Source(row[3], row[4]),
        attempt_no=row[5],
        held=row[6],
        doubted_at=stored_time(row[7]),
        first_server_at=time_of(row[8]),
    )
