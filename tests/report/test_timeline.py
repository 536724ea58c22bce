"""The night on a line: what was ordered when, what was in the way, and where it stood still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batchdub.ledger import RunRecord
from batchdub.ledger.night import Ended, Tried
from batchdub.report.page.drawing import drawing_of, format_step
from batchdub.report.timeline import Kind, draw

BEGAN = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)


def at(seconds):
    return BEGAN + timedelta(seconds=seconds)


def tried(seconds, event="accepted", status=200, run_id="run-1"):
    return Tried(at(seconds), run_id, event, "", status)


def night(*tries, ended=(), until=3600):
    return draw(BEGAN, at(until), tries, ended)


def test_every_order_is_counted_once_at_its_time():
    """The sum over the line is the sum over the ledger."""
    line = night(
        *[tried(second) for second in range(100)],
        tried(100, "turned_away", 429),
        tried(101, "lost", None),
        tried(102, "refused", 400),
        ended=[Ended(at(3599), "completed"), Ended(at(3600), "failed")],
    )

    assert line.totals == {
        Kind.ORDERED: 100, Kind.RATE_LIMITED: 1, Kind.LOST: 1, Kind.OTHERWISE: 1, Kind.DONE: 1,
        Kind.FAILED: 1,
    }  # fmt: skip
    assert line.counts[0][Kind.ORDERED] == line.step_s


@pytest.mark.parametrize("span_s", [0.1, 1, 59, 600, 3600, 86_400, 10 * 86_400, 400 * 86_400])
def test_a_line_has_few_steps_and_they_hold_its_end(span_s):
    """Whatever the night's length, it fits a page."""
    line = night(tried(0), tried(span_s), until=span_s)

    assert 1 <= line.steps <= 122
    assert line.totals[Kind.ORDERED] == 2


def test_a_pause_is_told_with_what_came_before_it():
    """Why did nothing go out from four to half past?"""
    line = night(
        tried(0), tried(1), tried(2, "turned_away", 429), tried(62), tried(63, "lost", None),
        tried(123), tried(124), tried(724), tried(725), tried(726, "not_sent", None), tried(790),
    )  # fmt: skip

    assert [(pause.seconds, pause.why) for pause in line.pauses] == [
        (60, "the API asked for it (429)"),
        (60, "after an answer that was lost"),
        (600, "nothing was sent"),
        (64, "after the API was out of reach"),
    ]


def test_a_slow_pace_and_the_time_between_two_runs_are_no_pauses():
    """At ten an hour an order every six minutes is what was asked for."""
    line = night(*[tried(360 * number) for number in range(10)], until=4000)
    two = night(tried(0), tried(1), tried(3000, run_id="run-2"))

    assert line.pauses == two.pauses == []


def test_everything_drawn_is_inside_the_drawing():
    """Also a run that began before the line, or has not ended."""
    run = RunRecord("r", "run", at(-90), None, None, None)
    line = night(tried(0), tried(3599), ended=[Ended(at(3600), "completed")])
    drawing = drawing_of(line, [run])

    spans = [*drawing.runs, *drawing.pauses, *[bar for lane in drawing.lanes for bar in lane.bars]]
    assert all(span.x >= 0 and span.x + span.width <= 100.01 for span in spans)
    assert all(0 <= bar.y <= lane.base for lane in drawing.lanes for bar in lane.bars)
    assert [lane.kind for lane in drawing.lanes] == [Kind.ORDERED, Kind.DONE]
    assert 3 <= len(drawing.ticks) <= 8


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "a second"), (15, "15 s"), (60, "a minute"), (900, "15 min"), (86_400, "a day")],
)
def test_a_step_is_said_in_a_word_or_two(seconds, said):
    """It stands in every label."""
    assert format_step(seconds) == said
