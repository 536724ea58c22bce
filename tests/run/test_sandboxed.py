"""A run's own sandbox: its books stand beside the ledger and outlive it."""

from __future__ import annotations

import httpx
import pytest

from batchdub.clock import SystemClock
from batchdub.run.sandboxed import books_path, running_sandbox
from batchdub.sandbox.settings import SandboxSettings


@pytest.mark.real_time
def test_it_answers_while_the_block_lasts_and_keeps_books_beside_the_ledger(tmp_path):
    """Another run against the same ledger finds the same books."""
    ledger = tmp_path / "batchdub.db"
    with running_sandbox(ledger, SandboxSettings(), SystemClock()) as base_url:
        assert httpx.get(f"{base_url}/health").json() == {"status": "ok"}
    assert books_path(ledger) == tmp_path / "batchdub.books.jsonl"
    assert books_path(ledger).exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base_url}/health")
