"""Events tell what is on disk, in its order, once, with row and attempt."""

from __future__ import annotations

import pytest

from batchdub.run.events import SCHEMA_VERSION, Feed
from batchdub.states import TRANSITIONS, Event, JobState
from tests.ledger.support import (
    ENDS,
    PERSON,
    TickingClock,
    accepted,
    add_jobs,
    attempt,
    open_ledger,
)  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "batchdub.db") as opened:
        yield opened


@pytest.fixture
def events():
    return []


@pytest.fixture
def feed(ledger, events):
    return Feed(ledger, "R1", TickingClock(), events.append)


def test_each_move_is_told_once_with_its_row_and_attempt(ledger, events, feed):
    """The second attempt's answer is not the first one's."""
    (job_id,) = add_jobs(ledger, "S02E07-ja")
    attempt(ledger, job_id, ENDS[Event.TURNED_AWAY])
    attempt(ledger, job_id, accepted("11111111-1111-1111-1111-111111111111"))
    feed.pump()
    feed.pump()

    assert [(e["event"], e.get("attempt_no"), e.get("http_status")) for e in events] == [
        ("row.send", None, None),
        ("row.turned_away", 1, 429),
        ("row.send", None, None),
        ("row.accepted", 2, 200),
    ]
    assert events[1]["message"] == "rate limit exceeded"
    assert events[3] == {
        "schema": SCHEMA_VERSION, "at": events[3]["at"], "run_id": "R1", "event": "row.accepted",
        "reference_id": "S02E07-ja", "revision": 1, "source": "tonight.csv:2",
        "from": "sending", "to": "submitted", "attempt_no": 2, "cause": "accepted",
        "http_status": 200, "request_id": "11111111-1111-1111-1111-111111111111",
    }  # fmt: skip


def test_what_was_before_the_run_is_not_told_again(ledger, events):
    """Each night's file has that night."""
    (job_id,) = add_jobs(ledger, "a")
    attempt(ledger, job_id, ENDS[Event.LOST])
    feed = Feed(ledger, "R1", TickingClock(), events.append)
    with ledger.transaction():
        ledger.cancel(job_id, JobState.IN_DOUBT, PERSON)
    feed.pump()

    assert [(e["event"], e["actor"], e["note"]) for e in events] == [
        ("row.cancel", PERSON.name, PERSON.note)
    ]


def test_nobody_listens(ledger):
    """Then nothing is asked of the ledger."""
    feed = Feed(ledger, "R1", TickingClock(), None)
    feed.tell("run.begin")
    ledger.close()
    feed.pump()


def test_every_move_has_an_event_of_its_own_name():
    """What a dashboard may meet: `row.` and the event of the transition table."""
    assert {f"row.{event}" for _, event in TRANSITIONS} == {f"row.{event}" for event in Event}
