"""An extract of a ledger for someone else to look at: its last events, and the rows they are of.

Plain values by column, as they stand in the ledger; what may be handed on is decided elsewhere.
The manifest's own columns are not in it, and of `meta` only what tells nothing about the key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from batchdub.ledger.queries import Queries
from batchdub.ledger.schema import MEDIA_SINCE
from batchdub.ledger.views import NEEDS_A_LOOK

SQLITE_VERSION = sqlite3.sqlite_version
LAST_TRANSITIONS = 1_000
LAST_ATTEMPTS = 500
LAST_RUNS = 100
FIRST_ROWS = 500
LAST_OTHERS = 200
LAST_MANIFESTS = 100

_META = ("api", "learned_per_s", "open", "opened", "wal_lost")
_JOB = (
    "job_id, reference_id, revision, state, latest, held, manifest_id, line, position, media_key,"
    " video_url, audio_url, output_url, output_file, request_id, remote_status, error,"
    " http_status, attempts, submitted_at, finished_at, run_id"
)

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Extract:
    """One part of an extract: its rows, and of how many in all they are the last."""

    rows: tuple[Values, ...]
    total: int


def salt_of(queries: Queries) -> bytes | None:
    """Give a secret that stays with the ledger; None before a first run has made one."""
    salt = queries.meta("key_salt")
    return None if salt is None else bytes.fromhex(salt)


def _meta(queries: Queries) -> Extract:
    found = tuple({"kind": name, "value": queries.meta(name)} for name in _META)
    there = tuple(row for row in found if row["value"] is not None)
    return Extract(there, len(there))


def _counts(queries: Queries) -> Extract:
    rows = _dicts(
        queries,
        "SELECT state, latest, held IS NOT NULL AS held_rows, count(*) AS rows FROM jobs"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )
    return Extract(rows, len(rows))


def _needs_a_look(queries: Queries) -> Extract:
    rows = _dicts(
        queries,
        "SELECT job_id, reference_id, revision, state, held, error FROM jobs"
        f" WHERE {NEEDS_A_LOOK} ORDER BY manifest_id, position LIMIT {FIRST_ROWS}",
    )
    return Extract(rows, _count(queries, f"jobs WHERE {NEEDS_A_LOOK}"))


def _rows(queries: Queries) -> Extract:
    """Give the jobs that need a look, and those that the last transitions are of."""
    rows = _dicts(
        queries,
        f"SELECT {_JOB} FROM jobs WHERE job_id IN ("
        f" SELECT * FROM (SELECT job_id FROM jobs WHERE {NEEDS_A_LOOK}"
        f"  ORDER BY manifest_id, position LIMIT {FIRST_ROWS})"
        " UNION SELECT job_id FROM transitions WHERE transition_id >"
        f"  (SELECT coalesce(max(transition_id), 0) FROM transitions) - {LAST_TRANSITIONS})"
        " ORDER BY job_id",
    )
    return Extract(rows, _count(queries, "jobs"))


def _last(table: str, columns: str, order: str, most: int) -> Callable[[Queries], Extract]:
    def part(queries: Queries) -> Extract:
        newest = _dicts(
            queries, f"SELECT {columns} FROM {table} ORDER BY {order} DESC LIMIT {most}"
        )
        return Extract(newest[::-1], _count(queries, table))

    return part


def _media(queries: Queries) -> Extract:
    """Give what probes had seen before the last attempts; an older ledger has nothing of it."""
    if queries.schema_version() < MEDIA_SINCE:
        return Extract((), 0)
    probed = "attempts WHERE video_version NOT NULL OR audio_version NOT NULL"
    rows = _dicts(
        queries,
        f"SELECT attempt_id, job_id, video_version, audio_version FROM {probed}"
        f" ORDER BY attempt_id DESC LIMIT {LAST_ATTEMPTS}",
    )
    return Extract(rows[::-1], _count(queries, probed))


PARTS: Mapping[str, Callable[[Queries], Extract]] = {
    "meta": _meta,
    "counts": _counts,
    "needs-a-look": _needs_a_look,
    "runs": _last(
        "runs",
        "run_id, command, started_at, ended_at, exit_code, summary, host, pid, version",
        "started_at",
        LAST_RUNS,
    ),
    "manifests": _last(
        "manifests", "manifest_id, path, sha256, first_seen_at", "manifest_id", LAST_MANIFESTS
    ),
    "rows": _rows,
    "attempts": _last(
        "attempts",
        "attempt_id, job_id, attempt_no, run_id, intended_at, server_at, ended_at, event, cause,"
        " http_status, request_id, message",
        "attempt_id",
        LAST_ATTEMPTS,
    ),
    "media": _media,
    "transitions": _last(
        "transitions",
        "transition_id, job_id, event, from_state, to_state, at, run_id, actor, note",
        "transition_id",
        LAST_TRANSITIONS,
    ),
    "other-requests": _last(
        "other_requests",
        "request_id, reference_id, created_at, kind, job_id, seen_at, run_id, acknowledged_at,"
        " acknowledged_by, note",
        "created_at",
        LAST_OTHERS,
    ),
}
"""Each part by name, in the order in which one would read them; a damaged ledger raises."""


def reference_ids(queries: Queries) -> Iterator[tuple[str, str]]:
    """Give every reference_id of the ledger, and its row's place as file and line."""
    query = (
        "SELECT reference_id, path || ':' || line FROM jobs JOIN manifests USING (manifest_id)"
        " WHERE latest = 1 ORDER BY reference_id"
    )
    yield from ((str(reference_id), str(source)) for reference_id, source in queries.ask(query))


def _dicts(queries: Queries, query: str) -> tuple[Values, ...]:
    return tuple(queries.as_dicts(query))


def _count(queries: Queries, what: str) -> int:
    return int(next(queries.ask(f"SELECT count(*) FROM {what}"))[0])
