"""Reading the ledger: what a plan, a run, a report and a person ask of it.

Works on a writer's connection and on a read-only one alike, and changes nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from batchdub.ledger import opening
from batchdub.ledger.records import (
    Doubt,
    RunRecord,
    columns_of,
    doubt_of,
    job_of,
    stored_time,
    time_of,
)
from batchdub.ledger.schema import present_guards
from batchdub.models import Job
from batchdub.states import JobState
from batchdub.units import to_stored_time

_CHUNK = 500  # host parameters of one statement; SQLite's own limit is far above
_ANY_JOB = (
    "SELECT job_id, reference_id, revision, state, media_key, path, line, request_id, held,"
    " attempts, error, remote_status, submitted_at, finished_at"
    " FROM jobs JOIN manifests USING (manifest_id)"
)
_JOB = f"{_ANY_JOB} WHERE latest = 1"


class Queries:
    """Questions to an open ledger."""

    def __init__(self, database: Database, path: Path) -> None:
        self.path = path
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

    def ask(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query, one by one: for the ledger's own rooms.

        Raises LedgerUnusableError where SQLite finds the file damaged.
        """
        with opening.told_plainly(self.path):
            # A cursor itself would be closed for a reader who stopped half-way, perhaps after the
            # ledger was; its `fetchone` is not.
            yield from iter(self._connection.execute(query, values).fetchone, None)

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Make all questions asked inside see the ledger at one moment, while a run writes."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()  # nothing was written; this only ends the reading

    def guards(self) -> dict[str, str]:
        """Give the file's triggers and indexes as SQL, by name."""
        with opening.told_plainly(self.path):
            return present_guards(self._database)

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

    def jobs_by_id(self, job_ids: Sequence[int]) -> list[Job]:
        """Give the jobs of these numbers, in their order of manifest and place."""
        return [
            job_of(row)
            for chunk in _chunks(job_ids)
            for row in self.ask(
                f"{_ANY_JOB} WHERE job_id IN ({', '.join('?' * len(chunk))})"
                " ORDER BY manifest_id, position",
                chunk,
            )
        ]

    def all_revisions(self, reference_ids: Sequence[str]) -> dict[str, list[Job]]:
        """Give every revision of each reference_id that has a job, the first one first."""
        found: dict[str, list[Job]] = {}
        for chunk in _chunks(reference_ids):
            marks = ", ".join("?" * len(chunk))
            query = f"{_ANY_JOB} WHERE reference_id IN ({marks}) ORDER BY revision"
            for row in self.ask(query, chunk):
                job = job_of(row)
                found.setdefault(job.key.reference_id, []).append(job)
        return found

    def jobs_in(self, *states: JobState) -> Iterator[Job]:
        """Give the jobs in these states, in manifest order."""
        marks = ", ".join("?" * len(states))
        query = f"{_JOB} AND state IN ({marks}) ORDER BY manifest_id, position"
        for row in self.ask(query, states):
            yield job_of(row)

    def reached_before(self, job_ids: Sequence[int]) -> set[int]:
        """Give those jobs that have an attempt of which a byte may have reached the API."""
        found: set[int] = set()
        for chunk in _chunks(job_ids):
            marks = ", ".join("?" * len(chunk))
            found.update(
                row[0]
                for row in self.ask(
                    f"SELECT DISTINCT job_id FROM attempts WHERE job_id IN ({marks})"
                    " AND event IS NOT 'not_sent'",
                    chunk,
                )
            )
        return found

    def newest_request_id(self) -> str | None:
        """Give the request_id of the job that was submitted last."""
        row = self._maybe(
            "SELECT request_id FROM jobs WHERE request_id IS NOT NULL"
            " ORDER BY submitted_at DESC LIMIT 1"
        )
        return None if row is None else str(row[0])

    def may_have_ordered(self) -> bool:
        """Whether any attempt was, or may have been, taken by the API."""
        query = (
            "SELECT 1 FROM attempts WHERE event IS NULL OR event IN ('lost', 'accepted') LIMIT 1"
        )
        return self._maybe(query) is not None

    def orders(self) -> Iterator[tuple[str, int, str, str | None]]:
        """Give reference_id, revision, state and request_id of every job, sorted."""
        query = (
            "SELECT reference_id, revision, state, request_id FROM jobs"
            " ORDER BY reference_id, revision"
        )
        yield from self.ask(query)

    def not_ours(self) -> set[str]:
        """Give the ids of older requests under our reference_ids that were told not to be ours."""
        query = "SELECT request_id FROM other_requests WHERE kind = 'not_ours'"
        return {row[0] for row in self.ask(query)}

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
        for row in self.ask(query):
            yield row[0]

    def explains(self, request_ids: Sequence[str]) -> set[str]:
        """Give those request ids that the ledger knows, as a job's order or as recorded others."""
        return self._known(request_ids, "1")

    def taken_from(self, job_id: int, request_ids: Sequence[str]) -> set[str]:
        """Give those of the ids that stand under a job's reference_id which cannot be its order.

        They are recorded as others, or are orders that have ended. An id that another job holds
        as submitted is not among them: the list shows it under this reference_id, so it is the
        other job's claim that is wrong.
        """
        claims = f"(job_id = {job_id:d} OR state <> '{JobState.SUBMITTED}')"
        return self._known(request_ids, claims)

    def _known(self, request_ids: Sequence[str], claims: str) -> set[str]:
        known: set[str] = set()
        for chunk in _chunks(request_ids):
            marks = ", ".join("?" * len(chunk))
            query = (
                f"SELECT request_id FROM jobs WHERE request_id IN ({marks}) AND {claims}"
                f" UNION SELECT request_id FROM other_requests WHERE request_id IN ({marks})"
            )
            known.update(row[0] for row in self.ask(query, [*chunk, *chunk]))
        return known

    def doubts(self, job_ids: Sequence[int] = ()) -> list[Doubt]:
        """Give the in-doubt jobs, or of these only, the oldest doubt first."""
        chosen = f" AND jobs.job_id IN ({', '.join('?' * len(job_ids))})" if job_ids else ""
        query = f"""
            SELECT jobs.job_id, reference_id, revision, path, line, jobs.attempts, held,
                min((SELECT max(at) FROM transitions WHERE job_id = jobs.job_id
                     AND to_state = 'in_doubt'),
                    (SELECT coalesce(max(intended_at), '9') FROM attempts
                     WHERE job_id = jobs.job_id)) AS doubted_at,
                (SELECT server_at FROM attempts WHERE job_id = jobs.job_id
                 ORDER BY attempt_no LIMIT 1)
            FROM jobs JOIN manifests USING (manifest_id)
            WHERE latest = 1 AND state = 'in_doubt'{chosen} ORDER BY doubted_at, jobs.job_id"""
        return [doubt_of(row) for row in self.ask(query, job_ids)]

    def counts(self) -> Counter[JobState]:
        """Count the jobs, latest revisions only, by state."""
        rows = self.ask("SELECT state, count(*) FROM jobs WHERE latest = 1 GROUP BY state")
        return Counter({JobState(state): number for state, number in rows})

    def open_duplicates(self) -> list[tuple[str, str]]:
        """Give reference_id and request_id of every duplicate that nobody has acknowledged."""
        return [
            (str(row[0]), str(row[1]))
            for row in self.ask(
                "SELECT reference_id, request_id FROM duplicates WHERE acknowledged_at IS NULL"
                " ORDER BY reference_id, request_id"
            )
        ]

    def run_count(self) -> int:
        """Count the runs so far."""
        return int(self._one("SELECT count(*) FROM runs")[0])

    def last_run(self) -> RunRecord | None:
        """Give the run that started last."""
        row = self._maybe(
            "SELECT run_id, command, started_at, ended_at, exit_code, summary FROM runs"
            " ORDER BY started_at DESC, run_id DESC LIMIT 1"
        )
        if row is None:
            return None
        return RunRecord(row[0], row[1], stored_time(row[2]), time_of(row[3]), row[4], row[5])

    def last_intent_at(self) -> datetime | None:
        """Give the time of the last intent, by our wall clock: where the pace goes on from."""
        row = self._maybe("SELECT intended_at FROM attempts ORDER BY attempt_id DESC LIMIT 1")
        return None if row is None else stored_time(row[0])

    def manifest_paths(self) -> list[str]:
        """Give where the manifests that jobs come from lie: as they were named if that is still so.

        Seen from another folder a relative name leads elsewhere; then it is the absolute path.
        """
        query = (
            "SELECT path, location FROM manifests WHERE manifest_id IN"
            " (SELECT DISTINCT manifest_id FROM jobs WHERE latest = 1)"
            " GROUP BY location ORDER BY max(manifest_id)"
        )
        return [_seen_from_here(*row) for row in self.ask(query)]

    def states_of(self, job_ids: Sequence[int]) -> Counter[tuple[JobState, bool]]:
        """Count these jobs by state, and by whether they are held."""
        counts: Counter[tuple[JobState, bool]] = Counter()
        for chunk in _chunks(job_ids):
            marks = ", ".join("?" * len(chunk))
            query = (
                "SELECT state, held IS NOT NULL, count(*) FROM jobs"
                f" WHERE job_id IN ({marks}) GROUP BY 1, 2"
            )
            for state, held, number in self.ask(query, chunk):
                counts[JobState(state), bool(held)] += number
        return counts

    def tried_more_than_once(self, since: datetime) -> list[Job]:
        """Give the jobs with several attempts that may have left, the last of them since a time."""
        query = (
            f"{_JOB} AND job_id IN (SELECT job_id FROM attempts WHERE event IS NOT 'not_sent'"
            " GROUP BY job_id HAVING count(*) > 1 AND max(intended_at) >= ?) ORDER BY job_id"
        )
        return [job_of(row) for row in self.ask(query, (to_stored_time(since),))]

    def first_server_at(self, job_id: int) -> datetime | None:
        """Give the earliest server time of a job's first intent, if it was known then."""
        row = self._maybe(
            "SELECT server_at FROM attempts WHERE job_id = ? ORDER BY attempt_no LIMIT 1", (job_id,)
        )
        return None if row is None else time_of(row[0])

    def report_rows(self) -> Iterator[dict[str, Any]]:
        """Give the report's rows in manifest order; `columns` holds the manifest's own."""
        for row in self._as_dicts("SELECT * FROM report"):
            row["columns"] = columns_of(row["columns"])
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
            for row in self.ask(
                "SELECT DISTINCT reference_id FROM jobs WHERE instr(lower(reference_id), lower(?))"
                " ORDER BY reference_id LIMIT 10",
                (part,),
            )
        ]

    # -- inside -------------------------------------------------------------------------------

    def _jobs_where(self, column: str, values: Sequence[str]) -> Iterator[Job]:
        for chunk in _chunks(values):
            marks = ", ".join("?" * len(chunk))
            for row in self.ask(f"{_JOB} AND {column} IN ({marks})", chunk):
                yield job_of(row)

    def _dicts(self, query: str, *values: object) -> list[dict[str, Any]]:
        return list(self._as_dicts(query, values))

    def _as_dicts(self, query: str, values: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        with opening.told_plainly(self.path):
            yield from self._database.query(query, values)

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        return next(self.ask(query, values))

    def _maybe(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        return next(self.ask(query, values), None)


def open_for_reading(path: Path) -> Queries:
    """Open an existing ledger for questions only. Raises LedgerUnusableError."""
    return Queries(opening.open_reader(path), path)


def _seen_from_here(path: str, location: str) -> str:
    return path if os.path.abspath(path) == location else location  # noqa: PTH100  as stored


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
