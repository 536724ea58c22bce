"""The plan: what would happen to each row, and why; pure, and in manifest order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import Job, JobKey, Source
from batchdub.plan import Fate, Totals, decide, expected_duration_s, plan_rows
from batchdub.states import JobState
from batchdub.units import UNLIMITED, parse_rate
from tests.support.night import make_row, make_rows

ROW = make_row("row", 7)
JOB = Job(1, JobKey("row"), JobState.PENDING, ROW.media_key, Source("old.csv", 3))
WHEN = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


def plan(rows, *jobs, allow_same_media=False):
    """Plan rows against the jobs of a ledger."""

    def known(reference_ids):
        return {job.key.reference_id: job for job in jobs if job.key.reference_id in reference_ids}

    def known_media(keys):
        return {key: [job for job in jobs if job.media_key == key] for key in keys}

    numbered = list(enumerate(rows, 1))
    return list(plan_rows(numbered, known, known_media, allow_same_media=allow_same_media))


@pytest.mark.parametrize(
    ("job", "fate", "reason"),
    [
        (None, Fate.NEW, "never ordered"),
        (JOB, Fate.NEW, "never ordered"),
        (JOB._replace(attempts=1), Fate.LEFT, "tried once, not ordered"),
        (JOB._replace(attempts=3, error="HTTP 429"), Fate.LEFT, "3 times, not ordered: HTTP 429"),
        (JOB._replace(state=JobState.SENDING, attempts=2), Fate.IN_DOUBT, "attempt 2 was cut"),
        (
            JOB._replace(state=JobState.IN_DOUBT, attempts=1, error="dropped"),
            Fate.IN_DOUBT,
            "attempt 1 is unknown: dropped",
        ),
        (JOB._replace(state=JobState.IN_DOUBT, attempts=1), Fate.IN_DOUBT, "1 is unknown"),
        (
            JOB._replace(state=JobState.IN_DOUBT, held="paid"),
            Fate.IN_DOUBT,
            "held for a decision: paid",
        ),
        (
            JOB._replace(state=JobState.SUBMITTED, request_id="r-1", submitted_at=WHEN),
            Fate.SUBMITTED,
            "already submitted as r-1 on",
        ),
        (
            JOB._replace(state=JobState.COMPLETED, request_id="r-1"),
            Fate.COMPLETED,
            "already completed as r-1",
        ),
        (
            JOB._replace(state=JobState.FAILED, request_id="r-1", error="no face"),
            Fate.FAILED,
            "failed as r-1: no face",
        ),
        (JOB._replace(state=JobState.FAILED), Fate.FAILED, "no reason given"),
        (
            JOB._replace(state=JobState.REJECTED, error="HTTP 400"),
            Fate.REJECTED,
            "refused it: HTTP 400",
        ),
        (JOB._replace(state=JobState.CANCELLED), Fate.CANCELLED, "by the operator"),
    ],
)
def test_every_state_has_its_fate_and_its_reason(job, fate, reason):
    """Nobody should have to ask why a row is sent, or why it is not."""
    planned = decide(ROW, 1, job)
    assert planned.fate is fate
    assert reason in planned.reason
    assert planned.fate.sends is (fate in {Fate.NEW, Fate.LEFT})


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.PENDING])
def test_other_media_under_a_known_id_is_a_conflict(state):
    """It is told with where the id stands, and what to do."""
    job = JOB._replace(state=state, media_key="other", request_id="r-1", attempts=1)
    planned = decide(ROW, 1, job)
    assert planned.fate is Fate.CONFLICT
    assert "old.csv:3" in planned.reason
    assert "another reference_id" in planned.reason


def test_other_media_of_a_row_that_was_tried_is_a_conflict_too():
    """The first may have reached the API."""
    assert decide(ROW, 1, JOB._replace(media_key="other", attempts=1)).fate is Fate.CONFLICT


def test_other_media_of_a_row_that_was_never_tried_replaces_it():
    """Nothing is lost."""
    planned = decide(ROW, 1, JOB._replace(media_key="other"))
    assert (planned.fate, planned.changed) == (Fate.NEW, True)


def twin_of(row, name, line):
    return replace(row, reference_id=name, source=Source("a.csv", line))


def test_the_first_row_of_a_medium_is_ordered_and_the_later_ones_held():
    """The reason names the first, and the way out."""
    first, second, third = plan([ROW, twin_of(ROW, "b", 8), twin_of(ROW, "c", 9)])
    assert [first.fate, second.fate, third.fate] == [Fate.NEW, Fate.SAME_MEDIA, Fate.SAME_MEDIA]
    assert "`row` at tonight.csv:7" in third.reason
    assert "--allow-same-media" in third.reason


def test_twins_are_seen_across_a_large_manifest():
    """However far apart they stand."""
    rows = make_rows(1200)
    planned = plan([*rows, twin_of(rows[0], "late", 1300)])
    assert [item.fate for item in planned].count(Fate.NEW) == 1200
    assert planned[-1].fate is Fate.SAME_MEDIA
    assert [item.position for item in planned] == list(range(1, 1202))


@pytest.mark.parametrize("state", list(JobState))
def test_a_twin_in_the_ledger_holds_a_new_row_unless_it_was_never_ordered(state):
    """Rejected and cancelled ones stand in nobody's way."""
    job = JOB._replace(key=JobKey("other"), state=state)
    (planned,) = plan([ROW], job)
    free = state in {JobState.REJECTED, JobState.CANCELLED}
    assert planned.fate is (Fate.NEW if free else Fate.SAME_MEDIA)


def test_allow_same_media_asks_nobody():
    """The operator knows."""
    planned = plan([ROW, twin_of(ROW, "b", 8)], allow_same_media=True)
    assert {item.fate for item in planned} == {Fate.NEW}


@given(st.permutations(["a", "b", "c"]), st.sets(st.sampled_from(["a", "b", "c"])))
def test_of_several_twins_exactly_one_is_sent_in_any_order(order, pending):
    """Whichever are pending already: never none, never two."""
    rows = [twin_of(ROW, name, line) for line, name in enumerate(order, 2)]
    jobs = [
        JOB._replace(job_id=number, key=JobKey(name))
        for number, name in enumerate(sorted(pending), 1)
    ]
    sent = [item.row.reference_id for item in plan(rows, *jobs) if item.fate.sends]
    assert sent == ([min(pending)] if pending else [order[0]])


def test_totals_count_fates_and_group_by_columns_that_group():
    """Languages group; titles and notes do not."""
    totals = Totals()
    for index in range(40):
        language = "ja" if index % 2 else "ko"
        row = make_row(f"r{index}", title=f"T{index}", language=language, note="x" * 50, all="y")
        totals.add(decide(row, index, None))
    assert (totals.rows, totals.to_send) == (40, 40)
    assert list(totals.groupings()) == ["language"]
    assert totals.groupings()["language"]["ja"] == {Fate.NEW: 20}


def test_the_pace_implies_a_duration():
    """A little more than the bare quotient, since calls are spaced a little wider."""
    assert expected_duration_s(60, parse_rate("60/min")) == pytest.approx(60.9)
    assert expected_duration_s(60, UNLIMITED) is None
