"""Reading the ledger: what a plan, a run, a report and a person ask of it.

Works on a writer's connection and on a read-only one alike, and changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from batchdub.ledger import opening
from batchdub.models import Job, JobKey, Source
from batchdub.states import JobState
from batchdub.units import from_stored_time

_CHUNK = 500  # host parameters of one statement; SQLite's own limit is far above
_JOB = (
    "SELECT job_id, reference_id, revision, state, media_key, path, line, request_id, held,"
    " attempts, error, remote_status, submitted_at, finished_at"
    " FROM jobs JOIN manifests USING (manifest_id) WHERE latest = 1"
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is needed to settle an in-doubt job from the API's list.

    `first_server_at` is the earliest time the server's clock may have shown at the job's first
    intent; `empty_server_at` and `empty_wall_at` are the times of the first complete look after
    attempt `attempt_no` that showed nothing, made in run `empty_run_id`.
    """

    job_id: int
    key: JobKey
    source: Source
    attempt_no: int
    held: str | None
    doubted_at: datetime
    first_server_at: datetime | None
    empty_server_at: datetime | None
    empty_wall_at: datetime | None
    empty_run_id: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger remembers it; `ended_at` and `exit_code` are None if it was killed."""

    run_id: str
    command: str
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    summary: str | None


class Queries:
    """Questions to an open ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        connection = database.conn
        assert connection is not None  # noqa: S101  only a closed Database has none
        self._connection: sqlite3.Connection = connection

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def meta(self, name: str) -> str | None:
        """Give a fact about the ledger itself, such as `api`, the API it is bound to."""
        row = self._maybe("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    def latest_jobs(self, reference_ids: Sequence[str]) -> dict[str, Job]:
        """Give the latest revision of each of the manifest's reference_ids that has a job."""
        return {
            job.key.reference_id: job for job in self._jobs_where("reference_id", reference_ids)
        }

    def jobs_of_media(self, media_keys: Sequence[str]) -> dict[str, list[Job]]:
        """Give the jobs, latest revisions only, that order one of these media."""
        found: dict[str, list[Job]] = {}
        for job in self._jobs_where("media_key", media_keys):
            found.setdefault(job.media_key, []).append(job)
        return found

    def jobs_in(self, *states: JobState) -> Iterator[Job]:
        """Give the jobs in these states, in manifest order."""
        marks = ", ".join("?" * len(states))
        query = f"{_JOB} AND state IN ({marks}) ORDER BY manifest_id, position"
        for row in self._connection.execute(query, states):
            yield _job(row)

    def reached_before(self, job_ids: Sequence[int]) -> set[int]:
        """Give those jobs that have an attempt of which a byte may have reached the API."""
        found: set[int] = set()
        for chunk in _chunks(job_ids):
            marks = ", ".join("?" * len(chunk))
            found.update(
                row[0]
                for row in self._connection.execute(
                    f"SELECT DISTINCT job_id FROM attempts WHERE job_id IN ({marks})"
                    " AND event IS NOT 'not_sent'",
                    chunk,
                )
            )
        return found

    def ever_ordered(self) -> bool:
        """Whether any attempt was ever begun from this ledger."""
        return self._maybe("SELECT 1 FROM attempts LIMIT 1") is not None

    def request_ids(self) -> Iterator[str]:
        """Give every request_id that the ledger can explain: its jobs', and the recorded others."""
        query = (
            "SELECT request_id FROM jobs WHERE request_id IS NOT NULL"
            " UNION SELECT request_id FROM attempts WHERE request_id IS NOT NULL"
            " UNION SELECT request_id FROM other_requests"
        )
        for row in self._connection.execute(query):
            yield row[0]

    def explains(self, request_ids: Sequence[str]) -> set[str]:
        """Give those request ids that the ledger knows, as a job's order or as recorded others."""
        known: set[str] = set()
        for chunk in _chunks(request_ids):
            marks = ", ".join("?" * len(chunk))
            query = (
                f"SELECT request_id FROM jobs WHERE request_id IN ({marks})"
                f" UNION SELECT request_id FROM other_requests WHERE request_id IN ({marks})"
            )
            known.update(row[0] for row in self._connection.execute(query, [*chunk, *chunk]))
        return known

    def doubts(self, job_ids: Sequence[int] = ()) -> list[Doubt]:
        """Give the in-doubt jobs, or of these only, the oldest doubt first."""
        chosen = f" AND jobs.job_id IN ({', '.join('?' * len(job_ids))})" if job_ids else ""
        query = f"""
            SELECT jobs.job_id, reference_id, revision, path, line, jobs.attempts, held,
                (SELECT max(at) FROM transitions WHERE job_id = jobs.job_id
                 AND to_state = 'in_doubt') AS doubted_at,
                (SELECT server_at FROM attempts WHERE job_id = jobs.job_id
                 ORDER BY attempt_no LIMIT 1),
                looks.server_at, looks.wall_at, looks.run_id
            FROM jobs JOIN manifests USING (manifest_id)
            LEFT JOIN empty_looks AS looks
                ON looks.job_id = jobs.job_id AND looks.attempt_no = jobs.attempts
            WHERE latest = 1 AND state = 'in_doubt'{chosen} ORDER BY doubted_at, jobs.job_id"""
        return [_doubt(row) for row in self._connection.execute(query, job_ids)]

    def counts(self) -> Counter[JobState]:
        """Count the jobs, latest revisions only, by state."""
        rows = self._connection.execute(
            "SELECT state, count(*) FROM jobs WHERE latest = 1 GROUP BY state"
        )
        return Counter({JobState(state): number for state, number in rows})

    def open_duplicates(self) -> list[tuple[str, str]]:
        """Give reference_id and request_id of every duplicate that nobody has acknowledged."""
        return [
            (str(row[0]), str(row[1]))
            for row in self._connection.execute(
                "SELECT reference_id, request_id FROM duplicates WHERE acknowledged_at IS NULL"
                " ORDER BY reference_id, request_id"
            )
        ]

    def last_run(self) -> RunRecord | None:
        """Give the run that started last."""
        row = self._maybe(
            "SELECT run_id, command, started_at, ended_at, exit_code, summary FROM runs"
            " ORDER BY started_at DESC, run_id DESC LIMIT 1"
        )
        if row is None:
            return None
        return RunRecord(row[0], row[1], from_stored_time(row[2]), _time(row[3]), row[4], row[5])

    def last_intent_at(self) -> datetime | None:
        """Give the time of the last intent, by our wall clock: where the pace goes on from."""
        row = self._maybe("SELECT intended_at FROM attempts ORDER BY attempt_id DESC LIMIT 1")
        return None if row is None else from_stored_time(row[0])

    def manifest_files(self) -> list[tuple[str, str]]:
        """Give path and hash of each manifest that has jobs, the newest content of a path last."""
        query = (
            "SELECT path, sha256 FROM manifests WHERE manifest_id IN"
            " (SELECT DISTINCT manifest_id FROM jobs WHERE latest = 1) ORDER BY manifest_id"
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def report_rows(self) -> Iterator[dict[str, Any]]:
        """Give the report's rows in manifest order; `columns` holds the manifest's own."""
        cursor = self._connection.execute("SELECT * FROM report")
        names = [column[0] for column in cursor.description]
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            row["columns"] = json.loads(row["columns"])
            yield row

    def history(self, reference_id: str) -> dict[str, list[dict[str, Any]]]:
        """Give all that happened to a row: its `jobs`, `attempts`, `transitions`, `others`."""
        return {
            "jobs": self._dicts(
                "SELECT jobs.*, path FROM jobs JOIN manifests USING (manifest_id)"
                " WHERE reference_id = ? ORDER BY revision", reference_id),
            "attempts": self._dicts(
                "SELECT revision, attempts.* FROM attempts JOIN jobs USING (job_id)"
                " WHERE reference_id = ? ORDER BY attempt_id", reference_id),
            "transitions": self._dicts(
                "SELECT * FROM history WHERE reference_id = ?", reference_id),
            "others": self._dicts(
                "SELECT other_requests.* FROM other_requests JOIN jobs USING (job_id)"
                " WHERE jobs.reference_id = ? ORDER BY created_at", reference_id),
        }  # fmt: skip

    def references_like(self, part: str) -> list[str]:
        """Give up to ten reference_ids that contain a text, for a near miss."""
        return [
            row[0]
            for row in self._connection.execute(
                "SELECT DISTINCT reference_id FROM jobs WHERE instr(lower(reference_id), lower(?))"
                " ORDER BY reference_id LIMIT 10",
                (part,),
            )
        ]

    # -- inside -------------------------------------------------------------------------------

    def _jobs_where(self, column: str, values: Sequence[str]) -> Iterator[Job]:
        for chunk in _chunks(values):
            marks = ", ".join("?" * len(chunk))
            for row in self._connection.execute(f"{_JOB} AND {column} IN ({marks})", chunk):
                yield _job(row)

    def _dicts(self, query: str, *values: object) -> list[dict[str, Any]]:
        return list(self._database.query(query, values))

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        row = self._connection.execute(query, values).fetchone()
        return tuple(row)

    def _maybe(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else tuple(row)


def open_for_reading(path: Path) -> Queries:
    """Open an existing ledger for questions only. Raises LedgerUnusableError."""
    return Queries(opening.open_reader(path))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_stored_time(text)


def _job(row: Sequence[Any]) -> Job:
    return Job(
        job_id=row[0],
        key=JobKey(row[1], row[2]),
        state=JobState(row[3]),
        media_key=row[4],
        source=Source(row[5], row[6]),
        request_id=row[7],
        held=row[8],
        attempts=row[9],
        error=row[10],
        remote_status=row[11],
        submitted_at=_time(row[12]),
        finished_at=_time(row[13]),
    )


def _doubt(row: Sequence[Any]) -> Doubt:
    return Doubt(
        job_id=row[0],
        key=JobKey(row[1], row[2]),
        source=Source(row[3], row[4]),
        attempt_no=row[5],
        held=row[6],
        doubted_at=from_stored_time(row[7]),
        first_server_at=_time(row[8]),
        empty_server_at=_time(row[9]),
        empty_wall_at=_time(row[10]),
        empty_run_id=row[11],
    )
