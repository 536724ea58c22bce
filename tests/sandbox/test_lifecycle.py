"""What becomes of an order as time passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from batchdub.sandbox.lifecycle import progress
from batchdub.sandbox.orders import Order
from tests.sandbox.driving import START

ORDER = Order("id", "ref", START, START, (), disable_active_speaker_detection=False)
STAGES = ["queued", "processing", "completed"]


@given(st.uuids(), st.booleans())
def test_every_order_ends_within_seconds_and_never_goes_back(request_id, fails):
    """Queued, in work, ended: in this order, and over within 3.5 s."""
    order = replace(ORDER, request_id=str(request_id), fails=fails)
    came = [progress(order, START + timedelta(seconds=n / 10)) for n in range(36)]
    stages = ["completed" if one.status == "failed" else one.status for one in came]
    assert stages == sorted(stages, key=STAGES.index)
    assert set(stages) == set(STAGES)
    assert came[-1].status == ("failed" if fails else "completed")


def test_the_times_that_have_passed_are_given():
    """A queued order has neither, one in work has begun, one that ended has both."""
    queued, ended = progress(ORDER, START), progress(ORDER, START + timedelta(hours=1))
    assert (queued.started_at, queued.finished_at) == (None, None)
    assert START < ended.started_at < ended.finished_at
    working = progress(ORDER, ended.started_at)
    assert (working.status, working.finished_at) == ("processing", None)


def test_a_failed_order_says_why():
    """In the API's documented words."""
    ended = progress(replace(ORDER, fails=True), START + timedelta(hours=1))
    assert ended.error_message == "video URL is not accessible"
