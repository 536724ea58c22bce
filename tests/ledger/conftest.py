"""A ledger in a folder of its own, with a run begun."""

from __future__ import annotations

import pytest

from tests.ledger.support import add_jobs, open_ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "batchdub.db"


@pytest.fixture
def ledger(path):
    with open_ledger(path) as opened:
        yield opened


@pytest.fixture
def job_id(ledger):
    return add_jobs(ledger, "S02E07-ja")[0]
