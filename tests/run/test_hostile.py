"""The promise, on hostile nights: faults, dead processes, lying clocks; the books judge."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.hostile import hostile_night
from tests.support.virtual import virtual_run

_MEMORY = Path("/dev/shm")  # noqa: S108  no night depends on a real disk; it would only be slow


def violations(seed):
    """Live through the night of a seed, and ask the books."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:

        async def night():
            return (await hostile_night(Path(folder), seed)).violations()

        return virtual_run(night())


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_no_night_orders_a_row_twice_or_loses_an_order(seed):
    """At most one order a row, unless one came after the settle window: then it is flagged."""
    assert violations(seed) == []
