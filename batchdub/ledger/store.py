"""The only writer of the ledger: every change of a job passes here, inside a transaction.

A method changes one thing and expects an open transaction; `transaction` opens one for a single
caller, `apply_group` runs many changes under one commit. What has been committed is on disk.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from batchdub.clock import Clock
from batchdub.errors import IllegalTransitionError, LedgerUnusableError
from batchdub.ledger import opening
from batchdub.ledger.queries import Queries
from batchdub.media_url import cut_url, url_hash
from batchdub.models import Cause, Outcome, RemoteRequest, Row
from batchdub.states import Event, JobState, next_state
from batchdub.units import to_stored_time

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one POST whose intent is on disk."""

    attempt_id: int
    job_id: int
    attempt_no: int


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who decided, and why; recorded with the transition."""

    name: str
    note: str


class Ledger(Queries):
    """A ledger open for writing, on behalf of one run."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open or create the ledger. Raises LedgerUnusableError."""
        super().__init__(opening.open_writer(path))
        self.path = path
        self._clock = clock
        self._run_id: str | None = None
        self._inode = _inode(path)

    # -- transactions -------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside at its end, or nothing of it.

        Raises LedgerWriteError if the disk refuses: then nothing of it is there, and this process
        must not try again.
        """
        with opening.told_plainly(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def apply_group(self, changes: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Run several changes under one commit; each stands or falls alone.

        Gives, in order, what each change returned, or the IllegalTransitionError it raised. Any
        other error undoes the whole group and is raised.
        """
        results: list[T | Exception] = []
        with self.transaction():
            for change in changes:
                self._connection.execute("SAVEPOINT change")
                try:
                    results.append(change())
                except (IllegalTransitionError, sqlite3.IntegrityError) as error:
                    self._connection.execute("ROLLBACK TO change")
                    results.append(IllegalTransitionError(str(error)))
                self._connection.execute("RELEASE change")
        return results

    def require_same_file(self) -> None:
        """Raise LedgerUnusableError if the file was deleted or replaced while it was open.

        SQLite goes on writing into a deleted file without a word; an intent there is worth nothing.
        """
        if _inode(self.path) != self._inode:
            raise LedgerUnusableError(
                f"{self.path}: the ledger was moved, deleted or replaced during the run",
                "put it back; if it is lost, `batchdub ledger rebuild` restores it from the API",
            )

    def close(self) -> None:
        """Fold the WAL into the ledger and close it, so that the bare file can be copied."""
        # If a reader is still there the WAL stays beside the ledger, and nothing is lost.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        super().close()

    # -- runs and rows ------------------------------------------------------------------------

    def begin_run(self, run_id: str, command: str, *, host: str, pid: int, version: str) -> None:
        """Record a run; all later changes are its."""
        self._connection.execute(
            "INSERT INTO runs (run_id, command, started_at, host, pid, version)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, command, self._now(), host, pid, version),
        )
        self._run_id = run_id

    def end_run(self, exit_code: int, summary: str) -> None:
        """Record how the run ended."""
        self._connection.execute(
            "UPDATE runs SET ended_at = ?, exit_code = ?, summary = ? WHERE run_id = ?",
            (self._now(), exit_code, summary, self._run_id),
        )

    def set_meta(self, name: str, value: str) -> None:
        """Keep a fact about the ledger itself."""
        self._connection.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def remember_manifest(self, path: str, sha256: str) -> int:
        """Give the id of a manifest's content, recording it when it is new."""
        self._connection.execute(
            "INSERT INTO manifests (path, sha256, first_seen_at) VALUES (?, ?, ?)"
            " ON CONFLICT (path, sha256) DO NOTHING",
            (path, sha256, self._now()),
        )
        row = self._one("SELECT manifest_id FROM manifests WHERE path = ? AND sha256 = ?",
                        (path, sha256))  # fmt: skip
        return int(row[0])

    def add_rows(self, rows: Iterable[tuple[Row, int, int]]) -> None:
        """Record new rows as pending jobs; each comes with its manifest_id and position.

        The URLs are kept cut, with a hash of the whole: signatures stay out of the ledger.
        """
        self._connection.executemany(
            "INSERT INTO jobs (reference_id, media_key, video_url, audio_url, video_hash,"
            " audio_hash, manifest_id, line, position, columns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_new_job(row, manifest_id, position) for row, manifest_id, position in rows),
        )

    def move_rows(self, rows: Iterable[tuple[Row, int, int]]) -> None:
        """Note where known rows stand now, and the manifest's own columns as they are now."""
        self._connection.executemany(
            "UPDATE jobs SET manifest_id = ?, line = ?, position = ?, columns = ?"
            " WHERE reference_id = ? AND latest = 1 AND (manifest_id, position) <> (?, ?)",
            (
                (manifest_id, row.source.line, position, _columns(row),
                 row.reference_id, manifest_id, position)
                for row, manifest_id, position in rows
            ),
        )  # fmt: skip

    # -- the paid path ------------------------------------------------------------------------

    def begin_attempt(self, job_id: int, server_at: datetime | None = None) -> Attempt:
        """Move a pending job to sending and open its next attempt.

        Once committed the intent is on disk: a crash from here on leaves the job in doubt.
        `server_at` is the earliest time that the server's clock may show now.
        Raises IllegalTransitionError if the job is not pending; send nothing then.
        """
        cursor = self._connection.execute(
            "INSERT INTO attempts (job_id, attempt_no, run_id, intended_at, server_at)"
            " SELECT job_id, attempts + 1, ?, ?, ? FROM jobs WHERE job_id = ? AND state = ?",
            (self._run_id, self._now(), _stored(server_at), job_id, JobState.PENDING),
        )
        if cursor.rowcount != 1:
            raise IllegalTransitionError(f"job {job_id} is not pending, so nothing is sent")
        attempt_id = cursor.lastrowid
        assert attempt_id is not None  # noqa: S101  an INSERT that did not raise has a row id
        self._move(job_id, JobState.PENDING, Event.SEND)
        self._connection.execute(
            "UPDATE jobs SET attempts = attempts + 1, run_id = ? WHERE job_id = ?",
            (self._run_id, job_id),
        )
        number = self._one("SELECT attempts FROM jobs WHERE job_id = ?", (job_id,))[0]
        return Attempt(attempt_id, job_id, number)

    def end_attempt(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Settle an open attempt and move its job. Gives the outcome as it was recorded.

        A request_id that another job has already is no proof of anything: both jobs are put in
        doubt. Raises IllegalTransitionError if the attempt was settled before.
        """
        if outcome.request_id is not None:
            outcome = self._refuse_foreign_id(attempt.job_id, outcome)
        self._close_attempt(attempt.attempt_id, outcome)
        submitted_at = self._now() if outcome.event is Event.ACCEPTED else None
        held = Cause.PAID_WITHOUT_ID if outcome.cause is Cause.PAID_WITHOUT_ID else None
        self._connection.execute(
            "UPDATE jobs SET request_id = ?, http_status = ?, error = ?, submitted_at = ?, held = ?"
            " WHERE job_id = ?",
            (outcome.request_id, outcome.http_status, outcome.message or None, submitted_at,
             held, attempt.job_id),
        )  # fmt: skip
        self._move(attempt.job_id, JobState.SENDING, outcome.event)
        return outcome

    def recover(self) -> int:
        """Put every job that a dead process left `sending` in doubt; gives how many there were."""
        rows = self._connection.execute(
            "SELECT job_id, attempt_id FROM jobs JOIN attempts USING (job_id)"
            " WHERE jobs.state = 'sending' AND attempts.event IS NULL"
        ).fetchall()
        cut_short = Outcome(Event.LOST, Cause.CUT_SHORT, "the process ended during the call")
        for job_id, attempt_id in rows:
            self._close_attempt(attempt_id, cut_short)
            self._connection.execute(
                "UPDATE jobs SET error = ? WHERE job_id = ?", (cut_short.message, job_id)
            )
            self._move(job_id, JobState.SENDING, Event.LOST)
        return len(rows)

    # -- what the API's list shows ------------------------------------------------------------

    def adopt(self, job_id: int, state: JobState, found: RemoteRequest, actor: Actor | None = None
              ) -> None:  # fmt: skip
        """Take a request that the API's list shows as this job's order."""
        self._connection.execute(
            "UPDATE jobs SET request_id = ?, remote_status = ?, error = NULL, held = NULL,"
            " submitted_at = ?, run_id = coalesce(run_id, ?) WHERE job_id = ?",
            (found.request_id, found.status, to_stored_time(found.created_at),
             self._run_id, job_id),
        )  # fmt: skip
        self._forget_empty_look(job_id)
        self._move(job_id, state, Event.FOUND, actor)

    def note_empty_look(self, job_id: int, attempt_no: int, server_at: datetime | None) -> None:
        """Keep the time of the first complete look after an attempt that showed no order."""
        self._connection.execute(
            "INSERT OR REPLACE INTO empty_looks (job_id, attempt_no, server_at, wall_at, run_id)"
            " VALUES (?, ?, ?, ?, ?)",
            (job_id, attempt_no, _stored(server_at), self._now(), self._run_id),
        )

    def settle_absent(self, job_id: int, actor: Actor | None = None) -> None:
        """Put a job back to pending: it has been shown that its order does not exist."""
        self._forget_empty_look(job_id)
        self._connection.execute(
            "UPDATE jobs SET held = NULL, error = NULL WHERE job_id = ?", (job_id,)
        )
        self._move(job_id, JobState.IN_DOUBT, Event.ABSENT, actor)

    def record_other(self, job_id: int | None, request: RemoteRequest, kind: str) -> None:
        """Record a request that is not a job's order: `duplicate` (of it) or `not_ours`."""
        self._connection.execute(
            "INSERT INTO other_requests"
            " (request_id, reference_id, created_at, kind, job_id, seen_at, run_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO NOTHING",
            (request.request_id, request.reference_id or "", to_stored_time(request.created_at),
             kind, job_id, self._now(), self._run_id),
        )  # fmt: skip

    def hold(self, job_id: int, reason: str) -> None:
        """Keep a job where it is until a person decides; `reason` is shown."""
        self._connection.execute("UPDATE jobs SET held = ? WHERE job_id = ?", (reason, job_id))

    def dispute(self, job_id: int, reason: str) -> None:
        """Put a submitted job in doubt: its request_id turned out not to be its own."""
        self._connection.execute(
            "UPDATE jobs SET request_id = NULL, error = ?, held = ? WHERE job_id = ?",
            (reason, reason, job_id),
        )
        self._move(job_id, JobState.SUBMITTED, Event.DISPUTED)

    # -- a person's decisions -----------------------------------------------------------------

    def cancel(self, job_id: int, state: JobState, actor: Actor) -> None:
        """Take a pending or in-doubt job out."""
        self._forget_empty_look(job_id)
        self._connection.execute("UPDATE jobs SET held = NULL WHERE job_id = ?", (job_id,))
        self._move(job_id, state, Event.CANCEL, actor)

    def acknowledge(self, request_id: str, actor: Actor) -> bool:
        """Note that a person has seen a duplicate; False if there is none of that id."""
        cursor = self._connection.execute(
            "UPDATE other_requests SET acknowledged_at = ?, acknowledged_by = ?, note = ?"
            " WHERE request_id = ? AND kind = 'duplicate'",
            (self._now(), actor.name, actor.note, request_id),
        )
        return cursor.rowcount == 1

    # -- inside -------------------------------------------------------------------------------

    def _move(self, job_id: int, state: JobState, event: Event, actor: Actor | None = None) -> None:
        to_state = next_state(state, event)
        try:
            cursor = self._connection.execute(
                "INSERT INTO transitions"
                " (job_id, event, from_state, to_state, at, run_id, actor, note)"
                " SELECT job_id, ?, state, ?, ?, ?, ?, ? FROM jobs WHERE job_id = ? AND state = ?",
                (event, to_state, self._now(), self._run_id, actor and actor.name,
                 actor and actor.note, job_id, state),
            )  # fmt: skip
        except sqlite3.IntegrityError as error:
            raise IllegalTransitionError(f"job {job_id}, `{event}`: {error}") from None
        if cursor.rowcount != 1:
            raise IllegalTransitionError(f"job {job_id} is not {state}, so `{event}` cannot be")

    def _close_attempt(self, attempt_id: int, outcome: Outcome) -> None:
        cursor = self._connection.execute(
            "UPDATE attempts SET ended_at = ?, event = ?, cause = ?, http_status = ?,"
            " request_id = ?, message = ? WHERE attempt_id = ? AND event IS NULL",
            (self._now(), outcome.event, outcome.cause, outcome.http_status,
             outcome.request_id, outcome.message or None, attempt_id),
        )  # fmt: skip
        if cursor.rowcount != 1:
            raise IllegalTransitionError(f"attempt {attempt_id} is settled already")

    def _refuse_foreign_id(self, job_id: int, outcome: Outcome) -> Outcome:
        owner = self._connection.execute(
            "SELECT job_id, state, reference_id FROM jobs WHERE request_id = ? AND job_id <> ?",
            (outcome.request_id, job_id),
        ).fetchone()
        if owner is None:
            return outcome
        reason = f"the API gave request {outcome.request_id} to two rows"
        if owner[1] == JobState.SUBMITTED:
            self.dispute(owner[0], reason)
        return replace(
            outcome, event=Event.LOST, cause=Cause.PAID_WITHOUT_ID, request_id=None, message=reason
        )

    def _forget_empty_look(self, job_id: int) -> None:
        self._connection.execute("DELETE FROM empty_looks WHERE job_id = ?", (job_id,))

    def _now(self) -> str:
        return to_stored_time(self._clock.now())


def _new_job(row: Row, manifest_id: int, position: int) -> tuple[object, ...]:
    return (
        row.reference_id, row.media_key,
        cut_url(row.video_url).shown, cut_url(row.audio_url).shown,
        url_hash(row.video_url), url_hash(row.audio_url),
        manifest_id, row.source.line, position, _columns(row),
    )  # fmt: skip


def _columns(row: Row) -> str:
    return json.dumps(dict(row.columns), ensure_ascii=False, separators=(",", ":"))


def _stored(moment: datetime | None) -> str | None:
    return None if moment is None else to_stored_time(moment)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  this runs before every intent; Path.stat is slower
    except OSError:
        return None
    return found.st_dev, found.st_ino
