"""What the ledger knows of finished dubs as files: where, how much is there, and the hash.

The functions ask; `Outputs` writes, inside a transaction as all of `writer`. Of an output's link
only its cut form is known here: whoever downloads has the link from the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchdub.dub_file import Whole
from batchdub.ledger.queries import Queries
from batchdub.ledger.reading import chunks, marks_for
from batchdub.ledger.records import columns_of
from batchdub.ledger.schema import OUTPUTS_SINCE
from batchdub.ledger.writer import Writer
from batchdub.models import JobKey, Source
from batchdub.states import JobState


@dataclass(frozen=True, slots=True)
class KnownOutput:
    """A download as the ledger has it; `file` is an absolute path.

    `kept` bytes of its `.part` are on disk; `validator` is the ETag or date that these belong to,
    empty if they cannot be gone on from. `total` is None while it is not known. With `sha256` the
    file is whole, and `modified_ns` is its time of change then.
    """

    file: str
    validator: str
    total: int | None
    kept: int
    sha256: str | None
    modified_ns: int | None

    @property
    def whole(self) -> Whole | None:
        """The file as it was when all of it had come; None if it is not whole."""
        if self.sha256 is None:
            return None
        return Whole(self.total or 0, self.sha256, self.modified_ns or 0)


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row as far as its file's name depends on it."""

    job_id: int
    key: JobKey
    state: JobState
    source: Source
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FinishedDub:
    """A completed job, for the download and the note beside it; URLs are cut, times as stored."""

    job_id: int
    key: JobKey
    request_id: str
    source: Source
    columns: Mapping[str, str]
    video_url: str
    audio_url: str
    output_url: str
    submitted_at: str | None
    finished_at: str | None


def known_output(queries: Queries, job_id: int) -> KnownOutput | None:
    """Give what is known of a job's file; None if no byte of it was ever asked for."""
    query = "SELECT file, validator, bytes, kept, sha256, modified_ns FROM outputs WHERE job_id = ?"
    return next((KnownOutput(*row) for row in queries.ask(query, (job_id,))), None)


def named_rows(queries: Queries, job_ids: Sequence[int]) -> Iterator[NamedRow]:
    """Give what names the files of these jobs, in the order of the numbers."""
    for chunk in chunks(job_ids):
        marks = marks_for(chunk)
        query = (
            "SELECT job_id, reference_id, revision, state, path, line, columns FROM jobs"
            f" JOIN manifests USING (manifest_id) WHERE job_id IN ({marks})"
        )
        rows = {row[0]: row for row in queries.ask(query, chunk)}
        for job_id in chunk:
            _, reference_id, revision, state, path, line, columns = rows[job_id]
            key, source = JobKey(reference_id, revision), Source(path, line)
            yield NamedRow(job_id, key, JobState(state), source, columns_of(columns))


def finished_dub(queries: Queries, job_id: int) -> FinishedDub | None:
    """Give a completed job; None if it is not completed, or has no request_id."""
    query = (
        "SELECT job_id, reference_id, revision, request_id, path, line, columns, video_url,"
        " audio_url, output_url, submitted_at, finished_at FROM jobs"
        " JOIN manifests USING (manifest_id) WHERE job_id = ? AND state = ?"
    )
    row = next(queries.ask(query, (job_id, JobState.COMPLETED)), None)
    if row is None or row[3] is None:
        return None
    _, reference_id, revision, request_id, path, line, columns, video, audio, output, *times = row
    key, source, own = JobKey(reference_id, revision), Source(path, line), columns_of(columns)
    return FinishedDub(job_id, key, request_id, source, own, video, audio, output or "", *times)


def any_outputs(queries: Queries) -> bool:
    """Whether dubs were ever downloaded, or wanted."""
    if queries.schema_version() < OUTPUTS_SINCE:
        return False
    return next(queries.ask("SELECT 1 FROM outputs LIMIT 1"), None) is not None


def files_of_others(queries: Queries, job_ids: frozenset[int]) -> Iterator[tuple[str, str]]:
    """Give file and reference_id of every download that is not one of these jobs'."""
    query = "SELECT job_id, file, reference_id FROM outputs JOIN jobs USING (job_id)"
    for job_id, file, reference_id in queries.ask(query):
        if job_id not in job_ids:
            yield file, reference_id


class Outputs(Writer):
    """A ledger that keeps what is downloaded."""

    def note_part(
        self, job_id: int, file: str, validator: str, total: int | None, kept: int
    ) -> None:
        """Note how much of a file is on disk in its `.part`; what was whole before is not any more.

        Raises IllegalTransitionError if the job is not completed.
        """
        self._connection.execute(
            "INSERT INTO outputs (job_id, file, validator, bytes, kept, run_id)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (job_id) DO UPDATE SET file = excluded.file,"
            " validator = excluded.validator, bytes = excluded.bytes, kept = excluded.kept,"
            " sha256 = NULL, modified_ns = NULL, downloaded_at = NULL, problem = NULL,"
            " run_id = excluded.run_id",
            (job_id, file, validator, total, kept, self._run_id),
        )
        self._connection.execute(
            "UPDATE jobs SET output_file = NULL WHERE job_id = ? AND output_file IS NOT NULL",
            (job_id,),
        )

    def record_output(
        self, job_id: int, file: str, total: int, sha256: str, modified_ns: int
    ) -> None:
        """Note that a job's file is whole and at its place. Raises as `note_part`."""
        self._connection.execute(
            "INSERT INTO outputs (job_id, file, bytes, kept, sha256, modified_ns, downloaded_at,"
            " run_id) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)"
            " ON CONFLICT (job_id) DO UPDATE SET file = excluded.file, bytes = excluded.bytes,"
            " kept = excluded.kept, sha256 = excluded.sha256, modified_ns = excluded.modified_ns,"
            " downloaded_at = excluded.downloaded_at, problem = NULL, run_id = excluded.run_id",
            (job_id, file, total, sha256, modified_ns, self._now(), self._run_id),
        )
        self._connection.execute("UPDATE jobs SET output_file = ? WHERE job_id = ?", (file, job_id))

    def note_problem(self, job_id: int, file: str, problem: str) -> None:
        """Note why a dub could not be had, in words without secrets. Raises as `note_part`."""
        self._connection.execute(
            "INSERT INTO outputs (job_id, file, problem, run_id) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (job_id) DO UPDATE SET problem = excluded.problem",
            (job_id, file, problem, self._run_id),
        )
