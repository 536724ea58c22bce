"""However a run ends, the same command goes on where it was, and no row is ordered twice."""

from __future__ import annotations

import shlex
import signal
import sqlite3
from contextlib import closing

import pytest

from batchdub.sandbox.books import read_books
from tests.cli.nights import books_of, counts, once_each, started, wait_until, write_manifest

pytestmark = pytest.mark.real_time
ROWS = 16
RUN = ("run", "tonight.csv", "--sandbox", "--rate", "20/s")


@pytest.fixture(autouse=True)
def _manifest(tmp_path):
    write_manifest(tmp_path, ROWS)


def end_after(folder, orders, number, *more):
    """Send a signal as soon as the books hold so many orders; gives the code and what was said."""
    with started(folder, *RUN, *more) as run:
        wait_until(lambda: sum(books_of(folder).values()) >= orders)
        run.send_signal(number)
        said = run.communicate(timeout=20)[1]
    return run.returncode, said


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_a_run_well_and_the_next_command_finishes_it(
    cli, tmp_path, number, code, words
):
    """What was on the wire is recorded, nothing new is sent, and the way on is printed."""
    ended, said = end_after(tmp_path, 5, number)

    assert ended == code
    assert f"{words}: nothing new is sent" in said
    paid = sum(books_of(tmp_path).values())
    assert counts(tmp_path) == {"submitted": paid, "pending": ROWS - paid}
    assert paid < ROWS
    command = shlex.join(("batchdub", *RUN))
    assert f"next: {command}" in said.splitlines()
    assert cli(*shlex.split(command)[1:]).code == 0
    assert books_of(tmp_path) == once_each(ROWS)


def test_after_kill_9_the_same_command_orders_only_the_rest(cli, tmp_path):
    """No handler ran: what was on the wire is in doubt, and settled from the API's list."""
    ended, _ = end_after(tmp_path, 6, signal.SIGKILL, "--fault", "slow=0.5:0.3s")
    assert ended == -signal.SIGKILL
    assert "was killed before its end" in cli("status").err

    again = cli(*RUN)

    assert again.code == 0
    assert f"{ROWS} rows: {ROWS} submitted" in again.err
    assert books_of(tmp_path) == once_each(ROWS)
    assert cli("ledger", "check").code == 0


def test_a_second_signal_leaves_at_once_with_a_sound_ledger(cli, tmp_path):
    """The call on the wire is in doubt then, and the next run settles it."""
    with started(tmp_path, *RUN, "--fault", "slow=1:30s") as run:
        wait_until(lambda: books_of(tmp_path))
        run.send_signal(signal.SIGINT)
        wait_until(lambda: "nothing new is sent" in run.stderr.readline())
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=10)[1]

    assert run.returncode == 130
    assert "in doubt: the run was stopped during the call" in said
    with closing(sqlite3.connect(tmp_path / "batchdub.db")) as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert cli("run", "tonight.csv", "--sandbox", "--rate", "unlimited").code == 0
    assert books_of(tmp_path) == once_each(ROWS)


def test_status_works_while_a_run_is_going(cli, tmp_path):
    """It reads, and neither waits for the lock nor disturbs."""
    with started(tmp_path, *RUN, "--fault", "slow=1:30s") as run:
        wait_until(lambda: books_of(tmp_path))
        status = cli("status")
        report = cli("report", "--state", "pending")
        assert run.poll() is None

    assert status.code == report.code == 0
    assert "is going on" in status.err
    assert "next: " not in status.err


def test_a_manifest_that_is_changed_during_a_run_changes_nothing_of_it(tmp_path):
    """What was validated and planned is what is ordered, to the last row (F-62)."""
    with started(tmp_path, *RUN) as run:
        wait_until(lambda: sum(books_of(tmp_path).values()) >= 3)
        write_manifest(tmp_path, 2, media="other-")
        assert run.wait(timeout=20) == 0

    orders = list(read_books(tmp_path / "batchdub.books.jsonl"))
    assert len(orders) == ROWS
    assert not any("other-" in medium.url for order in orders for medium in order.inputs)
