"""The ledger's own invariants, looked at from outside the guards that keep them.

A ledger that batchdub alone has written passes. A finding means that another program wrote into
it, that a disk changed it, or that we have a bug: in each case nothing should be sent from it
before a person has looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from batchdub.errors import LedgerUnusableError
from batchdub.ledger.media_versions import version_from
from batchdub.ledger.opening import RESTORE_HINT
from batchdub.ledger.queries import Queries
from batchdub.ledger.replay import Recorded, Step, Try, contradictions
from batchdub.ledger.schema import MEDIA_SINCE, OUTPUTS_SINCE, expected_guards
from batchdub.media_url import media_key, url_hash

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA_KEY = re.compile(r"m1:[0-9a-f]{32}")


def check_ledger(queries: Queries) -> list[str]:
    """Check every invariant; gives one sentence per finding, none for a sound ledger.

    If SQLite finds the file itself damaged only that is told, for nothing else read from it
    would mean anything. Otherwise: foreign keys, the guards and indexes, each job's state against
    its recorded history and attempts, its revisions, its request_id, its media key, its
    output file.

    The media key is derived again only where that can be done honestly: the ledger keeps URLs
    cut, and only where the hash of the whole URL is the hash of the kept one was nothing cut. The
    speaker-detection setting is part of the key but not kept, so either setting's key passes. Of
    a signed or masked URL only the key's form is checked.
    """
    with queries.moment():
        damage = list(_integrity(queries))
        if damage:
            return damage
        checks = (_foreign_keys, _schema, _histories, _revisions, _requests, _media, _outputs,
                  _versions)  # fmt: skip
        return [finding for check in checks for finding in check(queries)]


def _integrity(queries: Queries) -> Iterator[str]:
    try:
        found = [str(row[0]) for row in queries.ask("PRAGMA integrity_check(10)")]
    except LedgerUnusableError as error:
        found = [error.message]
    for verdict in found:
        if verdict != "ok":
            yield f"the file is damaged: {verdict}; {RESTORE_HINT}"


def _foreign_keys(queries: Queries) -> Iterator[str]:
    for table, row_id, parent, _ in queries.ask("PRAGMA foreign_key_check"):
        found = f"row {row_id} of `{table}` points to a row of `{parent}` that is gone"
        yield f"{found}; {RESTORE_HINT}"


def _schema(queries: Queries) -> Iterator[str]:
    expected, found = expected_guards(queries.schema_version()), queries.guards()
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"the guard `{name}` is missing: anything may have been written; {RESTORE_HINT}"
        elif name not in expected:
            yield f"`{name}` was added by another program; remove it with a SQLite tool"
        elif found[name] != expected[name]:
            yield f"the guard `{name}` was changed: anything may have been written; {RESTORE_HINT}"


def _histories(queries: Queries) -> Iterator[str]:
    steps = _by_job(queries, "SELECT job_id, event, from_state, to_state FROM transitions"
                             " ORDER BY transition_id")  # fmt: skip
    tries = _by_job(queries, "SELECT job_id, attempt_no, event, request_id FROM attempts"
                             " ORDER BY attempt_id")  # fmt: skip
    jobs = queries.ask(
        "SELECT job.job_id, job.reference_id, job.revision, job.state, job.request_id,"
        " job.attempts, before.state, EXISTS (SELECT 1 FROM other_requests"
        "  WHERE other_requests.job_id = before.job_id AND kind = 'duplicate')"
        " FROM jobs AS job LEFT JOIN jobs AS before"
        " ON before.reference_id = job.reference_id AND before.revision = job.revision - 1"
        " ORDER BY job.job_id"
    )
    for job_id, reference_id, revision, state, request_id, attempts, *before in jobs:
        state_before, ordered_before = before
        recorded = Recorded(
            revision, state, request_id, attempts,
            [Step(*step) for step in steps.get(job_id, ())],
            [Try(*attempt) for attempt in tries.get(job_id, ())],
            state_before,
            bool(ordered_before),
        )  # fmt: skip
        for problem in contradictions(recorded):
            yield _about(reference_id, revision, problem)


def _by_job(queries: Queries, query: str) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for job_id, *values in queries.ask(query):
        found.setdefault(job_id, []).append(tuple(values))
    return found


def _revisions(queries: Queries) -> Iterator[str]:
    query = (
        "SELECT reference_id, group_concat(revision, ', '), sum(latest) FROM jobs"
        " GROUP BY reference_id HAVING sum(latest) <> 1 OR count(*) <> max(revision)"
        " OR max(latest * revision) <> max(revision) ORDER BY reference_id"
    )
    for reference_id, revisions, latest in queries.ask(query):
        yield (
            f"`{reference_id}`: of its revisions {revisions}, {latest} are marked as the latest;"
            f" the highest alone must be, and none be missing; {RESTORE_HINT}"
        )


def _requests(queries: Queries) -> Iterator[str]:
    query = (
        "SELECT request_id, group_concat(reference_id, '`, `') FROM"
        " (SELECT request_id, reference_id FROM jobs WHERE request_id IS NOT NULL"
        "  UNION ALL SELECT request_id, reference_id FROM other_requests)"
        " GROUP BY request_id HAVING count(*) > 1 ORDER BY request_id"
    )
    for request_id, holders in queries.ask(query):
        yield (
            f"request {request_id} is recorded more than once, for `{holders}`; look it up at the"
            " API and see `batchdub show` of each"
        )


def _media(queries: Queries) -> Iterator[str]:
    query = (
        "SELECT reference_id, revision, media_key, video_url, audio_url, video_hash, audio_hash"
        " FROM jobs ORDER BY job_id"
    )
    for reference_id, revision, key, video, audio, video_hash, audio_hash in queries.ask(query):
        if not _MEDIA_KEY.fullmatch(key):
            yield _about(reference_id, revision, f"`{key}` is not a media key")
        elif (url_hash(video), url_hash(audio)) == (video_hash, audio_hash):
            keys = {
                media_key(video, audio, disable_speaker_detection=disabled)
                for disabled in (False, True)
            }
            if key not in keys:
                yield _about(reference_id, revision, "its media key is not that of its URLs")


def _outputs(queries: Queries) -> Iterator[str]:
    if queries.schema_version() < OUTPUTS_SINCE:
        return
    query = (
        "SELECT reference_id, revision, output_file, file, sha256, state FROM jobs"
        " LEFT JOIN outputs USING (job_id) WHERE output_file IS NOT NULL OR sha256 IS NOT NULL"
        " ORDER BY job_id"
    )
    for reference_id, revision, told, file, sha256, state in queries.ask(query):
        if state != "completed":
            yield _about(reference_id, revision, f"it is {state}, and yet has an output file")
        elif sha256 is None or told != file:
            yield _about(reference_id, revision, "its output file is not the one on record")
        elif not _SHA256.fullmatch(sha256):
            yield _about(reference_id, revision, f"`{sha256}` is not a SHA-256")


def _versions(queries: Queries) -> Iterator[str]:
    if queries.schema_version() < MEDIA_SINCE:
        return
    query = (
        "SELECT reference_id, revision, video_version, audio_version FROM attempts"
        " JOIN jobs USING (job_id) WHERE video_version NOT NULL OR audio_version NOT NULL"
        " ORDER BY attempt_id"
    )
    for reference_id, revision, *versions in queries.ask(query):
        try:
            for version in versions:
                version_from(version)
        except LedgerUnusableError:
            problem = "what its media were when it was ordered cannot be read"
            yield _about(reference_id, revision, problem)


def _about(reference_id: str, revision: int, problem: str) -> str:
    which = f"`{reference_id}`" + (f" (revision {revision})" if revision > 1 else "")
    return (
        f"{which}: {problem}; compare `batchdub show {reference_id}` with the API before anything"
        " is sent, or restore a backup"
    )
