"""The ledger's schema, as migrations, and the guards that SQLite itself keeps.

History comes first: a change of state is a row inserted into `transitions`, and the job follows
by trigger. So no state can change unrecorded, and a move that `states.TRANSITIONS` does not have
is refused by the database whoever asks for it.

A migration that has been released is never edited; a new one is added.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from batchdub.ledger.views import VIEWS
from batchdub.states import NEXT_REVISION, TRANSITIONS, Event, JobState

APPLICATION_ID = 0x62647562  # "bdub": tells a ledger from any other SQLite file
SCHEMA_VERSION = 1
MIGRATIONS = Migrations("batchdub")

_STATES = ", ".join(f"'{state}'" for state in JobState)

_TABLES = (
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
        sha256 TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        UNIQUE (path, sha256)
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
    """CREATE TABLE attempts (
        attempt_id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs,
        attempt_no INTEGER NOT NULL CHECK (attempt_no >= 1),
        run_id TEXT NOT NULL REFERENCES runs,
        intended_at TEXT NOT NULL,
        server_at TEXT,
        ended_at TEXT,
        event TEXT,
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
    """CREATE TABLE empty_looks (
        job_id INTEGER PRIMARY KEY REFERENCES jobs,
        attempt_no INTEGER NOT NULL,
        server_at TEXT,
        wall_at TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES runs
    )""",
    """CREATE TABLE learned_rates (
        target TEXT PRIMARY KEY,
        calls REAL NOT NULL,
        window_s REAL NOT NULL,
        learned_at TEXT NOT NULL
    ) WITHOUT ROWID""",
)

_INDEXES = (
    "CREATE UNIQUE INDEX job_request ON jobs (request_id) WHERE request_id IS NOT NULL",
    "CREATE INDEX job_state ON jobs (latest, state)",
    "CREATE INDEX job_media ON jobs (media_key)",
    "CREATE INDEX job_order ON jobs (manifest_id, position)",
    "CREATE UNIQUE INDEX one_open_attempt ON attempts (job_id) WHERE event IS NULL",
    "CREATE INDEX transition_job ON transitions (job_id)",
    "CREATE INDEX duplicate_job ON other_requests (job_id)",
)


def _is_move(from_state: str, event: str, to_state: str, moves: Iterator[str]) -> str:
    listed = ", ".join(moves)
    return f"({from_state} || ' ' || {event} || ' ' || {to_state}) IN ({listed})"


def _moves(*, next_revision: bool) -> Iterator[str]:
    for (state, event), to_state in TRANSITIONS.items():
        if ((state, event) in NEXT_REVISION) is next_revision:
            yield f"'{state} {event} {to_state}'"


def guards() -> tuple[str, ...]:
    """Give the triggers that hold the transition table and the invariants, as SQL."""
    same = _is_move("NEW.from_state", "NEW.event", "NEW.to_state", _moves(next_revision=False))
    anew = _is_move("NEW.from_state", "NEW.event", "NEW.to_state", _moves(next_revision=True))
    return (
        f"""CREATE TRIGGER transition_is_legal BEFORE INSERT ON transitions
        WHEN NOT (
            {same} AND NEW.from_state = (SELECT state FROM jobs WHERE job_id = NEW.job_id)
            OR {anew} AND EXISTS (
                SELECT 1 FROM jobs AS job JOIN jobs AS before
                ON before.reference_id = job.reference_id AND before.revision = job.revision - 1
                WHERE job.job_id = NEW.job_id AND job.state = 'pending'
                AND before.state = NEW.from_state
                AND NOT EXISTS (SELECT 1 FROM transitions WHERE job_id = NEW.job_id))
        )
        BEGIN SELECT RAISE(ABORT, 'illegal transition'); END""",
        f"""CREATE TRIGGER job_follows_transition AFTER INSERT ON transitions
        WHEN {same}
        BEGIN UPDATE jobs SET state = NEW.to_state WHERE job_id = NEW.job_id; END""",
        """CREATE TRIGGER state_only_by_transition BEFORE UPDATE OF state ON jobs
        WHEN NOT EXISTS (
            SELECT 1 FROM transitions WHERE job_id = OLD.job_id
            AND transition_id = (SELECT max(transition_id) FROM transitions
                                 WHERE job_id = OLD.job_id)
            AND from_state = OLD.state AND to_state = NEW.state)
        BEGIN SELECT RAISE(ABORT, 'state changed without a transition'); END""",
        """CREATE TRIGGER job_starts_pending BEFORE INSERT ON jobs
        WHEN NEW.state <> 'pending'
        BEGIN SELECT RAISE(ABORT, 'a job starts pending'); END""",
        """CREATE TRIGGER sending_needs_intent BEFORE UPDATE OF state ON jobs
        WHEN NEW.state = 'sending' AND NOT EXISTS (
            SELECT 1 FROM attempts WHERE job_id = OLD.job_id AND event IS NULL)
        BEGIN SELECT RAISE(ABORT, 'sending without an open attempt'); END""",
        """CREATE TRIGGER sending_ends_settled BEFORE UPDATE OF state ON jobs
        WHEN OLD.state = 'sending' AND EXISTS (
            SELECT 1 FROM attempts WHERE job_id = OLD.job_id AND event IS NULL)
        BEGIN SELECT RAISE(ABORT, 'an attempt is still open'); END""",
        """CREATE TRIGGER submitted_needs_request_id BEFORE UPDATE OF state ON jobs
        WHEN NEW.state = 'submitted' AND NEW.request_id IS NULL
        BEGIN SELECT RAISE(ABORT, 'submitted without a request_id'); END""",
        """CREATE TRIGGER attempt_is_settled_once BEFORE UPDATE ON attempts
        WHEN OLD.event IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'attempt already settled'); END""",
        *_append_only("transitions", "attempts"),
    )


def _append_only(*tables: str) -> Iterator[str]:
    for table in tables:
        yield f"""CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} are kept'); END"""
    yield """CREATE TRIGGER transitions_are_final BEFORE UPDATE ON transitions
        BEGIN SELECT RAISE(ABORT, 'transitions are final'); END"""
    yield """CREATE TRIGGER jobs_are_kept BEFORE DELETE ON jobs
        BEGIN SELECT RAISE(ABORT, 'jobs are kept'); END"""


@MIGRATIONS()
def m001_first_ledger(db: Database) -> None:
    """Make the tables, their guards and the views."""
    for statement in (*_TABLES, *_INDEXES, *guards()):
        db.execute(statement)
    for name, query in VIEWS.items():
        db.create_view(name, query)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


UNSETTLED_EVENTS = (Event.ACCEPTED, Event.LOST, Event.TURNED_AWAY, Event.REFUSED)
"""Ends of an attempt after which bytes may have reached the API."""
