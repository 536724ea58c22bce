"""What people are told of a ledger: counts, runs, reports and histories."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from batchdub.ledger.reading import Reading, chunks, marks_for
from batchdub.ledger.records import (
    Move,
    RunRecord,
    columns_of,
    move_of,
    stored_time,
    time_of,
)
from batchdub.ledger.schema import OUTPUTS_SINCE, PROBLEMS_SINCE
from batchdub.ledger.views import report_query
from batchdub.states import JobState
from batchdub.units import to_stored_time

_UNTOLD = ", jobs.held, jobs.media_key, jobs.video_hash, jobs.audio_hash"
_OF_FILES = """, outputs.file AS dub_file, outputs.bytes AS dub_bytes, outputs.kept AS dub_kept,
            outputs.sha256 AS dub_sha256, outputs.modified_ns AS dub_modified_ns"""


class Telling(Reading):
    """Questions whose answers are shown."""

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

    def unseen_duplicates(self) -> dict[str, list[str]]:
        """Give the same by row: what was ordered besides any revision of it."""
        query = (
            "SELECT jobs.reference_id, other.request_id"
            " FROM other_requests AS other JOIN jobs USING (job_id)"
            " WHERE kind = 'duplicate' AND acknowledged_at IS NULL ORDER BY 1, 2"
        )
        found: dict[str, list[str]] = {}
        for reference_id, request_id in self.ask(query):
            found.setdefault(reference_id, []).append(request_id)
        return found

    def run_count(self) -> int:
        """Count the runs so far."""
        return int(self._one("SELECT count(*) FROM runs")[0])

    def attempts_by_cause(self) -> Counter[str]:
        """Count the attempts by why they ended as they did; empty for one that is open."""
        query = "SELECT coalesce(cause, ''), count(*) FROM attempts GROUP BY 1"
        return Counter({str(cause): int(number) for cause, number in self.ask(query)})

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

    def last_move(self) -> int:
        """Give the number of the last change of any state; 0 if there was none."""
        return int(self._one("SELECT coalesce(max(transition_id), 0) FROM transitions")[0])

    def moves_after(self, transition_id: int) -> Iterator[Move]:
        """Give the changes of state after one of them, in the order in which they happened."""
        # A job's n-th `send` is its attempt n, and what leaves `sending` ends it.
        query = """
            SELECT moves.transition_id, moves.at, moves.event, from_state, to_state,
                reference_id, revision, path, line, attempt_no, attempts.cause,
                attempts.http_status, attempts.message,
                CASE WHEN to_state IN ('submitted', 'completed', 'failed') THEN jobs.request_id END,
                actor, note
            FROM transitions AS moves JOIN jobs USING (job_id) JOIN manifests USING (manifest_id)
            LEFT JOIN attempts ON attempts.job_id = moves.job_id AND from_state = 'sending'
                AND attempt_no = (SELECT count(*) FROM transitions AS sends
                    WHERE sends.job_id = moves.job_id AND sends.event = 'send'
                    AND sends.transition_id <= moves.transition_id)
            WHERE moves.transition_id > ? ORDER BY moves.transition_id"""
        return map(move_of, self.ask(query, (transition_id,)))

    def manifest_paths(self) -> list[str]:
        """Give where the manifests that jobs come from lie: as they were named if that is still so.

        Seen from another folder a relative name leads elsewhere; then it is the absolute path.
        """
        query = (
            "SELECT path, location FROM manifests WHERE EXISTS"
            " (SELECT 1 FROM jobs WHERE latest = 1 AND manifest_id = manifests.manifest_id)"
            " GROUP BY location ORDER BY max(manifest_id)"
        )
        return [_seen_from_here(*row) for row in self.ask(query)]

    def states_of(self, job_ids: Sequence[int]) -> Counter[tuple[JobState, bool]]:
        """Count these jobs by state, and by whether they are held."""
        counts: Counter[tuple[JobState, bool]] = Counter()
        for chunk in chunks(job_ids):
            marks = marks_for(chunk)
            query = (
                "SELECT state, held IS NOT NULL, count(*) FROM jobs"
                f" WHERE job_id IN ({marks}) GROUP BY 1, 2"
            )
            for state, held, number in self.ask(query, chunk):
                counts[JobState(state), bool(held)] += number
        return counts

    def orders(self) -> Iterator[tuple[str, int, str, str | None]]:
        """Give reference_id, revision, state and request_id of every job, sorted."""
        query = (
            "SELECT reference_id, revision, state, request_id FROM jobs"
            " ORDER BY reference_id, revision"
        )
        yield from self.ask(query)

    def report_rows(
        self, since: datetime | None = None, run_id: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Give the report's rows in manifest order, as the view `report` does.

        `columns` holds the manifest's own; `held`, `media_key` and the links' hashes are in no
        report, and what begins with `dub_`, of the dub's file, only as what a look at it shows.
        Of those rows only to which something happened since a time, and in that run.
        """
        touched = [
            ("transitions.at >= ?", since and to_stored_time(since)),
            ("transitions.run_id = ?", run_id),
        ]
        asked = [(condition, value) for condition, value in touched if value is not None]
        condition = _touched(" AND ".join(condition for condition, _ in asked)) if asked else ""
        query = report_query(*self._with_files(condition))
        for row in self.as_dicts(query, [value for _, value in asked]):
            row["columns"] = columns_of(row["columns"])
            yield row

    def _with_files(self, condition: str) -> tuple[str, str, str]:
        """Give how a report's question is asked: of files only where this schema knows any."""
        version = self.schema_version()
        if version < OUTPUTS_SINCE:
            return _UNTOLD, condition, ""
        problem = "outputs.problem" if version >= PROBLEMS_SINCE else "NULL"
        more = f"{_UNTOLD}{_OF_FILES}, {problem} AS dub_problem"
        return more, condition, " LEFT JOIN outputs USING (job_id)"

    def history(self, reference_id: str) -> dict[str, list[dict[str, Any]]]:
        """Give all that happened to a row: `jobs`, `attempts`, `transitions`, `others`, `outputs`.

        In the order in which they came; a ledger of the first schema has no outputs.
        """
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
            "outputs": self._dicts(
                "SELECT revision, outputs.* FROM outputs JOIN jobs USING (job_id)"
                " WHERE reference_id = ? ORDER BY revision", reference_id)
                if self.schema_version() >= OUTPUTS_SINCE else [],
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


def _touched(condition: str) -> str:
    """Give the condition that a row of any revision has such a change of state."""
    return (
        " AND EXISTS (SELECT 1 FROM jobs AS each JOIN transitions ON each.job_id ="
        f" transitions.job_id WHERE each.reference_id = jobs.reference_id AND {condition})"
    )


def _seen_from_here(path: str, location: str) -> str:
    return path if os.path.abspath(path) == location else location  # noqa: PTH100  as stored
