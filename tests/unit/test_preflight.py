"""Whose links are dead by their turn: pure, at a projected pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.plan import Fate, plan_rows
from batchdub.preflight import Life, Signed, Turns, dead_links, doom, life_of_row
from batchdub.units import UNLIMITED, parse_rate
from tests.support import links
from tests.support.night import make_row

NOW = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WAV = "https://media.example.com/harbour/s01e01.ja.wav"


def signed_row(until, name="row", line=7):
    return make_row(name, line, video=links.aws_v4(until), audio=WAV)


def test_a_dead_link_is_told_by_field_cloud_and_time():
    """F-60: enough to find out who made it, and when."""
    row = make_row("row", video=links.azure(NOW - HOUR), audio=links.cloudfront(NOW + HOUR, WAV))

    ((field, what),) = dead_links(row, NOW)

    assert field == "video_url"
    assert "(Azure SAS) died on 2026-11-25 " in what
    assert list(dead_links(row, NOW - 2 * HOUR)) == []


def test_a_row_that_is_not_signed_pays_nothing_and_is_never_held():
    """Most links are not."""
    row = make_row("row")
    assert life_of_row(row) is None
    assert Turns(NOW, 1.0, 900.0).holds(row, 10**9) == ""


@pytest.mark.parametrize(
    ("until", "reason"),
    [
        (NOW - HOUR, "before its turn at"),
        (NOW + timedelta(minutes=5), "too soon after its turn at"),
        (NOW + timedelta(minutes=15), "15 min 00 s later (--link-margin)"),
        (NOW + timedelta(minutes=16), ""),
    ],
)
def test_a_link_must_outlive_its_turn_by_the_margin(until, reason):
    """The media are fetched some time after the order was taken."""
    said = doom(life_of_row(signed_row(until)), NOW, 900.0)

    assert (reason in said) if reason else not said
    assert not said or said.startswith("its video link (AWS V4) dies on ")
    assert not said or "fresh links" in said


def test_a_link_that_is_not_good_yet_is_no_better():
    """An export for tomorrow night."""
    row = make_row("row", audio=links.azure(NOW + 9 * HOUR, WAV, extra="&st=2026-11-25T23:00Z"))

    assert "audio link (Azure SAS) is good only from" in doom(life_of_row(row), NOW, 0.0)
    assert doom(life_of_row(row), NOW + HOUR, 0.0) == ""


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["60/min", "7/h", "unlimited"])
)
def test_later_rows_never_have_an_earlier_turn(ahead, more, rate):
    """So of rows with the same link, once one is held all after it are."""
    turns = Turns.at_rate(NOW, parse_rate(rate), 900.0)
    row = signed_row(NOW + 8 * HOUR)

    assert NOW <= turns.turn(ahead) <= turns.turn(ahead + more)
    assert not turns.holds(row, ahead) or turns.holds(row, ahead + more)


@pytest.mark.parametrize(
    ("rate", "learned_per_s", "spacing_s"),
    [("60/min", None, 1.015), ("60/min", 9.0, 1.015), ("auto", None, 1.015), ("auto", 10.0, 0.1)],
)
def test_the_pace_is_the_one_that_the_run_will_have(rate, learned_per_s, spacing_s):
    """Of `auto` that is what earlier runs learned."""
    turns = Turns.at_rate(NOW, parse_rate(rate), 0.0, learned_per_s)
    assert turns.turn(1000) - NOW == timedelta(seconds=1000 * spacing_s)


def test_without_a_pace_every_row_goes_at_once():
    """`--rate unlimited`."""
    assert Turns.at_rate(NOW, UNLIMITED, 0.0).turn(10**6) == NOW


def test_rows_that_are_held_take_no_turn_from_those_behind():
    """F-60: the 61st row to be sent is the one whose hour is over, not the 61st of the file."""
    rows = [signed_row(NOW - HOUR, f"dead{n}", n) for n in range(100)]
    rows += [signed_row(NOW + HOUR, f"good{n}", 100 + n) for n in range(100)]
    turns = Turns(NOW, 60.0, 0.0)

    planned = list(
        plan_rows(
            enumerate(rows, 1), lambda _: {}, lambda _: {}, allow_same_media=True, holds=turns.holds
        )
    )

    sent = [item.row.reference_id for item in planned if item.fate.sends]
    assert sent == [f"good{n}" for n in range(60)]
    assert {item.fate for item in planned if not item.fate.sends} == {Fate.HELD}
    assert all("dies on" in item.reason for item in planned if item.fate is Fate.HELD)


def test_a_row_that_is_held_does_not_hold_back_its_twin():
    """Of two rows with the same media the one whose link is good is ordered."""
    dead, good = signed_row(NOW - HOUR, "dead"), signed_row(NOW + HOUR, "good")
    holds = Turns(NOW, 1.0, 0.0).holds

    planned = plan_rows(enumerate([dead, good], 1), lambda _: {}, lambda _: {}, holds=holds)

    assert [item.fate for item in planned] == [Fate.HELD, Fate.NEW]


def test_what_is_known_of_all_links_fits_in_two_lines():
    """F-60: credentials that rotate kill links earlier than these say."""
    signed = Signed()
    assert list(signed.lines()) == []
    signed.add(
        make_row("a", video=links.aws_v4(NOW + HOUR), audio=links.aws_v4(NOW + 2 * HOUR, WAV))
    )
    assert len(list(signed.lines())) == 1
    signed.add(
        make_row("b", video=f"{links.MP4}?sv=1&sig=2&si=p", audio=links.aws_v2(NOW, WAV, "ASIA1"))
    )

    first, second = signed.lines()

    assert first.startswith("signed links: 2 AWS V4, 1 Azure SAS, 1 AWS V2; the first dies on ")
    assert "1 link signed with temporary credentials" in second


def test_a_life_tells_nothing_of_a_signature():
    """F-69: reasons are stored and shown."""
    life = life_of_row(signed_row(NOW))
    assert isinstance(life, Life)
    assert "fe5f80f7" not in repr(life) + doom(life, NOW, 0.0)
