"""What an order was made from: on record with its intent, and unknown where nobody looked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batchdub.errors import IllegalTransitionError, LedgerUnusableError
from batchdub.ledger import check_ledger, open_for_reading
from batchdub.ledger.media_versions import ordered_media, version_from
from batchdub.models import MediaVersion
from batchdub.states import Event, JobState
from tests.ledger.support import (
    ENDS,
    PERSON,
    START,
    accepted,
    add_jobs,
    make_row,
    open_ledger,
    remote,
    tamper,
)

VIDEO = MediaVersion("c0ffee", False, START - timedelta(days=1), 1000, START)
OLD, NEW = (MediaVersion(tag, True, None, None, START) for tag in ("0", "1"))


@pytest.fixture
def ledger(path):
    with open_ledger(path) as opened:
        yield opened


def send(ledger, job_id, outcome, *media):
    with ledger.transaction():
        begun = ledger.begin_attempt(job_id, START, None, media or (None, None))
    with ledger.transaction():
        ledger.end_attempt(begun, outcome)


def audio_of(ledger, name="a"):
    return [each.audio for each in ordered_media(ledger, [name]).get(name, ())]


def test_an_order_keeps_what_its_media_were(ledger):
    """Everything that was seen comes back, with the time of the intent."""
    (job_id,) = add_jobs(ledger, "a")
    assert ordered_media(ledger, ["a"]) == {}
    send(ledger, job_id, accepted("r"), VIDEO, OLD)

    [found] = ordered_media(ledger, ["a", "b"])["a"]

    assert (found.video, found.audio) == (VIDEO, OLD)
    assert (found.key, found.state) == (("a", 1), JobState.SUBMITTED)
    assert found.media_key == make_row("a").media_key
    assert found.sent_at > START
    assert check_ledger(ledger) == []


def test_no_later_probe_can_change_it(ledger):
    """It is part of the intent, and SQLite itself holds it."""
    (job_id,) = add_jobs(ledger, "a")
    with ledger.transaction():
        begun = ledger.begin_attempt(job_id, START, None, (VIDEO, OLD))
    _require_final(ledger)
    with ledger.transaction():
        ledger.end_attempt(begun, accepted("r"))
    _require_final(ledger)

    assert audio_of(ledger) == [OLD]


def _require_final(ledger):
    for column in ("video_version", "audio_version"):
        change = f"UPDATE attempts SET {column} = NULL"  # noqa: S608  one of two words
        with (
            pytest.raises(IllegalTransitionError, match="an intent is final"),
            ledger.transaction(),
        ):
            ledger._connection.execute(change)


def test_the_try_that_was_taken_counts(ledger):
    """What an earlier, refused one saw was another day's."""
    (job_id,) = add_jobs(ledger, "a")
    send(ledger, job_id, ENDS[Event.TURNED_AWAY], VIDEO, OLD)
    send(ledger, job_id, accepted("r"), VIDEO, NEW)

    assert audio_of(ledger) == [NEW]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [((OLD,), OLD), ((OLD, OLD), OLD), ((OLD, NEW), None), ((OLD, None), None), ((None,), None)],
)
def test_of_an_order_that_was_found_only_what_all_its_tries_saw_is_told(ledger, versions, expected):
    """Nobody knows which of them it was; one that never left was none."""
    (job_id,) = add_jobs(ledger, "a")
    send(ledger, job_id, ENDS[Event.NOT_SENT], VIDEO, NEW)
    for version in versions:
        send(ledger, job_id, ENDS[Event.TURNED_AWAY], VIDEO, version)
    with ledger.transaction():
        ledger.adopt(job_id, JobState.PENDING, remote("r", reference_id="a"))

    assert audio_of(ledger) == [expected]


def test_each_revision_has_its_own(ledger):
    """The latest comes last."""
    (job_id,) = add_jobs(ledger, "a")
    send(ledger, job_id, accepted("r"), VIDEO, OLD)
    with ledger.transaction():
        ledger.record_status(job_id, remote("r", "completed"), Event.COMPLETED)
    with ledger.transaction():
        anew = ledger.next_revision(
            job_id, Event.REORDER, PERSON, make_row("a"), manifest_id=1, position=1
        )
    send(ledger, anew, accepted("s"), None, NEW)

    assert audio_of(ledger) == [OLD, NEW]


def test_a_restored_row_has_none(ledger):
    """`ledger rebuild` finds orders, and not what they were made from."""
    (job_id,) = add_jobs(ledger, "a")
    with ledger.transaction():
        ledger.adopt(job_id, JobState.PENDING, remote("r", reference_id="a"))

    assert ordered_media(ledger, ["a"]) == {}


def test_a_damaged_version_is_found_and_told(ledger, path):
    """And is no change."""
    (job_id,) = add_jobs(ledger, "a")
    send(ledger, job_id, accepted("r"), VIDEO, OLD)
    ledger.close()
    guard = "DROP TRIGGER attempt_is_settled_once", "DROP TRIGGER intent_is_fixed"
    tamper(path, *guard, "UPDATE attempts SET audio_version = '{\"bytes\":1}'")

    with open_for_reading(path) as reader:
        findings = check_ledger(reader)
        with pytest.raises(LedgerUnusableError):
            ordered_media(reader, ["a"])

    assert any("what its media were when it was ordered" in finding for finding in findings)


@pytest.mark.parametrize("text", ["", "no", "[]", "3", '{"etag":""}'])
def test_what_is_no_version_is_damage(text):
    """It is ours alone to write."""
    with pytest.raises(LedgerUnusableError, match="damaged"):
        version_from(text)
