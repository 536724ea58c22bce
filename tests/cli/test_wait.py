"""`batchdub wait`, and `--wait`: what became of the orders, and what to type next."""

from __future__ import annotations

import re
import signal

import pytest

from batchdub.ledger import open_for_reading
from batchdub.states import JobState
from tests.cli.nights import (
    SANDBOX,
    books_of,
    counts,
    ids,
    ledger_with,
    once_each,
    started,
    told,
    wait_until,
    write_manifest,
)

REPORT = "batchdub report --format csv --output report.csv"


@pytest.mark.real_time
def test_wait_asks_until_every_row_has_ended(cli, tmp_path):
    """What a run has ordered is waited for on another day, from the ledger alone."""
    ordered = cli("run", write_manifest(tmp_path, 4), *SANDBOX)
    assert told(ordered) == ["batchdub wait --sandbox"]

    result = cli("wait", *SANDBOX)

    assert result.code == 0
    assert counts(tmp_path) == {"completed": 4}
    assert "4 rows at the API, after " in result.err
    assert ": 4 completed" in result.err
    assert told(result) == [REPORT]
    assert books_of(tmp_path) == once_each(4)


@pytest.mark.real_time
def test_rows_that_fail_are_named_and_exit_8(cli, tmp_path):
    manifest = write_manifest(tmp_path, 3)
    cli("run", manifest, *SANDBOX, "--fault", "fail=1")

    result = cli("wait", *SANDBOX)

    assert result.code == 8
    assert f"{manifest}:2: `{ids(1)}`: failed: video URL is not accessible" in result.err
    assert told(result) == [f"batchdub show {ids(1)}", "batchdub retry --failed --sandbox"]
    assert cli("run", manifest, *SANDBOX).code == 8
    assert books_of(tmp_path) == once_each(3)


@pytest.mark.real_time
def test_run_waits_if_it_is_told_to(cli, tmp_path):
    manifest = write_manifest(tmp_path, 4)

    result = cli("run", manifest, *SANDBOX, "--wait", "--max-in-flight", "2")

    assert result.code == 0
    assert "waiting for 2 at the API, for up to 6 h 00 min each" in result.err
    assert "4 rows: 4 completed" in result.err
    assert told(result) == [REPORT]


@pytest.mark.real_time
def test_resume_waits_for_every_row_of_the_ledger(cli, tmp_path):
    """Also for those that an earlier run ordered; and where nothing is left to order."""
    manifest = write_manifest(tmp_path, 4)
    cli("run", manifest, *SANDBOX, "--max-jobs", "2")

    first = cli("resume", *SANDBOX, "--wait")

    assert (first.code, counts(tmp_path)) == (0, {"completed": 4})
    cli("run", write_manifest(tmp_path, 2, "more.csv", media="more"), *SANDBOX)
    cli("run", write_manifest(tmp_path, 6), *SANDBOX, "--only", "language=no")
    assert counts(tmp_path).get("submitted")

    again = cli("resume", *SANDBOX, "--wait")

    assert again.code == 0
    assert "submitted" not in counts(tmp_path)


@pytest.mark.real_time
def test_only_some_rows_are_waited_for(cli, tmp_path):
    """The same grammar as elsewhere; a choice of none is told."""
    cli("run", write_manifest(tmp_path, 4), *SANDBOX)

    none = cli("wait", *SANDBOX, "--only", "language=fr")
    some = cli("wait", *SANDBOX, "--only", "language=ja")

    assert none.code == 2
    assert "no row has language=`fr`" in none.err
    assert (some.code, counts(tmp_path)) == (0, {"completed": 2, "submitted": 2})
    assert "2 rows at the API" in some.err


@pytest.mark.real_time
def test_a_row_that_takes_too_long_is_stalled_and_exit_0(cli, tmp_path):
    cli("run", write_manifest(tmp_path, 1), *SANDBOX, "--fault", "slow=1:0s")

    result = cli("wait", *SANDBOX, "--wait-limit", "1ms")

    assert result.code == 0
    assert f"`{ids(1)}` is stalled: after " in result.err
    assert re.search(r"1 row at the API, after .*: 1 submitted \(1 stalled\)$", result.err, re.M)
    assert told(result) == ["batchdub wait --sandbox"]


def test_with_nothing_at_the_api_nothing_is_asked(cli, tmp_path):
    ledger_with(tmp_path, only=JobState.COMPLETED)[0].close()

    result = cli("wait", "--sandbox")

    assert result.code == 0
    assert "nothing is at the API" in result.err


def test_without_a_ledger_there_is_nothing_to_wait_for(cli, tmp_path):
    """It must not make one."""
    assert cli("wait", "--sandbox").code == 10
    assert not (tmp_path / "batchdub.db").exists()


def test_a_limit_that_nothing_heeds_is_refused(cli, tmp_path):
    result = cli("run", write_manifest(tmp_path, 1), *SANDBOX, "--wait-limit", "1h")

    assert result.code == 2
    assert "`--wait-limit` without `--wait`" in result.err


@pytest.mark.real_time
def test_ctrl_c_while_waiting_says_how_to_go_on(cli, tmp_path):
    """Nothing was left to order, so it is not the same command that goes on."""
    write_manifest(tmp_path, 3)
    arguments = ("run", "tonight.csv", "--sandbox", "--rate", "20/s", "--wait")
    with started(tmp_path, *arguments) as run:
        wait_until(lambda: sum(books_of(tmp_path).values()) == 3)
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=20)[1]

    assert run.returncode == 130
    assert "next: batchdub wait --sandbox" in said.splitlines()
    assert cli("wait", *SANDBOX).code == 0
    assert counts(tmp_path) == {"completed": 3}


def test_status_tells_what_is_stalled(cli, tmp_path):
    """Days at the API: said, with the command that asks again; nothing is ordered again."""
    ledger, job_ids = ledger_with(tmp_path, only=JobState.SUBMITTED)
    with ledger.transaction():
        ledger._connection.execute(
            "UPDATE jobs SET submitted_at = '2020-01-01T00:00:00.000Z' WHERE job_id = ?",
            (job_ids["only"],),
        )
    ledger.close()

    result = cli("status")

    assert "1 row stalled: at the API for more than 6 hours" in result.err
    assert told(result) == ["batchdub wait --sandbox"]
    with open_for_reading(tmp_path / "batchdub.db") as opened:
        assert [row[0] for row in opened.ask("SELECT reference_id FROM stalled")] == ["only"]


def test_show_tells_how_to_ask_again(cli, tmp_path):
    ledger_with(tmp_path, only=JobState.SUBMITTED)[0].close()

    assert "`batchdub wait --sandbox` asks until it has ended" in cli("show", "only").out
