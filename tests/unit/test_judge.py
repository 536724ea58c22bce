"""What a look at a medium means: doomed only where an order would surely be for nothing."""

from __future__ import annotations

import pytest

from batchdub.models import MediaLook
from batchdub.preflight import Finding, judge


@pytest.mark.parametrize(
    ("look", "finding", "words"),
    [
        (MediaLook(200, "video/mp4", 5), Finding.GOOD, ""),
        (MediaLook(206, "application/octet-stream"), Finding.GOOD, ""),
        (MediaLook(200, "", None), Finding.GOOD, ""),
        (MediaLook(200, "video/mp4", 0), Finding.DOOMED, "0 bytes"),
        (MediaLook(200, "text/html", 900), Finding.DOOMED, "is no video: its server says"),
        (MediaLook(200, "image/jpeg", 900), Finding.DOOMED, "image/jpeg"),
        (MediaLook(200, "audio/mpeg", 900), Finding.DOUBTFUL, "should be video"),
        (MediaLook(401), Finding.DOOMED, "HTTP 401"),
        (MediaLook(403), Finding.DOOMED, "HTTP 403"),
        (MediaLook(404), Finding.DOOMED, "HTTP 404"),
        (MediaLook(410), Finding.DOOMED, "HTTP 410"),
        (MediaLook(408), Finding.DOUBTFUL, "could not be checked: HTTP 408"),
        (MediaLook(429), Finding.DOUBTFUL, "HTTP 429"),
        (MediaLook(304), Finding.DOUBTFUL, "HTTP 304"),
        (MediaLook(503), Finding.DOUBTFUL, "HTTP 503"),
        (MediaLook(failure="no answer in time"), Finding.DOUBTFUL, "checked: no answer in time"),
    ],
)  # fmt: skip
def test_a_look_is_judged(look, finding, words):
    """A server that is busy now may be well tonight; one that says 404 has nothing to fetch."""
    verdict = judge("video_url", look)
    assert verdict.finding is finding
    assert words in verdict.what
    assert bool(verdict.what) is (finding is not Finding.GOOD)


def test_audio_is_wanted_where_audio_stands():
    """The other way round."""
    assert judge("audio_url", MediaLook(200, "audio/wav", 5)).finding is Finding.GOOD
    assert "should be audio" in judge("audio_url", MediaLook(200, "video/mp4", 5)).what
