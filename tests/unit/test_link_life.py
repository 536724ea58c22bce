"""The life of a signed link, read from the link: each cloud's own way to write a time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.link_life import life_of
from tests.support import links
from tests.support.links import MP4

UNTIL = datetime(2026, 11, 25, 23, 30, 0, tzinfo=UTC)
_TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001  made aware here
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@pytest.mark.parametrize("cloud", links.ALL)
def test_the_end_is_read_as_the_cloud_wrote_it(cloud):
    """F-60: it decides whether the row can still be fetched when its turn comes."""
    life = life_of(links.ALL[cloud](UNTIL))

    assert life.scheme == cloud.removesuffix(" policy")
    assert life.ends_at == UNTIL
    assert not life.may_die_earlier


@given(st.sampled_from(sorted(links.ALL)), _TIMES, st.floats(0, 1e7), st.floats(0, 1e5))
def test_a_link_is_never_taken_for_dead_before_its_end_nor_for_good_after_it(
    cloud, until, left_s, margin_s
):
    """F-60: a false alarm holds a row back for nothing, and a missed one pays for nothing."""
    life = life_of(links.ALL[cloud](until))

    before, after = until - timedelta(seconds=left_s), until + timedelta(seconds=left_s)
    assert life.is_good_at(before) is (before < until)
    assert not life.is_good_at(after, margin_s)
    if left_s > margin_s + 1e-3:
        assert life.is_good_at(before, margin_s)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T23:30Z", UNTIL),
        ("2026-11-25T23%3A30%3A00Z", UNTIL),
        ("2026-11-25T23:30:00.0000000Z", UNTIL),
        ("2026-11-26T00:30%2B01:00", UNTIL),
        ("2026-11-25T23:30", UNTIL),
    ],
)
def test_azure_may_write_a_day_minutes_or_seconds(written, meant):
    """All of these are accepted there; without a zone it is UTC."""
    assert life_of(links.azure(UNTIL, written=written)).ends_at == meant


def test_azure_links_may_begin_later():
    """Until then they are as dead as after their end."""
    life = life_of(links.azure(UNTIL, extra="&st=2026-11-25T22:00Z"))

    assert not life.is_good_at(UNTIL - timedelta(hours=2))
    assert life.is_good_at(UNTIL - timedelta(hours=1))


def test_a_user_delegation_key_bounds_its_link():
    """What it signed ends with it, and it may be revoked before."""
    extra = "&skoid=1f1e&sktid=2b&skt=2026-11-25T20:00Z&ske=2026-11-25T21:00Z&sks=b&skv=2024-08-04"
    life = life_of(links.azure(UNTIL, extra=extra))

    assert life.ends_at == UNTIL.replace(hour=21, minute=0)
    assert life.may_die_earlier


def test_a_cloudfront_policy_may_have_a_beginning():
    """`DateGreaterThan`."""
    start = UNTIL - timedelta(hours=1)
    life = life_of(links.cloudfront_policy(UNTIL, start=start))

    assert (life.starts_at, life.ends_at) == (start, UNTIL)


@pytest.mark.parametrize(
    "link",
    [
        links.aws_v4(UNTIL, extra="&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEND"),
        links.aws_v2(UNTIL, key="ASIAIOSFODNN7EXAMPLE"),
        links.aws_v4(UNTIL).replace("AKIA", "ASIA"),
    ],
)
def test_temporary_credentials_are_noticed(link):
    """Links for two weeks have died with a role's hour."""
    assert life_of(link).may_die_earlier


@pytest.mark.parametrize(
    "link",
    [
        links.aws_v4(UNTIL).replace("X-Amz-Expires=43200", "X-Amz-Expires=soon"),
        links.aws_v4(UNTIL).replace("X-Amz-Expires=43200", "X-Amz-Expires=999999999999"),
        links.aws_v4(UNTIL).replace("X-Amz-Date=20261125", "X-Amz-Date=20261399"),
        links.aws_v2(UNTIL).replace(f"Expires={links.epoch(UNTIL)}", "Expires=1764111111111"),
        links.google_v2(UNTIL).replace("Expires=1", "Expires=-1"),
        links.azure(UNTIL, written="tomorrow"),
        links.azure(UNTIL, written="0001-01-01T00:00%2B14:00"),
        f"{MP4}?sv=2024-08-04&si=policy-on-the-account&sig=abc",
        f"{MP4}?Policy=*&Signature=a&Key-Pair-Id=K",
        f"{MP4}?Policy=e30_&Signature=a&Key-Pair-Id=K",
        f"{MP4}?Policy=eyJTdGF0ZW1lbnQiOlt7IkNvbmRpdGlvbiI6W119XX0_&Signature=a&Key-Pair-Id=K",
    ],
)
def test_what_cannot_be_read_is_no_end(link):
    """Whoever cannot know that a link is dead must not say so."""
    life = life_of(link)

    assert life.ends_at is None
    assert life.is_good_at(datetime(2099, 1, 1, tzinfo=UTC), 1e9)


def test_of_several_statements_any_may_let_a_link_through():
    """So the latest end counts, and a statement without one has none."""
    one = links.cloudfront_policy(UNTIL)
    text = '{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":1}}},{"Condition":{}}]}'
    policy = base64.b64encode(text.encode()).decode().replace("=", "_")

    assert life_of(f"{MP4}?Policy={policy}&{one.partition('&')[2]}").ends_at is None


@pytest.mark.parametrize("url", [MP4, f"{MP4}?v=2", f"{MP4}?Expires=5", f"{MP4}#?sig=1&sv=2"])
def test_a_link_that_is_not_signed_has_no_life(url):
    """Nothing is known of it."""
    assert life_of(url) is None
