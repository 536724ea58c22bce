"""`ledger check` finds each kind of damage, says it in plain words, and finds nothing else."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from batchdub.ledger import Queries, check_ledger, open_for_reading
from batchdub.ledger.replay import Recorded, Step, Try, contradictions
from batchdub.media_url import media_key
from batchdub.models import Cause, Outcome
from batchdub.states import Event, JobState
from tests.ledger.support import (
    ENDS,
    PERSON,
    accepted,
    add_jobs,
    attempt,
    bring_to,
    make_row,
    open_ledger,
    remote,
    tamper,
)


@pytest.fixture
def sound(path):
    """A closed ledger with a job in each state, named after it, and one of two revisions."""
    with open_ledger(path) as ledger:
        jobs = dict(zip(JobState, add_jobs(ledger, *JobState), strict=True))
        for state, job_id in jobs.items():
            bring_to(ledger, job_id, state)
        [again] = add_jobs(ledger, "again")
        bring_to(ledger, again, JobState.FAILED)
        with ledger.transaction():
            ledger.next_revision(
                again, Event.RETRY, PERSON, make_row("again"), manifest_id=1, position=1
            )
            ledger.record_other(again, remote("other"), "duplicate")
    return path


def findings(path):
    with open_for_reading(path) as reader:
        return check_ledger(reader)


def damage(path, *statements):
    """Write around the guards, then put them back, so that only the damage itself is left."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        kept = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in kept:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in kept:
            connection.execute(sql)


def test_a_sound_ledger_has_no_findings(sound):
    """Every state, a second revision and a duplicate are all in order."""
    assert findings(sound) == []


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param(
            ["UPDATE jobs SET state = 'pending' WHERE reference_id = 'in_doubt'"],
            ["`in_doubt`: it is pending, but its history ends in in_doubt"],
            id="a state that its history does not reach",
        ),
        pytest.param(
            ["UPDATE transitions SET from_state = 'in_doubt' WHERE event = 'completed'"],
            ["`completed`: its history breaks: `completed` starts from in_doubt, not submitted"],
            id="a chain that breaks",
        ),
        pytest.param(
            ["UPDATE transitions SET to_state = 'cancelled' WHERE event = 'completed'"],
            ["`completed`: its history has an illegal move: submitted, `completed`, cancelled"],
            id="a move that is not in the table",
        ),
        pytest.param(
            ["DELETE FROM transitions WHERE event = 'cancel'"],
            ["`cancelled`: it is cancelled, but its history ends in pending"],
            id="a transition that is gone",
        ),
        pytest.param(
            ["DELETE FROM transitions WHERE event = 'retry'"],
            ["`again` (revision 2): no recorded decision begins this revision"],
            id="a revision that nobody decided",
        ),
        pytest.param(
            ["DELETE FROM attempts WHERE request_id = 'request-4'"],
            [
                "`submitted`: it counts 1 attempts, but 0 are recorded",
                "`submitted`: its attempts and its history tell different things",
                "`submitted`: its request_id is not the one that its attempt was given",
            ],
            id="an attempt that is gone",
        ),
        pytest.param(
            ["UPDATE jobs SET attempts = 3 WHERE reference_id = 'rejected'"],
            ["`rejected`: it counts 3 attempts, but 1 are recorded"],
            id="a wrong count of attempts",
        ),
        pytest.param(
            ["UPDATE attempts SET attempt_no = 2 WHERE event = 'refused'"],
            ["`rejected`: its attempts are not numbered 1, 2, 3 and so on"],
            id="an attempt left out",
        ),
        pytest.param(
            ["UPDATE attempts SET event = 'not_sent' WHERE event = 'lost'"],
            ["`in_doubt`: its attempts and its history tell different things"],
            id="an attempt that ended otherwise",
        ),
        pytest.param(
            ["UPDATE attempts SET event = 'lost' WHERE event IS NULL"],
            ["`sending`: its attempts and its history tell different things"],
            id="sending without an open attempt",
        ),
        pytest.param(
            ["UPDATE jobs SET request_id = NULL WHERE reference_id = 'completed'"],
            ["`completed`: it is completed without a request_id"],
            id="an order without an id",
        ),
        pytest.param(
            ["UPDATE jobs SET request_id = 'stray' WHERE reference_id = 'pending'"],
            ["`pending`: it is pending with a request_id"],
            id="an id without an order",
        ),
        pytest.param(
            ["UPDATE jobs SET request_id = 'changed' WHERE reference_id = 'failed'"],
            ["`failed`: its request_id is not the one that its attempt was given"],
            id="an id that was changed",
        ),
        pytest.param(
            ["UPDATE other_requests SET request_id = 'request-4'"],
            ["request request-4 is recorded more than once, for `submitted`, `S02E07-ja`"],
            id="an order that is also a duplicate",
        ),
        pytest.param(
            ["UPDATE jobs SET latest = 1"],
            ["`again`: of its revisions 1, 2, 2 are marked as the latest"],
            id="two latest revisions",
        ),
        pytest.param(
            ["UPDATE jobs SET latest = 0 WHERE reference_id = 'pending'"],
            ["`pending`: of its revisions 1, 0 are marked as the latest"],
            id="no latest revision",
        ),
        pytest.param(
            ["UPDATE jobs SET latest = 1 - latest WHERE reference_id = 'again'"],
            ["`again`: of its revisions 1, 2, 1 are marked as the latest"],
            id="an older revision as the latest",
        ),
        pytest.param(
            ["UPDATE jobs SET media_key = 'm0:1' WHERE reference_id = 'pending'"],
            ["`pending`: `m0:1` is not a media key"],
            id="a media key of no known form",
        ),
        pytest.param(
            ["UPDATE jobs SET media_key = 'm1:" + 32 * "0" + "' WHERE reference_id = 'pending'"],
            ["`pending`: its media key is not that of its URLs"],
            id="a media key of other media",
        ),
        pytest.param(
            ["DELETE FROM runs"],
            ["row 2 of `jobs` points to a row of `runs` that is gone"],
            id="a run that is gone",
        ),
    ],
)
def test_damage_is_found(sound, statements, expected):
    """Each in its own words, naming the row, and nothing beside it."""
    damage(sound, *statements)

    found = findings(sound)

    if statements == ["DELETE FROM runs"]:  # every row of that run points to it
        found = [finding for finding in found if "row 2 of `jobs`" in finding]
    assert [finding.split(";")[0] for finding in found] == expected
    assert all(re.search("restore a backup|look it up at the API", finding) for finding in found)


def test_a_guard_that_is_gone_is_found(sound):
    """Whatever was written meanwhile was not held to the rules."""
    tamper(sound, "DROP TRIGGER jobs_are_kept", "DROP INDEX job_request")

    assert [finding.split(":")[0] for finding in findings(sound)] == [
        "the guard `job_request` is missing",
        "the guard `jobs_are_kept` is missing",
    ]


def test_a_guard_that_was_changed_is_found(sound):
    """A guard of the same name that guards nothing."""
    tamper(
        sound,
        "DROP TRIGGER jobs_are_kept",
        "CREATE TRIGGER jobs_are_kept BEFORE DELETE ON jobs BEGIN SELECT 1; END",
    )

    assert [finding.split(":")[0] for finding in findings(sound)] == [
        "the guard `jobs_are_kept` was changed"
    ]


def test_what_another_program_added_is_found(sound):
    """A foreign trigger may change what we believe we wrote."""
    tamper(
        sound,
        "CREATE TRIGGER helpful AFTER INSERT ON transitions BEGIN SELECT 1; END",
        'CREATE INDEX "an index" ON jobs (line)',
    )

    assert findings(sound) == [
        f"`{name}` was added by another program; remove it with a SQLite tool"
        for name in ('CREATE INDEX "an index" ON jobs (line)', "helpful")
    ]


def test_a_damaged_file_is_the_only_finding(sound, path):
    """Of a damaged file nothing else that is read would mean anything.

    A name that its index does not know passes the quick check of a reader, not this one.
    """
    content = sound.read_bytes()
    [in_index, in_table] = [found.start() for found in re.finditer(b"again", content)][:2]
    damaged = 0
    for place in (in_index, in_table):
        sound.write_bytes(content[:place] + b"aside" + content[place + 5 :])
        found = findings(sound)
        damaged += bool(found)
        assert all(finding.startswith("the file is damaged: ") for finding in found)
    assert damaged


def test_a_file_too_damaged_to_be_read_is_a_finding_too(sound, path):
    """The check itself must not fall over what it is there to find."""
    content = bytearray(sound.read_bytes())
    content[100:4096] = bytes(3996)
    sound.write_bytes(content)

    with Queries(sqlite3.connect(sound, isolation_level=None), sound) as reader:
        found = check_ledger(reader)

    assert found
    assert all(finding.startswith("the file is damaged: ") for finding in found)


def test_signed_media_are_checked_for_form_only(path):
    """What was cut away was part of the key, and the ledger does not have it."""
    signed = make_row("a", query="?take=2&token=t0k3n")
    with open_ledger(path) as ledger, ledger.transaction():
        ledger.add_rows([(signed, ledger.remember_manifest("tonight.csv", "a" * 64), 1)])
    other = "UPDATE jobs SET media_key = 'm1:00000000000000000000000000000000'"

    damage(path, other)

    assert findings(path) == []


def test_either_speaker_setting_gives_a_good_key(path):
    """The setting is part of the key, but the ledger does not keep it."""
    row = make_row("a")
    key = media_key(row.video_url, row.audio_url, disable_speaker_detection=True)
    with open_ledger(path) as ledger, ledger.transaction():
        manifest_id = ledger.remember_manifest("tonight.csv", "a" * 64)
        ledger.add_rows([(replace(row, media_key=key), manifest_id, 1)])

    assert findings(path) == []


def test_a_long_history_is_sound(ledger, job_id):
    """Turned away, lost, absent, taken, disputed, found again and done: all of it replays."""
    for event in (Event.NOT_SENT, Event.TURNED_AWAY, Event.LOST):
        attempt(ledger, job_id, ENDS[event])
    with ledger.transaction():
        ledger.settle_absent(job_id)
    attempt(ledger, job_id, accepted("r1"))
    with ledger.transaction():
        ledger.dispute(job_id, "its id answers 404")
        ledger.adopt(job_id, JobState.IN_DOUBT, remote("r2"))
        ledger.record_status(job_id, remote("r2", "completed"), Event.COMPLETED)
    attempt(ledger, add_jobs(ledger, "paid")[0], Outcome(Event.LOST, Cause.PAID_WITHOUT_ID))

    assert check_ledger(ledger) == []


def test_a_replay_reads_any_text():
    """A damaged ledger may hold words that no batchdub ever wrote."""
    job = Recorded(
        1, "gone", None, 1, [Step("fly", "pending", "gone")], [Try(1, "fly", None)], None
    )

    assert list(contradictions(job)) == [
        "its history has an illegal move: pending, `fly`, gone",
        "its attempts and its history tell different things",
    ]


@pytest.mark.parametrize(
    ("revision", "first", "state_before"),
    [
        (2, Step("retry", "failed", "pending"), "completed"),
        (2, Step("retry", "failed", "pending"), None),
        (2, Step("retry", "rejected", "pending"), "rejected"),
        (2, Step("reorder", "completed", "sending"), "completed"),
    ],
)
def test_a_revision_begins_by_a_decision_about_the_one_before(revision, first, state_before):
    """Any other beginning is an order that nobody decided."""
    job = Recorded(revision, "pending", None, 0, [first], [], state_before)

    assert list(contradictions(job)) == ["no recorded decision begins this revision"]


def test_what_begins_a_revision_is_no_move_of_the_old_one():
    """A failed order that went back to pending in place would be paid twice under one name."""
    steps = [
        Step("found", "pending", "submitted"),
        Step("failed", "submitted", "failed"),
        Step("retry", "failed", "pending"),
    ]
    job = Recorded(1, "pending", None, 0, steps, [], None)

    assert list(contradictions(job)) == [
        "its history has an illegal move: failed, `retry`, pending"
    ]
