"""Durations, rates and times read back as what people wrote."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.units import (
    DOCUMENTED_RATE,
    UNLIMITED,
    counted,
    format_duration,
    from_stored_time,
    local_time,
    parse_duration_s,
    parse_moment,
    parse_rate,
    to_stored_time,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("0.5s", 0.5), (" 5m ", 300.0), ("8h", 28_800.0), ("0s", 0.0)],
)
def test_durations_are_decimals_with_a_unit(text, seconds):
    """The contract's units: `ms s m h`."""
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "-1s", "1d", "1h30m", ".5s", "5M"])
def test_what_is_not_a_duration_is_refused_with_an_example(text):
    """A number without a unit is a guess, and a guess may be a thousand times wrong."""
    with pytest.raises(UnusableInputError) as caught:
        parse_duration_s(text)

    assert f"`{text}` is not a duration" in caught.value.message
    assert "0.5s" in caught.value.hint


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (12.3, "12 s"),
        (59.4, "59 s"),
        (185, "3 min 05 s"),
        (3_599.6, "1 h 00 min"),
        (27_600, "7 h 40 min"),
    ],
)
def test_durations_are_written_for_people(seconds, text):
    """Two figures are as much as one can use."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize("text", ["1/s", "60/min", "0.5/min", "100/h", "auto", "unlimited"])
def test_a_rate_reads_back_as_it_was_written(text):
    """What a summary prints can be given to `--rate` again."""
    assert str(parse_rate(text)) == text


@pytest.mark.parametrize("text", ["", "60", "60/m", "0/min", "-1/s", "fast", "1/2"])
def test_what_is_not_a_rate_is_refused(text):
    """No rate at all would never send anything."""
    with pytest.raises(UnusableInputError, match="is not a rate"):
        parse_rate(text)


def test_a_rate_spaces_its_calls_evenly():
    """60 a minute is one a second; without a limit there is no space; `auto` starts as told."""
    assert parse_rate("60/min").interval_s == 1.0
    assert UNLIMITED.interval_s == 0.0
    assert UNLIMITED.unlimited
    assert parse_rate("auto").auto
    assert parse_rate("auto").calls == DOCUMENTED_RATE.calls


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-12, 14))
def test_a_stored_time_reads_back_to_the_millisecond_from_any_zone(moment, offset_h):
    """Files are in UTC, whatever zone a time came in."""
    elsewhere = moment
    if 2 < moment.year < 9_998:
        elsewhere = moment.astimezone(timezone(timedelta(hours=offset_h)))

    read = from_stored_time(to_stored_time(elsewhere))

    assert timedelta() <= moment - read < timedelta(milliseconds=1)


@given(st.lists(st.datetimes(timezones=st.just(UTC))))
def test_stored_times_sort_as_text(moments):
    """The ledger compares them as text."""
    by_time = [to_stored_time(moment) for moment in sorted(moments)]

    assert by_time == sorted(by_time)


def test_local_time_names_its_zone(monkeypatch):
    """A time without a zone is a riddle to whoever reads it elsewhere."""
    monkeypatch.setenv("TZ", "UTC")

    assert local_time(datetime(2026, 3, 1, 22, 0, tzinfo=UTC)).split()[0] == "2026-03-01"
    assert len(local_time(datetime(2026, 3, 1, 22, 0, tzinfo=UTC)).split()) == 3


def test_counts_agree_with_their_noun():
    """`1 rows` makes people doubt the number."""
    assert counted(1, "row") == "1 row"
    assert counted(28_800, "row") == "28,800 rows"
    assert counted(2, "entry", "entries") == "2 entries"


def test_a_moment_without_a_zone_is_local_and_one_with_a_zone_is_not(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()

    assert parse_moment("2026-11-01T20:00Z") == datetime(2026, 11, 1, 20, tzinfo=UTC)
    assert parse_moment("2026-11-01T20:00") == datetime(2026, 11, 1, 11, tzinfo=UTC)

    monkeypatch.delenv("TZ")
    time.tzset()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "9999-12-31T23:59:59-23:00"])
def test_what_is_no_moment_is_told(text):
    with pytest.raises(UnusableInputError, match="is not a time"):
        parse_moment(text)
