"""The ledger's tables and indexes, as SQL, and what their own CHECKs would not let in."""

from __future__ import annotations

from batchdub.ledger import output_schema
from batchdub.ledger.views import NEEDS_A_LOOK
from batchdub.states import TRANSITIONS, JobState

_STATES = ", ".join(f"'{state}'" for state in JobState)
_ENDS = ", ".join(f"'{event}'" for state, event in TRANSITIONS if state is JobState.SENDING)

# As they were at schema 1; what came later is added by a migration.
TABLES = (
    """CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        command TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        exit_code INTEGER,
        summary TEXT,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        version TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE manifests (
        manifest_id INTEGER PRIMARY KEY,
        path TEXT NOT NULL,
        location TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        UNIQUE (location, sha256)
    )""",
    f"""CREATE TABLE jobs (
        job_id INTEGER PRIMARY KEY,
        reference_id TEXT NOT NULL,
        revision INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ({_STATES})),
        latest INTEGER NOT NULL DEFAULT 1 CHECK (latest IN (0, 1)),
        held TEXT,
        media_key TEXT NOT NULL,
        video_url TEXT NOT NULL,
        audio_url TEXT NOT NULL,
        video_hash TEXT NOT NULL,
        audio_hash TEXT NOT NULL,
        manifest_id INTEGER NOT NULL REFERENCES manifests,
        line INTEGER NOT NULL,
        position INTEGER NOT NULL,
        columns TEXT NOT NULL DEFAULT '{{}}',
        request_id TEXT,
        remote_status TEXT,
        error TEXT,
        http_status INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        submitted_at TEXT,
        finished_at TEXT,
        output_url TEXT,
        output_file TEXT,
        run_id TEXT REFERENCES runs,
        UNIQUE (reference_id, revision)
    )""",
    f"""CREATE TABLE attempts (
        attempt_id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs,
        attempt_no INTEGER NOT NULL CHECK (attempt_no >= 1),
        run_id TEXT NOT NULL REFERENCES runs,
        intended_at TEXT NOT NULL,
        server_at TEXT,
        ended_at TEXT,
        event TEXT CHECK (event IN ({_ENDS})),
        cause TEXT,
        http_status INTEGER,
        request_id TEXT,
        message TEXT,
        UNIQUE (job_id, attempt_no)
    )""",
    f"""CREATE TABLE transitions (
        transition_id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs,
        event TEXT NOT NULL,
        from_state TEXT NOT NULL CHECK (from_state IN ({_STATES})),
        to_state TEXT NOT NULL CHECK (to_state IN ({_STATES})),
        at TEXT NOT NULL,
        run_id TEXT REFERENCES runs,
        actor TEXT,
        note TEXT
    )""",
    """CREATE TABLE other_requests (
        request_id TEXT PRIMARY KEY,
        reference_id TEXT NOT NULL,
        created_at TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('duplicate', 'not_ours')),
        job_id INTEGER REFERENCES jobs,
        seen_at TEXT NOT NULL,
        run_id TEXT REFERENCES runs,
        acknowledged_at TEXT,
        acknowledged_by TEXT,
        note TEXT
    ) WITHOUT ROWID""",
    """CREATE TABLE media (
        media_hash TEXT PRIMARY KEY,
        link_hash TEXT NOT NULL,
        status INTEGER NOT NULL,
        content_type TEXT NOT NULL,
        bytes INTEGER,
        etag TEXT NOT NULL,
        last_modified TEXT NOT NULL,
        checked_at TEXT NOT NULL
    ) WITHOUT ROWID""",
)

SHORT_MEDIA_SINCE = 7
SHORT_MEDIA = "substr(media_key, 4, 6)"
"""What the index of media is of: enough of a hash to find a few jobs of many by, a third as large.

A question compares the whole key as well. Older ledgers have an index of whole keys.
"""
_INDEXES = (
    "CREATE UNIQUE INDEX job_request ON jobs (request_id) WHERE request_id IS NOT NULL",
    # Partial, since nearly every job is the latest: an index that begins with `latest` would draw
    # every question to itself, and read a million jobs to find one. `latest` comes last so that
    # counting reads the index alone.
    "CREATE INDEX job_state ON jobs (state, held, latest) WHERE latest = 1",
    f"CREATE INDEX job_media ON jobs ({SHORT_MEDIA})",
    "CREATE INDEX job_order ON jobs (manifest_id, position) WHERE latest = 1",
    f"CREATE INDEX job_attention ON jobs (manifest_id, position) WHERE {NEEDS_A_LOOK}",
    "CREATE UNIQUE INDEX one_open_attempt ON attempts (job_id) WHERE event IS NULL",
    "CREATE INDEX attempt_request ON attempts (request_id) WHERE request_id IS NOT NULL",
    "CREATE INDEX transition_job ON transitions (job_id)",
    "CREATE INDEX duplicate_job ON other_requests (job_id)",
)


COLUMNS = {
    "meta": "name value",
    "runs": "run_id command started_at ended_at exit_code summary host pid version",
    "manifests": "manifest_id path location sha256 first_seen_at",
    "jobs": "job_id reference_id revision state latest held media_key video_url audio_url"
    " video_hash audio_hash manifest_id line position columns request_id remote_status error"
    " http_status attempts submitted_at finished_at output_url output_file run_id",
    "attempts": "attempt_id job_id attempt_no run_id intended_at server_at ended_at event cause"
    " http_status request_id message cost currency video_version audio_version",
    "transitions": "transition_id job_id event from_state to_state at run_id actor note",
    "other_requests": "request_id reference_id created_at kind job_id seen_at run_id"
    " acknowledged_at acknowledged_by note",
    "media": "media_hash link_hash status content_type bytes etag last_modified checked_at",
    "outputs": "job_id file validator bytes kept sha256 modified_ns downloaded_at run_id problem",
}
"""The columns of each table in this version's ledger, after all migrations."""


def indexes(version: int = SHORT_MEDIA_SINCE) -> tuple[str, ...]:
    """Give a version's indexes, as SQL; the unique ones are invariants too."""
    if version >= SHORT_MEDIA_SINCE:
        return _INDEXES
    return tuple(each.replace(SHORT_MEDIA, "media_key") for each in _INDEXES)


def short_media(media_key: str) -> str:
    """Give what `SHORT_MEDIA` is of a media key."""
    return media_key[3:9]


def strange_values() -> dict[str, str]:
    """Give, for each table, the question for rows that its own CHECKs would not let in."""
    return {
        "jobs": f"SELECT 1 FROM jobs WHERE state NOT IN ({_STATES}) OR revision < 1"
        " OR latest NOT IN (0, 1) LIMIT 1",
        "attempts": f"SELECT 1 FROM attempts WHERE event NOT IN ({_ENDS}) OR attempt_no < 1"
        " OR cost < 0 LIMIT 1",
        "transitions": f"SELECT 1 FROM transitions WHERE from_state NOT IN ({_STATES})"
        f" OR to_state NOT IN ({_STATES}) LIMIT 1",
        "other_requests": "SELECT 1 FROM other_requests WHERE kind NOT IN ('duplicate', 'not_ours')"
        " LIMIT 1",
        "outputs": output_schema.STRANGE,
    }
