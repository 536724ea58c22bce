"""Reading the ledger: what a plan and a run ask of it before they decide.

Works on a writer's connection and on a read-only one alike, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from batchdub.ledger import opening
from batchdub.ledger.marks import WAL_LOST
from batchdub.ledger.reading import chunks, marks_for
from batchdub.ledger.records import (
    Doubt,
    doubt_of,
    job_of,
    stored_time,
    time_of,
)
from batchdub.ledger.tables import SHORT_MEDIA, SHORT_MEDIA_SINCE, short_media
from batchdub.ledger.telling import Telling
from batchdub.media_url import identity_of, url_hash
from batchdub.models import Job, MediaLook
from batchdub.states import JobState
from batchdub.units import to_stored_time

_ANY_JOB = (
    "SELECT job_id, reference_id, revision, state, media_key, path, line, request_id, held,"
    " attempts, error, remote_status, submitted_at, finished_at, manifest_id, position,"
    " CASE WHEN state = 'cancelled' THEN"
    "  (SELECT from_state <> 'pending' OR actor IS 'ledger rebuild' FROM transitions"
    "  WHERE job_id = jobs.job_id ORDER BY transition_id DESC LIMIT 1) END"
    " FROM jobs JOIN manifests USING (manifest_id)"
)
_JOB = f"{_ANY_JOB} WHERE latest = 1"


class Queries(Telling):
    """Questions to an open ledger."""

    def latest_jobs(self, reference_ids: Sequence[str]) -> dict[str, Job]:
        """Give the latest revision of each of the manifest's reference_ids that has a job."""
        return {
            job.key.reference_id: job
            for chunk in chunks(reference_ids)
            for job in self._jobs_where(f"reference_id IN ({marks_for(chunk)})", chunk)
        }

    def jobs_of_media(self, media_keys: Sequence[str]) -> dict[str, list[Job]]:
        """Give the jobs, latest revisions only, that order one of these media."""
        found: dict[str, list[Job]] = {}
        is_short = self.schema_version() >= SHORT_MEDIA_SINCE
        for chunk in chunks(media_keys):
            condition, values = f"media_key IN ({marks_for(chunk)})", list(chunk)
            if is_short:
                # The plus keeps SQLite from putting a single key into the expression, which then
                # is not the index's any more.
                condition = f"{SHORT_MEDIA} IN ({marks_for(chunk)}) AND +{condition}"
                values = [*map(short_media, chunk), *chunk]
            for job in self._jobs_where(condition, values):
                found.setdefault(job.media_key, []).append(job)
        return found

    def jobs_by_id(self, job_ids: Sequence[int]) -> list[Job]:
        """Give the jobs of these numbers, in their order of manifest and place."""
        return [
            job_of(row)
            for chunk in chunks(job_ids)
            for row in self.ask(
                f"{_ANY_JOB} WHERE job_id IN ({marks_for(chunk)}) ORDER BY manifest_id, position",
                chunk,
            )
        ]

    def all_revisions(self, reference_ids: Sequence[str]) -> dict[str, list[Job]]:
        """Give every revision of each reference_id that has a job, the first one first."""
        found: dict[str, list[Job]] = {}
        for chunk in chunks(reference_ids):
            marks = marks_for(chunk)
            query = f"{_ANY_JOB} WHERE reference_id IN ({marks}) ORDER BY revision"
            for row in self.ask(query, chunk):
                job = job_of(row)
                found.setdefault(job.key.reference_id, []).append(job)
        return found

    def jobs_in(self, *states: JobState) -> Iterator[Job]:
        """Give the jobs in these states, in manifest order."""
        marks = marks_for(states)
        query = f"{_JOB} AND state IN ({marks}) ORDER BY manifest_id, position"
        for row in self.ask(query, states):
            yield job_of(row)

    def held_back(self) -> Iterator[Job]:
        """Give the pending jobs that are held until a cause has gone, in manifest order."""
        query = f"{_JOB} AND state = ? AND held IS NOT NULL ORDER BY manifest_id, position"
        for row in self.ask(query, (JobState.PENDING,)):
            yield job_of(row)

    def media_look(self, url: str, since: datetime) -> tuple[MediaLook, datetime] | None:
        """Give what a look at this very link showed since a time, and when, if it was good then."""
        row = self._maybe(
            "SELECT checked_at, status, content_type, bytes, etag, last_modified FROM media"
            " WHERE media_hash = ? AND link_hash = ? AND status < 300 AND checked_at >= ?",
            (url_hash(identity_of(url)), url_hash(url), to_stored_time(since)),
        )
        return None if row is None else (MediaLook(*row[1:]), stored_time(row[0]))

    def reached_before(self, job_ids: Sequence[int]) -> set[int]:
        """Give those jobs that have an attempt of which a byte may have reached the API."""
        found: set[int] = set()
        for chunk in chunks(job_ids):
            marks = marks_for(chunk)
            found.update(
                row[0]
                for row in self.ask(
                    f"SELECT DISTINCT job_id FROM attempts WHERE job_id IN ({marks})"
                    " AND event IS NOT 'not_sent'",
                    chunk,
                )
            )
        return found

    def ordered_after_all(self, job_ids: Sequence[int]) -> set[int]:
        """Give those jobs beside which a further order is known, acknowledged or not."""
        return {
            row[0]
            for chunk in chunks(job_ids)
            for row in self.ask(
                "SELECT DISTINCT job_id FROM other_requests WHERE kind = 'duplicate'"
                f" AND job_id IN ({marks_for(chunk)})",
                chunk,
            )
        }

    def further_orders(self, sent_as: Sequence[str]) -> dict[str, str]:
        """Give by what it was sent as a request that is known as a further order of a row."""
        return {
            row[0]: row[1]
            for chunk in chunks(sent_as)
            for row in self.ask(
                "SELECT reference_id, request_id FROM other_requests WHERE kind = 'duplicate'"
                f" AND reference_id IN ({marks_for(chunk)})",
                chunk,
            )
        }

    def moved_by(self, run_ids: Sequence[str]) -> set[str]:
        """Give the reference_ids of the jobs, latest revisions only, that these runs have moved.

        Those that they tried last, and those that they began as a further revision.
        """
        return {
            row[0]
            for chunk in chunks(run_ids)
            for row in self.ask(
                "SELECT reference_id FROM jobs WHERE latest = 1"
                f" AND (run_id IN ({marks_for(chunk)}) OR revision > 1 AND job_id IN"
                " (SELECT job_id FROM transitions"
                f" WHERE run_id IN ({marks_for(chunk)}) AND actor NOT NULL))",
                [*chunk, *chunk],
            )
        }

    def newest_request_id(self) -> str | None:
        """Give the request_id of the job that was submitted last."""
        row = self._maybe(
            "SELECT request_id FROM jobs WHERE request_id IS NOT NULL"
            " ORDER BY submitted_at DESC LIMIT 1"
        )
        return None if row is None else str(row[0])

    def owner_of(self, request_id: str) -> Job | None:
        """Give the job, of any revision, whose order this request is."""
        row = self._maybe(f"{_ANY_JOB} WHERE request_id = ?", (request_id,))
        return None if row is None else job_of(row)

    def has_order(self, job_id: int, request_id: str) -> bool:
        """Whether a job is submitted, and this request is its order."""
        query = "SELECT 1 FROM jobs WHERE job_id = ? AND request_id = ? AND state = ?"
        return self._maybe(query, (job_id, request_id, JobState.SUBMITTED)) is not None

    def may_have_ordered(self) -> bool:
        """Whether any attempt was, or may have been, taken by the API."""
        query = (
            "SELECT 1 FROM attempts WHERE event IS NULL OR event IN ('lost', 'accepted') LIMIT 1"
        )
        return self._maybe(query) is not None

    def may_lack_orders(self) -> bool:
        """Whether the file was once found open and without its WAL: orders may be missing."""
        return self.meta(WAL_LOST) is not None

    def unproven(self) -> bool:
        """Whether calls that were sent before a loss may still be on their way to the API."""
        return self.meta("loss") == "open"

    def rebuilt(self) -> bool:
        """Whether a person had rows restored from the API's list."""
        return self.meta("rebuilt_at") is not None

    def rebuilt_since(self) -> datetime | None:
        """Give the time before which the last rebuild took nothing for ours; None: none such."""
        return time_of(self.meta("rebuilt_since") or None)

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

    def explained(self) -> int:
        """Count the requests that the ledger can explain: its jobs' orders, and recorded others."""
        query = (
            "SELECT (SELECT count(*) FROM jobs WHERE request_id IS NOT NULL)"
            " + (SELECT count(*) FROM other_requests)"
        )
        return int(self._one(query)[0])

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
        for chunk in chunks(request_ids):
            marks = marks_for(chunk)
            query = (
                f"SELECT request_id FROM jobs WHERE request_id IN ({marks}) AND {claims}"
                f" UNION SELECT request_id FROM other_requests WHERE request_id IN ({marks})"
            )
            known.update(row[0] for row in self.ask(query, [*chunk, *chunk]))
        return known

    def doubts(self, job_ids: Sequence[int] = ()) -> list[Doubt]:
        """Give the in-doubt jobs, or of these only, the oldest doubt first."""
        chosen = f" AND jobs.job_id IN ({marks_for(job_ids)})" if job_ids else ""
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

    def tried_in_vain(self, since: datetime) -> list[Job]:
        """Give the jobs of which a try that may have left came to nothing, the last since a time.

        Of several tries of a job all but one did, of a pending job every one; what came to nothing
        as far as we were told may be an order all the same. Of every revision: an older one was
        ordered, too.
        """
        query = (
            f"{_ANY_JOB} WHERE job_id IN (SELECT job_id FROM attempts WHERE event IS NOT 'not_sent'"
            # First the few jobs with a second attempt, which the index alone tells.
            " AND job_id IN (SELECT job_id FROM attempts WHERE attempt_no > 1)"
            " GROUP BY job_id HAVING count(*) > 1 AND max(intended_at) >= ?1)"
            " OR job_id IN (SELECT job_id FROM jobs JOIN attempts USING (job_id)"
            " WHERE jobs.state = 'pending' AND latest = 1 AND jobs.attempts > 0"
            " AND attempts.event IS NOT 'not_sent' AND intended_at >= ?1)"
            " ORDER BY job_id"
        )
        return [job_of(row) for row in self.ask(query, (to_stored_time(since),))]

    def restored(self, since: datetime) -> list[Job]:
        """Give the ordered jobs, if there was a rebuild since a time.

        What was tried for them before is not known any more, whoever ordered them.
        """
        rebuilt_at = time_of(self.meta("rebuilt_at"))
        if rebuilt_at is None or rebuilt_at < since:
            return []
        query = f"{_ANY_JOB} WHERE request_id IS NOT NULL ORDER BY job_id"
        return [job_of(row) for row in self.ask(query)]

    def first_server_at(self, job_id: int) -> datetime | None:
        """Give the earliest server time of a job's first intent, if it was known then."""
        row = self._maybe(
            "SELECT server_at FROM attempts WHERE job_id = ? ORDER BY attempt_no LIMIT 1", (job_id,)
        )
        return None if row is None else time_of(row[0])

    def _jobs_where(self, condition: str, values: Sequence[str]) -> Iterator[Job]:
        return map(job_of, self._all(f"{_JOB} AND {condition}", values))


def open_for_reading(path: Path, patience_s: float | None = None) -> Queries:
    """Open an existing ledger for questions only. Raises LedgerUnusableError.

    `patience_s` is how long each waits where another program keeps the file locked.
    """
    if patience_s is None:
        return Queries(opening.open_reader(path), path)
    return Queries(opening.open_reader(path, patience_s), path)
