"""The ledger's versions, and the guards that SQLite itself keeps; its tables are in `tables`.

History comes first: a change of state is a row inserted into `transitions`, and the job follows
by trigger. So no state can change unrecorded, and a move that `states.TRANSITIONS` does not have
is refused by the database whoever asks for it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator

from batchdub.ledger import output_schema
from batchdub.ledger.tables import indexes
from batchdub.states import (
    IN_PLACE_UNLESS_ORDERED,
    NEXT_REVISION,
    TRANSITIONS,
    Event,
    JobState,
)

APPLICATION_ID = 0x62647562  # "bdub": tells a ledger from any other SQLite file
SCHEMA_VERSION = 8
COSTS_SINCE = 2
"""The first version whose attempts have a cost."""
OUTPUTS_SINCE = 3
"""The first version that knows downloaded files."""
MEDIA_SINCE = 5
"""The first version whose attempts have the versions of their media."""
PROBLEMS_SINCE = 8
"""The first version that keeps why a dub could not be had."""
_WAYS_BACK_SINCE = 4
_WAYS_BACK = frozenset(
    {
        (JobState.CANCELLED, Event.RETRY),
        (JobState.FAILED, Event.REORDER),
        (JobState.REJECTED, Event.REORDER),
    }
)
"""Moves that the guards of older versions do not know."""
_APART_SINCE = 6
"""The first version that puts back only the latest revision, if no order of it is known."""
_OBJECT = re.compile(r"CREATE (?:UNIQUE )?(TRIGGER|INDEX) (\w+)")

# Where a transition from `cancelled` begins a revision, the one before was taken out.
_TAKEN_OUT = """(
                    SELECT before.job_id FROM jobs AS job JOIN jobs AS before
                    ON before.reference_id = job.reference_id AND before.revision <= job.revision
                    WHERE job.job_id = NEW.job_id AND before.state = 'cancelled'
                    ORDER BY before.revision DESC LIMIT 1)"""


def _moves(version: int) -> Iterator[tuple[JobState, Event, JobState]]:
    """Give the moves of the table as a version knows it."""
    for (state, event), to_state in TRANSITIONS.items():
        if version >= _WAYS_BACK_SINCE or (state, event) not in _WAYS_BACK:
            yield state, event, to_state


def _is_move(version: int, which: Callable[[tuple[JobState, Event]], bool]) -> str:
    """Give the condition that a new transition is one of these of the table's moves.

    Compared one by one: for an IN list SQLite would fill a table of its own at each transition.
    """
    moves = [
        f"NEW.event = '{event}' AND NEW.from_state = '{state}' AND NEW.to_state = '{to_state}'"
        for state, event, to_state in _moves(version)
        if which((state, event))
    ]
    return f"({' OR '.join(moves)})"


def guards(version: int = SCHEMA_VERSION) -> tuple[str, ...]:
    """Give the triggers that hold the transition table and the invariants, as SQL."""
    attempts = _attempt_guards(version)
    outputs = (output_schema.GUARD,) if version >= OUTPUTS_SINCE else ()
    return (
        *_transition_guards(version),
        *_job_guards(version),
        *attempts,
        *_request_guards(),
        *outputs,
    )


def expected_guards(version: int = SCHEMA_VERSION) -> dict[str, str]:
    """Give what must stand in a ledger's `sqlite_master`: triggers and indexes by name."""
    return dict(map(named, (*guards(version), *indexes(version))))


def present_guards(connection: sqlite3.Connection) -> dict[str, str]:
    """Give the triggers and indexes that do stand there, also those of other programs."""
    query = (
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND type IN ('trigger', 'index') AND tbl_name <> '_sqlite_migrations'"
    )
    return dict(named(row[0]) for row in connection.execute(query))


def named(sql: str) -> tuple[str, str]:
    """Give a statement's name for the thing that it makes, and its text in single spaces."""
    words = " ".join(sql.split())
    match = _OBJECT.match(words)
    # What other programs make may be written in any other way; it only needs some name.
    return (match[2] if match else words[:60]), words


def _transition_guards(version: int) -> Iterator[str]:
    same = _is_move(version, lambda move: move not in NEXT_REVISION)
    # A further revision is bought on purpose: it moves only after the decision is on record.
    yield f"""CREATE TRIGGER transition_is_legal BEFORE INSERT ON transitions
        WHEN NOT (
            {same} AND EXISTS (
                SELECT 1 FROM jobs WHERE job_id = NEW.job_id AND state = NEW.from_state
                AND (revision = 1
                     OR EXISTS (SELECT 1 FROM transitions WHERE job_id = NEW.job_id)))
            OR {_begins_revision(version)}
        )
        BEGIN SELECT RAISE(ABORT, 'illegal transition'); END"""
    yield """CREATE TRIGGER transition_matches_attempt BEFORE INSERT ON transitions
        WHEN NEW.from_state = 'sending' AND NEW.event IS NOT (
            SELECT event FROM attempts WHERE job_id = NEW.job_id
            ORDER BY attempt_no DESC LIMIT 1)
        BEGIN SELECT RAISE(ABORT, 'the attempt has not ended so'); END"""
    if version >= _WAYS_BACK_SINCE:
        taken_out = _TAKEN_OUT if version >= _APART_SINCE else "NEW.job_id"
        yield _refuse("doubtful_stays_cancelled", "INSERT ON transitions",
            "the job was in doubt when it was taken out", f"""
            NEW.from_state = 'cancelled' AND (
                SELECT from_state FROM transitions WHERE job_id = {taken_out}
                ORDER BY transition_id DESC LIMIT 1) IS NOT 'pending'""")  # fmt: skip
    if version >= _APART_SINCE:
        yield _refuse("ordered_gives_way", "INSERT ON transitions",
            "it was ordered after all, or has a later revision", f"""
            NEW.event = 'retry' AND EXISTS (
                SELECT 1 FROM jobs WHERE job_id = NEW.job_id AND state = NEW.from_state
                AND (latest = 0 OR {_ordered_after_all("NEW.job_id")}))""")  # fmt: skip
    still = " AND state = NEW.from_state" if version >= _APART_SINCE else ""
    yield f"""CREATE TRIGGER job_follows_transition AFTER INSERT ON transitions
        WHEN {same}
        BEGIN UPDATE jobs SET state = NEW.to_state WHERE job_id = NEW.job_id{still}; END"""
    yield _refuse("transitions_are_final", "UPDATE ON transitions", "transitions are final")
    yield _refuse("transitions_are_kept", "DELETE ON transitions", "transitions are kept")


def _begins_revision(version: int) -> str:
    """Give the condition that a new transition rightly begins the revision of its job."""
    upon = """EXISTS (
                SELECT 1 FROM jobs AS job JOIN jobs AS before
                ON before.reference_id = job.reference_id AND before.revision = job.revision - 1
                WHERE job.job_id = NEW.job_id AND job.state = 'pending'
                AND before.state = NEW.from_state
                AND NOT EXISTS (SELECT 1 FROM transitions WHERE job_id = NEW.job_id)"""
    always = _is_move(version, lambda move: move in NEXT_REVISION)
    if version < _APART_SINCE:
        return f"{always} AND {upon})"
    unless = _is_move(version, lambda move: move in IN_PLACE_UNLESS_ORDERED)
    ordered = _ordered_after_all("before.job_id")
    return (
        f"{always} AND {upon})\n            OR {unless} AND {upon}\n                AND {ordered})"
    )


def _ordered_after_all(job_id: str) -> str:
    """Give the condition that an order is known beside a job's own."""
    return (
        f"EXISTS (SELECT 1 FROM other_requests WHERE other_requests.job_id = {job_id}"
        " AND kind = 'duplicate')"
    )


def _job_guards(version: int) -> Iterator[str]:
    begins = NEXT_REVISION | (IN_PLACE_UNLESS_ORDERED if version >= _APART_SINCE else frozenset())
    ended = {state for state, event, _ in _moves(version) if (state, event) in begins}
    gives_way = ", ".join(sorted(f"'{state}'" for state in ended))
    yield _refuse("job_starts_pending", "INSERT ON jobs", "a job starts pending",
        "NEW.state <> 'pending' OR NEW.request_id IS NOT NULL OR NEW.attempts <> 0")  # fmt: skip
    yield _refuse("one_latest_job", "INSERT ON jobs", "the row has a later or open revision", """
        NEW.latest = 0
        OR EXISTS (SELECT 1 FROM jobs WHERE reference_id = NEW.reference_id
                   AND (latest = 1 OR revision >= NEW.revision))
        OR NEW.revision > 1 AND NOT EXISTS (
            SELECT 1 FROM jobs WHERE reference_id = NEW.reference_id
            AND revision = NEW.revision - 1)""")  # fmt: skip
    yield _refuse("revision_gives_way", "UPDATE OF latest ON jobs",
        "only an ended order gives way to a next revision",
        f"NEW.latest <> OLD.latest AND NOT (NEW.latest = 0 AND OLD.state IN ({gives_way}))",
    )  # fmt: skip
    yield _refuse("state_only_by_transition", "UPDATE OF state ON jobs",
        "state changed without a transition", """
        NOT EXISTS (
            SELECT 1 FROM transitions WHERE job_id = OLD.job_id
            AND transition_id = (SELECT max(transition_id) FROM transitions
                                 WHERE job_id = OLD.job_id)
            AND from_state = OLD.state AND to_state = NEW.state)""")  # fmt: skip
    yield _refuse("job_identity_is_fixed", "UPDATE OF job_id, reference_id, revision ON jobs",
        "a job keeps its identity")  # fmt: skip
    yield _refuse("media_are_fixed", "UPDATE OF media_key ON jobs",
        "a job that was tried keeps its media",
        "NEW.media_key <> OLD.media_key AND (OLD.attempts > 0 OR OLD.state <> 'pending')",
    )  # fmt: skip
    yield _refuse("jobs_are_kept", "DELETE ON jobs", "jobs are kept")


def _attempt_guards(version: int) -> Iterator[str]:
    intent = "attempt_id, job_id, attempt_no, run_id, intended_at, server_at"
    intent += ", cost, currency" if version >= COSTS_SINCE else ""
    intent += ", video_version, audio_version" if version >= MEDIA_SINCE else ""
    yield _refuse("attempt_starts_open", "INSERT ON attempts", "an attempt starts open", """
        NEW.event IS NOT NULL OR NEW.request_id IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM jobs WHERE job_id = NEW.job_id AND state = 'pending'
                       AND attempts = NEW.attempt_no - 1)""")  # fmt: skip
    yield _refuse("attempt_is_settled_once", "UPDATE ON attempts", "attempt already settled",
        "OLD.event IS NOT NULL")  # fmt: skip
    yield _refuse("intent_is_fixed",
        f"UPDATE OF {intent} ON attempts", "an intent is final")  # fmt: skip
    yield _refuse("sending_needs_intent", "UPDATE OF state ON jobs",
        "sending without an open attempt", """
        NEW.state = 'sending' AND NOT EXISTS (
            SELECT 1 FROM attempts WHERE job_id = OLD.job_id AND event IS NULL)""")  # fmt: skip
    yield _refuse("attempts_are_kept", "DELETE ON attempts", "attempts are kept")


def _request_guards() -> Iterator[str]:
    yield _refuse("submitted_needs_request_id", "UPDATE OF state ON jobs",
        "submitted without a request_id",
        "NEW.state = 'submitted' AND NEW.request_id IS NULL")  # fmt: skip
    yield _refuse("order_keeps_request_id", "UPDATE OF request_id ON jobs",
        "an order keeps its request_id", """
        OLD.request_id IS NOT NULL AND NEW.request_id IS NOT OLD.request_id
        AND OLD.state <> 'in_doubt'""")  # fmt: skip
    yield _refuse("request_is_not_another", "UPDATE OF request_id ON jobs",
        "the request is recorded as another",
        "EXISTS (SELECT 1 FROM other_requests WHERE request_id = NEW.request_id)",
    )  # fmt: skip
    yield _refuse("other_is_no_order", "INSERT ON other_requests",
        "the request is the order of a job",
        "EXISTS (SELECT 1 FROM jobs WHERE request_id = NEW.request_id)",
    )  # fmt: skip


def _refuse(name: str, what: str, why: str, when: str = "") -> str:
    condition = f"\n        WHEN {when.strip()}" if when else ""
    return f"""CREATE TRIGGER {name} BEFORE {what}{condition}
        BEGIN SELECT RAISE(ABORT, '{why}'); END"""
