"""What the run's tests share: a night of a ledger and a provider."""

from __future__ import annotations

import pytest

from tests.support.night import Night


@pytest.fixture
def night(tmp_path):
    """A night without faults; tests script their own."""
    return Night(tmp_path)
