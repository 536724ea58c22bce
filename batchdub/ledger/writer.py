"""Committing: one change at a time or many under one commit, and the one way a job moves.

What has been committed is on disk. A method changes one thing and expects an open transaction;
`transaction` opens one for a single caller, `apply_group` runs many changes under one commit.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from batchdub.clock import Clock
from batchdub.errors import IllegalTransitionError, LedgerUnusableError
from batchdub.ledger import opening
from batchdub.ledger.marks import mark_closed
from batchdub.ledger.queries import Queries
from batchdub.media_url import identity_of, shown_url, url_hash
from batchdub.models import MediaLook, Row
from batchdub.states import Event, JobState, next_state
from batchdub.units import to_stored_time

T = TypeVar("T")

_CLOSING_PATIENCE_MS = 1_000
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NEW_JOB = (
    "INSERT INTO jobs (reference_id, revision, media_key, video_url, audio_url, video_hash,"
    " audio_hash, manifest_id, line, position, columns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who decided, and why; recorded with the transition."""

    name: str
    note: str


class Writer(Queries):
    """A ledger open for writing: its commits, its runs and its rows."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open or create the ledger. Raises LedgerUnusableError."""
        super().__init__(opening.open_writer(path), path)
        self._clock = clock
        self._run_id: str | None = None
        self._inode = _inode(path)

    # -- transactions -------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside at its end, or nothing of it.

        Raises LedgerWriteError if the disk refuses: then nothing of it is there, and this process
        must not try again. A guard of the ledger that refuses raises IllegalTransitionError.
        """
        with opening.told_plainly(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def apply_group(self, changes: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Run several changes under one commit; each stands or falls alone.

        Gives, in order, what each change returned, or the IllegalTransitionError it raised. Any
        other error undoes the whole group and is raised. If one of them is refused all are run
        again, so a change must do nothing but write into the ledger.
        """
        with self.transaction():
            try:
                return [change() for change in changes]
            except (IllegalTransitionError, sqlite3.IntegrityError):
                # A savepoint for each costs a seventh of all that the ledger does, and is hardly
                # ever needed.
                self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN IMMEDIATE")
            return [self._apply_alone(change) for change in changes]

    def _apply_alone(self, change: Callable[[], T]) -> T | Exception:
        result: T | Exception
        self._connection.execute("SAVEPOINT change")
        try:
            result = change()
        except (IllegalTransitionError, sqlite3.IntegrityError) as error:
            self._connection.execute("ROLLBACK TO change")
            result = IllegalTransitionError(str(error))
        self._connection.execute("RELEASE change")
        return result

    def _roll_back(self) -> None:
        # After a full disk SQLite has rolled back by itself; a second error would hide the first.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

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
        """Fold the WAL into the ledger and close it, so that the bare file can be copied.

        If a reader is still there the WAL stays beside the ledger, and nothing is lost.
        """
        with suppress(sqlite3.Error):
            self._connection.execute(f"PRAGMA busy_timeout = {_CLOSING_PATIENCE_MS}")
            mark_closed(self._connection)
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

    def remember_media(self, url: str, look: MediaLook) -> None:
        """Keep what a look at a medium showed: who answered, and which version of the file it is.

        Of the link only hashes are kept. A look without an answer leaves the last one as it is.
        """
        if look.status is None:
            return
        self._connection.execute(
            "INSERT INTO media (media_hash, link_hash, status, content_type, bytes, etag,"
            " last_modified, checked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (media_hash) DO UPDATE SET link_hash = excluded.link_hash,"
            " status = excluded.status, content_type = excluded.content_type,"
            " bytes = excluded.bytes, etag = excluded.etag,"
            " last_modified = excluded.last_modified, checked_at = excluded.checked_at",
            (url_hash(identity_of(url)), url_hash(url), look.status, look.content_type,
             look.length, look.etag, look.last_modified, self._now()),
        )  # fmt: skip

    def remember_manifest(self, path: str, sha256: str) -> int:
        """Give the id of a manifest's content, recording it when it is new.

        `path` is shown as it was given; its absolute form lets `resume` find the file again.
        """
        location = _as_text(os.path.abspath(path))  # noqa: PTH100  as named, links not followed
        path = _as_text(path)
        self._connection.execute(
            "INSERT INTO manifests (path, location, sha256, first_seen_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (location, sha256) DO UPDATE SET path = excluded.path",
            (path, location, sha256, self._now()),
        )
        row = self._one(
            "SELECT manifest_id FROM manifests WHERE location = ? AND sha256 = ?",
            (location, sha256),
        )
        return int(row[0])

    def add_rows(self, rows: Iterable[tuple[Row, int, int]]) -> None:
        """Record new rows as pending jobs; each comes with its manifest_id and position.

        The URLs are kept cut, with a hash of the whole: signatures stay out of the ledger.
        """
        self._connection.executemany(
            _NEW_JOB,
            (_new_job(row, 1, manifest_id, position) for row, manifest_id, position in rows),
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

    def replace_media(self, rows: Iterable[Row]) -> None:
        """Take other media for jobs that were never sent: nothing was ordered under the old."""
        self._connection.executemany(
            "UPDATE jobs SET media_key = ?, video_url = ?, audio_url = ?, video_hash = ?,"
            " audio_hash = ? WHERE reference_id = ? AND latest = 1 AND +state = 'pending'"
            " AND attempts = 0",
            ((*_media(row), row.reference_id) for row in rows),
        )

    # -- inside -------------------------------------------------------------------------------

    def _insert_revision(self, row: Row, revision: int, manifest_id: int, position: int) -> int:
        values = _new_job(row, revision, manifest_id, position)
        job_id = self._connection.execute(_NEW_JOB, values).lastrowid
        assert job_id is not None  # noqa: S101  an INSERT that did not raise has a row id
        return job_id

    def _move(self, job_id: int, state: JobState, event: Event, actor: Actor | None = None) -> None:
        to_state = next_state(state, event)
        known = self._maybe("SELECT state FROM jobs WHERE job_id = ?", (job_id,))
        if known is None or known[0] != state:
            raise IllegalTransitionError(f"job {job_id} is not {state}, so `{event}` cannot be")
        self._record(job_id, event, state, to_state, actor=actor)

    def _record(
        self,
        job_id: int,
        event: Event,
        state: JobState,
        to_state: JobState,
        *,
        actor: Actor | None = None,
        at: str = "",
    ) -> None:
        """Insert the transition; the job follows by trigger, and the guards have the last word.

        `at` is the stored time of it, now unless it is given.
        """
        try:
            self._connection.execute(
                "INSERT INTO transitions"
                " (job_id, event, from_state, to_state, at, run_id, actor, note)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                # Plain text: SQLite's adapters take their time over an enum.
                (job_id, event.value, state.value, to_state.value, at or self._now(), self._run_id,
                 actor and actor.name, actor and actor.note),
            )  # fmt: skip
        except sqlite3.IntegrityError as error:
            raise IllegalTransitionError(f"job {job_id}, `{event}`: {error}") from None

    def _now(self) -> str:
        return to_stored_time(self._clock.now())


def _new_job(row: Row, revision: int, manifest_id: int, position: int) -> tuple[object, ...]:
    place = (manifest_id, row.source.line, position)
    return (row.reference_id, revision, *_media(row), *place, _columns(row))


def _media(row: Row) -> tuple[str, ...]:
    """Give key, cut URLs and whole hashes: signatures themselves stay out of the ledger."""
    return (
        row.media_key,
        shown_url(row.video_url),
        shown_url(row.audio_url),
        url_hash(row.video_url),
        url_hash(row.audio_url),
    )


def _columns(row: Row) -> str:
    return _ENCODER.encode(dict(row.columns))


def _as_text(path: str) -> str:
    """Give a path as it is written on disk, where Python reads it in a narrower encoding."""
    return os.fsencode(path).decode()


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  this runs before every intent; Path.stat is slower
    except OSError:
        return None
    return found.st_dev, found.st_ino
