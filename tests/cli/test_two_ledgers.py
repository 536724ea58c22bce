"""F-105: two ledgers that order the same manifest on one machine, as two cron jobs may."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cli.nights import once_each, sandbox_on_a_port, started, wait_until, write_manifest

pytestmark = pytest.mark.real_time
ROWS = 4


@pytest.fixture(autouse=True)
def _manifest(tmp_path, monkeypatch):
    write_manifest(tmp_path, ROWS)
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted-key-4f9a1c77")


def test_the_second_of_two_ledgers_orders_nothing_of_the_same_manifest(cli, tmp_path):
    """F-105: neither knows the other's orders before the API's list shows them."""
    with sandbox_on_a_port("slow=1:0.5s") as (options, books):
        run = ("run", "tonight.csv", *options, "--concurrency", "1")
        with started(tmp_path, *run, "--ledger", "one.db") as first:
            wait_until(lambda: books.orders)
            second = cli(*run, "--ledger", "two.db")
            first.communicate(timeout=20)

        assert second.code == 7
        assert "tonight.csv: being ordered by another run" in second.err
        assert first.returncode == 0
        assert Counter(order.reference_id for order in books.orders) == once_each(ROWS)


def test_a_state_folder_that_takes_no_lock_orders_all_the_same(cli, tmp_path, monkeypatch):
    """F-105: a home that is read-only is no reason to order nothing; it is said."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with sandbox_on_a_port() as (options, books):
        result = cli("run", "tonight.csv", *options)

        assert result.code == 0
        assert "other ledgers are not kept from ordering these rows" in result.err
        assert len(books.orders) == ROWS


def test_the_sandbox_needs_no_lock(cli, tmp_path, monkeypatch):
    """F-105: nothing is paid there, and each ledger has its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    assert cli("run", "tonight.csv", "--sandbox", "--rate", "unlimited").code == 0
    assert not (tmp_path / "state").exists()


def test_a_ledger_in_a_synced_folder_is_warned_of(cli, tmp_path):
    """F-86: a cloud client may bring an old copy back."""
    (tmp_path / "Dropbox").mkdir()

    result = cli(
        *("run", "tonight.csv", "--sandbox", "--rate", "unlimited", "--ledger", "Dropbox/a.db")
    )

    assert result.code == 0
    assert "stands in `Dropbox`, which a cloud client may copy about" in result.err


def test_a_bare_copy_of_a_ledger_is_told_of(cli, tmp_path):
    """F-74: and what it lacks is found before it is ordered again."""
    with sandbox_on_a_port("slow=1:0.3s") as (options, books):
        run = ("run", "tonight.csv", *options, "--concurrency", "1")
        with started(tmp_path, *run) as first:
            wait_until(lambda: len(books.orders) == 2)
            (tmp_path / "copy.db").write_bytes((tmp_path / "batchdub.db").read_bytes())
            first.communicate(timeout=20)
        second = cli(*run, "--ledger", "copy.db")

        assert second.code == 6
        assert "was copied or left without its `-wal` file" in second.err
        assert len(books.orders) == ROWS
