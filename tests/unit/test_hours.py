"""A time of day is the next one, in the zone that was named, over every change of clocks."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.hours import next_moment, opening_moment, parse_time_of_day

BERLIN = "Europe/Berlin"


@pytest.fixture
def in_tokyo():
    """Be on a machine whose own zone is Tokyo's."""
    kept = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    os.environ.pop("TZ") if kept is None else os.environ.update(TZ=kept)
    time.tzset()


@pytest.mark.parametrize("text", ["06:30", "6:30", " 23:59 ", "00:00", f"06:30 {BERLIN}"])
def test_it_is_written_back_as_it_is_understood(text):
    """So that a message names it."""
    assert parse_time_of_day(str(parse_time_of_day(text))) == parse_time_of_day(text)


@pytest.mark.parametrize(
    "text", ["24:00", "6", "06:60", "6pm", "", "06:30 Mars/Olympus", "06:30 ../x"]
)
def test_what_is_none_is_refused_with_an_example(text):
    """An end of the night that was misread costs money."""
    with pytest.raises(UnusableInputError) as raised:
        parse_time_of_day(text)
    assert "06:30 Europe/Berlin" in raised.value.hint


@pytest.mark.usefixtures("in_tokyo")
def test_without_a_zone_it_is_this_machines():
    """22:00 in Tokyo is 13:00 UTC."""
    moment = next_moment(parse_time_of_day("22:00"), datetime(2026, 3, 1, 12, tzinfo=UTC))

    assert moment == datetime(2026, 3, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "after", "expected"),
    [
        ("06:00", (2026, 3, 28, 20), (2026, 3, 29, 4)),  # summer time began in between
        ("06:00", (2026, 10, 24, 20), (2026, 10, 25, 5)),  # and ended
        ("02:30", (2026, 3, 28, 20), (2026, 3, 29, 1, 30)),  # the skipped hour: 03:30 by the new
        ("02:30", (2026, 10, 24, 20), (2026, 10, 25, 0, 30)),  # the doubled hour: its first time
    ],
)
def test_changes_of_clocks_are_those_of_the_zone(written, after, expected):
    """Twice a year there is such a night."""
    at = parse_time_of_day(f"{written} {BERLIN}")

    assert next_moment(at, datetime(*after, tzinfo=UTC)) == datetime(*expected, tzinfo=UTC)


@given(
    st.timedeltas(timedelta(0), timedelta(days=14_000)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["UTC", BERLIN, "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
)
def test_it_is_the_next_one_and_comes_within_a_day_or_two(after, hour, minute, zone):
    """Later than now, and not later than the longest day (a zone once skipped a whole one)."""
    after += datetime(2000, 1, 1, tzinfo=UTC)

    moment = next_moment(parse_time_of_day(f"{hour}:{minute:02d} {zone}"), after)

    assert after < moment <= after + timedelta(hours=50)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((2026, 3, 1, 20), (2026, 3, 1, 22)),  # two hours to wait
        ((2026, 3, 1, 22, 5), (2026, 3, 1, 22)),  # cron was late: it has passed
        ((2026, 3, 2, 3), (2026, 3, 1, 22)),  # the same night
        ((2026, 3, 2, 11), (2026, 3, 2, 22)),  # the next evening is meant
    ],
)
def test_an_opening_half_a_day_back_has_passed(now, expected):
    """A run started at ten sharp, not before ten, must not wait for a day."""
    at = parse_time_of_day("22:00 UTC")

    assert opening_moment(at, datetime(*now, tzinfo=UTC)) == datetime(*expected, tzinfo=UTC)
