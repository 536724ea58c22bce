"""`batchdub status`: how a ledger stands, in a form for people and in one for programs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from batchdub.cli.alive import is_alive
from batchdub.ledger import Ledger
from batchdub.states import JobState
from tests.cli.nights import SANDBOX, ledger_with, wait_until, write_manifest
from tests.ledger.support import TickingClock, remote


def standing(result):
    return {row["state"]: (row["rows"], row["held"]) for row in json.loads(result.out)}


def test_every_state_is_counted_also_those_of_no_row(cli, tmp_path):
    """A script reads `failed` as 0, and need not guess what a missing line means."""
    ledger, jobs = ledger_with(
        tmp_path, a=JobState.COMPLETED, b=JobState.PENDING, c=JobState.PENDING
    )
    with ledger.transaction():
        ledger.hold(jobs["c"], "the same media as `a`")
    ledger.close()

    result = cli("status", "--format", "json")

    assert result.code == 0
    assert standing(result) == {str(state): (0, 0) for state in JobState} | {
        "completed": (1, 0),
        "pending": (2, 1),
    }


def test_for_people_it_is_a_table(cli, tmp_path):
    """Data on standard output, talk on standard error."""
    ledger_with(tmp_path, a=JobState.FAILED)[0].close()

    result = cli("status")

    assert result.out.splitlines()[0].split() == ["state", "rows", "held"]
    assert "last run: " not in result.out
    assert "last run: `run tonight.csv`, begun 20" in result.err


def test_what_needs_a_look_is_named_ten_at_a_time(cli, tmp_path):
    """With file and line, why, and how many more there are."""
    states = {f"row{number:02d}": JobState.REJECTED for number in range(14)}
    ledger, jobs = ledger_with(tmp_path, **states)
    with ledger.transaction():
        ledger.record_other(jobs["row03"], remote("request-9", reference_id="row03"), "duplicate")
    ledger.close()

    lines = cli("status").err.splitlines()

    assert lines[0] == "0 of 14 ordered, 14 need you"
    assert lines[2] == "tonight.csv:2: `row00`: rejected: invalid request body"
    assert lines[11].startswith("tonight.csv:11: `row09`")
    assert lines[12] == "… and 4 more rows that need a look; `batchdub report` lists them"
    assert lines[13] == "`row03` was ordered more than once: also request request-9"


def test_many_duplicates_are_counted(cli, tmp_path):
    """A hundred of them have one cause."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.SUBMITTED)
    with ledger.transaction():
        for number in range(14):
            other = remote(f"request-9{number:02d}", reference_id="a")
            ledger.record_other(jobs["a"], other, "duplicate")
    ledger.close()

    said = cli("status").err

    assert said.count("was ordered more than once") == 10
    assert "… and 4 more duplicates" in said


def test_a_held_row_is_told_with_the_reason(cli, tmp_path):
    """It does not go on by itself."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.PENDING, b=JobState.IN_DOUBT)
    with ledger.transaction():
        ledger.hold(jobs["a"], "the same media as `z`")
        ledger.hold(jobs["b"], "in doubt for more than 24 hours")
    ledger.close()

    said = cli("status").err

    assert "`a`: pending: the same media as `z`" in said
    assert "`b`: in doubt: in doubt for more than 24 hours" in said


@pytest.mark.real_time
def test_the_last_run_is_told_with_its_end(cli, tmp_path):
    """When, what, how long, its exit code and what that means."""
    manifest = write_manifest(tmp_path, 3)
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")

    said = cli("status").err

    assert "last run: `run`, begun " in said
    assert "with exit 5: `--max-jobs 1` is reached" in said


@pytest.mark.real_time
def test_that_earlier_orders_had_a_price_is_told(cli, tmp_path):
    """The ledger keeps no cap, so the command that goes on would have none."""
    manifest = write_manifest(tmp_path, 3)
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")
    unpriced = cli("status").err
    cli("run", manifest, *SANDBOX, "--max-jobs", "1", "--price", "1/job")

    assert "had a price" not in unpriced
    assert "say `--price`, and the caps" in cli("status").err


@pytest.mark.real_time
def test_what_the_last_run_told_to_do_works_as_pasted(cli, tmp_path):
    """The ledger remembers the sentence; which API and ledger it is about is known here."""
    manifest = write_manifest(tmp_path, 3)
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")
    (tmp_path / "batchdub.db").unlink()
    cli("run", manifest, *SANDBOX)

    assert f"`batchdub ledger rebuild --sandbox {manifest}` adopts them" in cli("status").err


def test_a_run_without_an_end_and_without_a_process_was_killed(cli, tmp_path):
    """Its process is not there any more, so it is not going on."""
    ledger, _ = ledger_with(tmp_path, a=JobState.PENDING)
    with ledger.transaction():
        ledger.begin_run("run-2", "run", host=socket.gethostname(), pid=dead_pid(), version="0")
    ledger.close()

    assert "was killed before its end" in cli("status").err


def test_a_run_of_another_machine_is_taken_to_go_on(cli, tmp_path):
    """From here nobody can tell; and there is no next command meanwhile."""
    ledger, _ = ledger_with(tmp_path, a=JobState.PENDING)
    with ledger.transaction():
        ledger.begin_run("run-2", "run", host="elsewhere", pid=1, version="0")
    ledger.close()

    said = cli("status").err

    assert "is going on" in said
    assert "next: " not in said


def test_a_code_of_another_version_is_told_as_that(cli, tmp_path):
    """An older or newer batchdub may have written it."""
    ledger, _ = ledger_with(tmp_path, a=JobState.PENDING)
    with ledger.transaction():
        ledger.begin_run("run-2", "run", host="elsewhere", pid=1, version="0")
        ledger.end_run(99, "")
    ledger.close()

    assert "with exit 99: a code of another version" in cli("status").err


def test_a_ledger_of_no_runs_has_no_last_one(cli, tmp_path):
    """One that was opened, and then the process died."""
    Ledger(tmp_path / "batchdub.db", TickingClock()).close()

    result = cli("status")

    assert result.code == 0
    assert (
        result.err == "no rows to order\nnext: batchdub report --format csv --output report.csv\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only there it can be told")
def test_a_process_that_died_and_was_not_fetched_is_not_alive():
    """As after `timeout -s KILL`, which dies with its child: nobody asks how that ended."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        process.stdout.read()  # it ends with its output, and is fetched only below
        wait_until(lambda: not is_alive(socket.gethostname(), process.pid))
        assert process.returncode is None


def test_a_process_that_one_may_not_signal_is_alive(monkeypatch):
    """`kill` with no signal asks without harm; another user's process says no."""
    here = socket.gethostname()

    def refuse(*_):
        raise PermissionError

    assert is_alive(here, os.getpid())
    assert not is_alive(here, dead_pid())
    monkeypatch.setattr(os, "kill", refuse)
    assert is_alive(here, 1)


def dead_pid():
    """Give the id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_without_a_ledger_there_is_no_status(cli, tmp_path):
    """And none is made."""
    result = cli("status")

    assert result.code == 10
    assert "there is no ledger" in result.err
    assert not list(tmp_path.iterdir())


def test_of_chosen_rows_only_these_are_told(cli, tmp_path):
    """Counts, what needs a look, duplicates, and the next command."""
    ledger, jobs = ledger_with(
        tmp_path,
        a=JobState.FAILED,
        b=JobState.PENDING,
        c=JobState.IN_DOUBT,
        d=JobState.COMPLETED,
        e=JobState.PENDING,
    )
    with ledger.transaction():
        ledger.record_other(jobs["d"], remote("request-9", reference_id="d"), "duplicate")
        ledger.hold(jobs["e"], "the same media as `a`")
    ledger.close()

    some = cli("status", "--id", "a,e", "--only", "language=ja", "--format", "jsonl")
    doubled = cli("status", "--id", "d")
    nothing = cli("status", "--id", "f")

    counts = {row["state"]: row["rows"] for row in map(json.loads, some.out.splitlines())}
    assert {state: number for state, number in counts.items() if number} == {
        "pending": 1,
        "failed": 1,
    }
    assert "`a`: failed" in some.err
    assert "`e`: pending: the same media as `a`" in some.err
    assert "request-9" not in some.err
    assert "`d` was ordered more than once: also request request-9" in doubled.err
    assert nothing.code == 2
    assert "there is no row `f`" in nothing.err
