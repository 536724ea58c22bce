"""One bench for all trials of a process: it takes a moment to set up."""

from __future__ import annotations

import pytest

from tests.crash.bench import Bench


@pytest.fixture(scope="session")
def bench():
    with Bench() as made:
        yield made
