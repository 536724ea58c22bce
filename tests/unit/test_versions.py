"""Whether two looks saw one version of a file: a change may buy a dub, so doubt is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import JobKey, MediaLook, OrderedMedia
from batchdub.preflight.versions import Likeness, change_of, compare, version_of
from batchdub.states import JobState

NOW = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
MON, TUE = "Mon, 02 Mar 2026 10:00:00 GMT", "Tue, 03 Mar 2026 10:00:00 GMT"
SAME, CHANGED, UNKNOWN = Likeness


def seen(etag="", modified="", length=None, *, at=NOW, field="audio_url", **more):
    look = MediaLook(200, more.pop("kind", "audio/wav"), length, etag, modified, **more)
    return version_of(field, look, at)


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        # a strong ETag comes first, whatever the date says
        (('"a"', MON, 10), ('"a"', TUE, 10), SAME),
        (('"a"', MON, 10), ('"b"', TUE, 10), CHANGED),
        (('"a"', "", 10), ('"b"', "", 10), CHANGED),
        (('"a"',), ('"b"',), CHANGED),
        # the nodes of a CDN have tags of their own for one file
        (('"a"', MON, 10), ('"b"', MON, 10), SAME),
        (('"a"', MON), ('"b"', MON, 10), SAME),
        (('"a"', MON, 10), ('"b"', MON, 12), CHANGED),
        # a weak one proves only that nothing has changed
        (('W/"a"', MON, 10), ('W/"a"', TUE, 10), SAME),
        (('"a"', MON, 10), ('W/"a"', TUE, 10), SAME),
        (('W/"a"', MON, 10), ('W/"b"', MON, 10), SAME),
        (('W/"a"', MON, 10), ('W/"b"', TUE, 10), CHANGED),
        (('W/"a"',), ('W/"b"',), UNKNOWN),
        # without one the date and the size decide, by what both sides have
        (("", MON, 10), ("", MON, 10), SAME),
        (("", MON, 10), ("", TUE, 10), CHANGED),
        (("", "", 10), ("", "", 12), CHANGED),
        (("", MON, None), ("", "", 12), UNKNOWN),
        (('"a"', MON, None), ("", MON, 12), SAME),
        (('"a"',), ("", TUE, 12), UNKNOWN),
        (("", "yesterday", 10), ("", "today", 10), SAME),
    ],
)
def test_two_looks(was, now, expected):
    """In either direction: what was put back is as different."""
    assert compare(seen(*was), seen(*now)) is expected
    assert compare(seen(*now), seen(*was)) is expected


@pytest.mark.parametrize(
    "look",
    [
        MediaLook(failure="no answer"),
        MediaLook(404, "audio/wav", 10, '"a"'),
        MediaLook(503, "audio/wav", 10, '"a"'),
        MediaLook(200, "text/html", 10, '"a"'),
        MediaLook(200, "audio/wav", 0, '"a"'),
        MediaLook(200, "audio/wav"),
    ],
)
def test_what_saw_no_file_or_was_told_nothing_says_nothing(look):
    """The page of a login is not a new mix."""
    assert version_of("audio_url", look, NOW) is None
    assert compare(seen('"a"'), None) is compare(None, seen('"a"')) is UNKNOWN


def test_a_host_s_own_text_is_not_kept():
    """It may repeat the link's signature; and a date is kept as a date."""
    version = seen('"signature=hush"', f"{MON}; hush")
    assert "hush" not in repr(version)


def ordered(revision=1, video='"v"', audio='"a"', *, state=JobState.COMPLETED, **more):
    sent_at = more.pop("sent_at", NOW)
    versions = [each and seen(each, **more) for each in (video, audio)]
    return OrderedMedia(JobKey("ref", revision), state, "m1:0", sent_at, *versions)


def now(video='"v"', audio='"a"', **more):
    return [each and seen(each, **more) for each in (video, audio)]


def test_the_words_name_what_changed_and_how():
    """The plainest evidence: a size, else a date, else that the ETag is another."""
    assert change_of([ordered()], *now()) is None
    assert change_of([ordered()], *now(audio='"b"')).what == (
        "audio changed since it was ordered: another ETag"
    )
    assert change_of([ordered(length=10)], seen('"v"'), seen('"b"', length=1200)).what == (
        "audio changed since it was ordered: size 10 → 1,200"
    )
    assert change_of([ordered(modified=MON)], seen('"w"', TUE), seen('"b"', TUE)).what == (
        "video and audio changed since they were ordered:"
        " video dated 2026-03-02T10:00:00Z → 2026-03-03T10:00:00Z,"
        " audio dated 2026-03-02T10:00:00Z → 2026-03-03T10:00:00Z"
    )


def test_what_was_put_back_has_its_dub_already():
    """Of two nodes that never agree each is bought once, and no more."""
    revisions = [ordered(1), ordered(2, audio='"b"')]

    assert change_of(revisions, *now()).made == "ref"
    assert change_of(revisions, *now(video='"w"')).made == ""
    failed = [ordered(1, state=JobState.FAILED), revisions[1]]
    assert change_of(failed, *now()).made == ""
    half_known = [ordered(1, video=None), revisions[1]]
    assert change_of(half_known, *now()).made == ""
    assert change_of(half_known, *now(video=None)).made == "ref"


def test_a_file_that_was_replaced_before_its_order_went_is_in_the_order():
    """Between the look and a late row's turn hours may pass; only a later change counts."""
    late = ordered(sent_at=NOW + timedelta(hours=3))

    def at(**after):
        dated = format_datetime(NOW + timedelta(**after), usegmt=True)
        return [seen('"v"'), seen('"b"', dated)]

    assert change_of([late], *at(hours=1)) is None
    assert change_of([late], *at(hours=2, minutes=59, seconds=59)) is None
    assert change_of([late], *at(hours=3)) is not None  # within that second, so it may be later
    assert change_of([late], *at(hours=-1)) is not None  # a copy that keeps the date of its source


TEXTS = st.sampled_from(["", '"a"', '"b"', 'W/"a"', 'W/"b"'])
DATES = st.sampled_from(["", MON, TUE, "no date"])
LOOKS = st.builds(
    MediaLook,
    status=st.sampled_from([None, 200, 206, 404, 503]),
    content_type=st.sampled_from(["audio/wav", "", "text/html"]),
    length=st.sampled_from([None, 0, 10, 12]),
    etag=TEXTS,
    last_modified=DATES,
)


@given(LOOKS, LOOKS)
def test_a_comparison_is_even_and_nothing_differs_from_itself(one, two):
    """And a header that is gone is no change."""
    was, seen_now = version_of("audio_url", one, NOW), version_of("audio_url", two, NOW)

    assert compare(was, seen_now) is compare(seen_now, was)
    assert compare(was, was) is (SAME if was else UNKNOWN)
    if was:
        assert compare(was, was._replace(tag="")) is not CHANGED
        assert compare(was, was._replace(modified_at=None, length=None)) is not CHANGED
