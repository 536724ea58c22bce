"""Progress: one live line for a person, now and then a plain one for a log."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from batchdub.cli.progress import describe, is_due, progress_line
from batchdub.cli.talk import Talk
from batchdub.progress import Snapshot

START = Snapshot(
    done=0,
    in_flight=1,
    in_doubt=0,
    failed=0,
    left=100,
    orders=0,
    rate_limited=0,
    elapsed_s=0.0,
    phase="ordering",
    pace_s=1.0,
)
LATER = replace(START, done=60, left=40, orders=60, in_doubt=1, rate_limited=2, elapsed_s=60.0)


class Broken(io.StringIO):
    broken = False

    def write(self, text):
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().write(text)


def shown(snapshots, **kind):
    out = io.StringIO()
    with progress_line(Talk(out, **kind)) as line:
        for snapshot in snapshots:
            line.on_progress(snapshot)
    return out.getvalue()


def test_the_line_says_what_one_wants_to_know():
    """Counts, pace, refusals, and when one may go home."""
    assert describe(LATER) == (
        "ordering · 60 done · 40 left · 1 in flight · 1 in doubt · 2 rate-limited · 59/min"
        " · 41 s to go"
    )


def test_what_this_run_does_not_order_is_told_apart():
    """A cap of 100 in a manifest of 500: the time to go is that of the 100."""
    capped = replace(LATER, left=440, may_go=40, in_flight=0, in_doubt=0, rate_limited=0)

    assert describe(capped) == "ordering · 60 done · 440 left, 40 now · 59/min · 41 s to go"
    assert "now" not in describe(replace(capped, phase="ending", may_go=0))


def test_of_a_single_order_no_pace_is_told():
    """It took no time: a rate would be a guess, and 0/min wrong."""
    assert "/min" not in describe(replace(START, orders=1, elapsed_s=5.0))


def test_no_time_is_told_while_none_is_known():
    """Nor when nothing is left."""
    assert "to go" not in describe(replace(START, pace_s=None))
    assert "to go" not in describe(replace(LATER, left=0))


@pytest.mark.parametrize(
    ("shown_at", "now", "due"),
    [
        (None, START, True),
        (START, replace(START, elapsed_s=29.9), False),
        (START, replace(START, elapsed_s=30.0), True),
        (START, replace(START, elapsed_s=0.1, phase="settling"), True),
    ],
)
def test_a_line_is_due_at_first_after_a_while_and_at_a_new_phase(shown_at, now, due):
    """A log of a night has a thousand lines, not a million."""
    assert is_due(shown_at, now, 30.0) is due


def test_waiting_is_told_apart_from_ordering():
    """What is at the API is not done, and there is no pace where nothing is ordered."""
    beside = replace(LATER, at_api=12, in_doubt=0, rate_limited=0, in_flight=0)
    waiting = replace(beside, left=0, phase="waiting")

    assert describe(beside) == "ordering · 60 done · 40 left · 12 at the API · 59/min · 41 s to go"
    assert describe(waiting) == "waiting · 60 done · 12 at the API"


def test_no_time_is_told_where_nothing_more_is_ordered():
    """Rows are left, but the run has stopped and only waits for what is at the API."""
    assert "to go" not in describe(replace(LATER, at_api=3, phase="waiting"))


def test_on_a_terminal_nothing_is_cut_off(monkeypatch):
    """The time left stands last, and is what one looks for."""
    monkeypatch.setenv("COLUMNS", "60")

    text = shown([replace(LATER, at_api=1_234, failed=12)], terminal=True)

    assert "41 s to go" in text
    assert "…" not in text
    assert max(map(len, re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", text).splitlines())) <= 60


def test_off_a_terminal_there_are_few_plain_lines():
    """One at the start, one every 30 s, and the last."""
    snapshots = [replace(START, done=second, elapsed_s=float(second)) for second in range(65)]

    lines = shown(snapshots).splitlines()

    assert [re.search(r"(\d+) done", line)[1] for line in lines] == ["0", "30", "60", "64"]
    assert all(line.isprintable() for line in lines)


def test_a_run_that_reports_nothing_shows_nothing():
    """And one whose last snapshot was shown does not show it twice."""
    assert shown([]) == ""
    assert len(shown([START]).splitlines()) == 1


def test_quiet_shows_no_progress():
    """On a terminal neither."""
    assert shown([START, LATER], quiet=True) == ""
    assert shown([START, LATER], quiet=True, terminal=True) == ""


def test_on_a_terminal_one_line_is_written_over():
    """Quick snapshots in between are not drawn; the last one always is."""
    quick = [replace(START, done=done, elapsed_s=done / 1000) for done in range(50)]

    text = shown([*quick, LATER], terminal=True, colour=True)

    assert "\x1b[" in text
    assert "60 done" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert text.count("ordering") < 6


def test_the_live_line_ends_with_the_last_snapshot():
    """What stays on the screen is how it ended, however quickly that came."""
    text = shown([START, replace(START, done=100, elapsed_s=0.01)], terminal=True)

    assert "100 done" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_without_colour_the_live_line_has_none():
    """NO_COLOR: it still moves, in one colour."""
    text = shown([START, LATER], terminal=True)

    assert not re.search(r"\x1b\[3[0-7]m", text)
    assert "60 done" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_talk_during_a_live_line_stays_above_it():
    """A warning must not be painted over by the next second."""
    out = io.StringIO()
    with progress_line(Talk(out, terminal=True, colour=True)) as line:
        line.on_progress(START)
        line.talk.warn("row S02E07-ja: in doubt [bold]")
        line.on_progress(LATER)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())

    assert "warning: row S02E07-ja: in doubt [bold]\n" in text.replace("\r", "")
    assert text.index("in doubt [bold]") < text.index("60 done")


def test_a_terminal_that_goes_away_ends_nothing():
    """The night goes on without an audience.

    Faults: F-112.
    """
    out = Broken()
    with progress_line(Talk(out, terminal=True)) as line:
        line.on_progress(START)
        out.broken = True
        line.on_progress(LATER)
        line.talk.say("still here")
    out.broken = True

    assert "60 done" not in out.getvalue()


def test_a_terminal_that_is_gone_from_the_start_ends_nothing():
    """The same, earlier."""
    out = Broken()
    out.broken = True

    with progress_line(Talk(out, terminal=True)) as line:
        line.on_progress(START)
