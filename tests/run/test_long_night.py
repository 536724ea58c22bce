"""A night takes as long as its pace says, and no more memory at its end than at its beginning."""

from __future__ import annotations

import pytest

from tests.support.long_night import long_night

JOBS = 480


async def test_a_night_with_faults_ends_in_the_ideal_time_and_keeps_nothing(tmp_path):
    """Doubts are settled beside the orders, so that they cost no time; 28,800 are alike."""
    night = await long_night(tmp_path, JOBS, seed=3, settle_s=5.0, weigh=(310, 470))

    assert night.exit_code == 0
    assert night.refused == 0
    assert night.elapsed_s == pytest.approx(night.ideal_s, rel=0.01)
    assert len(night.books) == JOBS
    assert set(night.books.values()) == {1}
    assert night.findings == []
    # Nothing is kept of an order but its number, in a set that does not grow in between.
    assert night.grown_bytes < 22_000
