"""What would keep tonight's run from going is known in the afternoon, and costs nothing."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batchdub.cli.checkup import variables
from batchdub.exits import Exit
from batchdub.ledger import held_lock
from batchdub.models import Cause, Outcome
from batchdub.run.doctor import (
    Finding,
    Verdict,
    examine_folder,
    examine_placement,
    exit_of,
    judge_clock,
    judge_failure,
    judge_space,
)
from batchdub.states import Event, JobState
from tests.cli.nights import KEY, api_server, books_of, ledger_with
from tests.ledger.support import TickingClock

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)


def findings(result):
    """Give verdict and detail of each check; a check that has several, all of them."""
    found = {}
    for row in json.loads(result.out):
        found.setdefault(row["check"], []).append((row["verdict"], row["detail"]))
    return found


def doctor(cli, *more):
    return cli("doctor", "--format", "json", *more)


@pytest.mark.real_time
def test_all_is_well_before_the_first_night(cli, tmp_path):
    """Nothing is there yet, nothing is made, nothing is ordered."""
    result = doctor(cli, "--sandbox")

    found = findings(result)
    assert result.code == 0
    assert {verdict for several in found.values() for verdict, _ in several} == {"ok"}
    assert found["key"] == [("ok", "accepted, as `a stand-in account`")]
    assert found["list"] == [("ok", "the account has 0 requests")]
    assert ("ok", "base-url: a sandbox inside this command") in found["setting"]
    assert not (tmp_path / "batchdub.db").exists()
    assert not books_of(tmp_path)


@pytest.mark.real_time
def test_a_ledger_is_looked_at_and_left_alone(cli, tmp_path):
    """Whose it is, whether others may read it, and whether a run has it now."""
    ledger_with(tmp_path, a=JobState.SUBMITTED)[0].close()
    (tmp_path / "batchdub.db").chmod(0o644)

    with held_lock(tmp_path / "batchdub.db", TickingClock()):
        found = findings(doctor(cli, "--sandbox"))

    assert found["ledger"][0] == ("ok", "batchdub.db: 1 run so far")
    assert found["ledger"][1] == ("warning", "batchdub.db: others may read it (mode 644)")
    assert found["lock"] == [("ok", "no run is going on")]


@pytest.mark.real_time
def test_a_ledger_of_another_api_is_a_problem(cli, tmp_path, monkeypatch):
    """The run would be refused, at night."""
    ledger_with(tmp_path, a=JobState.SUBMITTED)[0].close()
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)

    result = doctor(cli, "--base-url", "http://127.0.0.1:1/api")

    found = findings(result)
    assert result.code == Exit.LEDGER_UNUSABLE
    assert found["ledger"][-1][0] == "problem"
    assert found["host"][0][0] == "problem"
    assert ("ok", "key: set by CHAMELAION_API_KEY") in found["setting"]
    assert "list" not in found
    assert KEY not in result.out + result.err


def test_a_broken_ledger_is_told_and_the_rest_is_looked_at(cli, tmp_path):
    """One problem must not hide the next."""
    (tmp_path / "batchdub.db").write_text("not a ledger at all, but long enough to be read")

    result = doctor(cli, "--sandbox")

    assert result.code == Exit.LEDGER_UNUSABLE
    assert findings(result)["ledger"][-1][0] == "problem"
    assert findings(result)["host"][0][0] == "ok"


def test_without_a_key_it_says_how_to_set_one(cli):
    """And still looks at the machine."""
    result = doctor(cli)

    assert result.code == Exit.KEY
    assert findings(result)["key"] == [("problem", "no API key is set")]
    assert "hint: key: set `CHAMELAION_API_KEY`" in result.err
    assert findings(result)["disk"]


def test_without_a_key_a_broken_ledger_is_told_as_well(cli, tmp_path):
    """Who mends the key would else meet it in the night."""
    (tmp_path / "batchdub.db").write_text("not a ledger at all, but long enough to be read")

    result = doctor(cli)

    assert result.code == Exit.LEDGER_UNUSABLE
    assert [verdict for verdict, _ in findings(result)["ledger"]] == ["problem"]
    assert findings(result)["key"] == [("problem", "no API key is set")]


@pytest.mark.real_time
def test_a_refused_key_is_a_problem_of_the_key(cli, monkeypatch):
    """And not of the host, which has answered."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    with api_server(lambda path: (200, {"status": "ok"}) if path.endswith("/health")
                    else (401, {"error": "invalid token"})) as base_url:  # fmt: skip
        result = doctor(cli, "--base-url", base_url)

    found = findings(result)
    assert result.code == Exit.KEY
    assert found["host"][0][0] == "ok"
    assert found["key"][-1][0] == "problem"


@pytest.mark.real_time
def test_a_host_that_is_not_the_api_is_told(cli, monkeypatch):
    """The list shows it even where health and name look right."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)

    def answer(path):
        return (200, {"name": "someone"}) if path.endswith("/me") else (404, {"error": "what?"})

    with api_server(answer) as base_url:
        result = doctor(cli, "--base-url", base_url)

    found = findings(result)
    assert result.code == Exit.API_UNAVAILABLE
    assert [found[check][-1][0] for check in ("host", "key", "list")] == [
        "problem",
        "ok",
        "problem",
    ]


def test_every_setting_is_told_with_where_it_came_from(cli, tmp_path, monkeypatch):
    """F-26: the proxy as well, without its password."""
    (tmp_path / "batchdub.toml").write_text('rate = "20/min"\nledger = "season.db"\n')
    monkeypatch.setenv("BATCHDUB_RATE", "30/min")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")

    result = doctor(cli)

    found = findings(result)
    assert found["config"] == [("ok", "batchdub.toml")]
    assert ("ok", f"ledger: {tmp_path / 'season.db'} (batchdub.toml)") in found["setting"]
    over = "batchdub.toml, but BATCHDUB_RATE goes before it"
    assert ("ok", f"rate: 20/min ({over})") in found["setting"]
    assert ("ok", "BATCHDUB_RATE=30/min") in found["environment"]
    assert found["proxy"][0][1].startswith("http://proxy.example:3128 ")
    assert "secret" not in result.out + result.err
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example")
    assert findings(doctor(cli))["proxy"][0][0] == "problem"


def test_the_address_of_a_hook_is_not_shown(cli, tmp_path, monkeypatch):
    """Most have a token in their path, and a doctor's table is pasted into chats."""
    monkeypatch.setenv("BATCHDUB_WEBHOOK", "https://hooks.example.com/T0/planted")
    (tmp_path / "batchdub.toml").write_text('notify = ["slack://planted/a", "mailto://planted"]\n')

    result = doctor(cli)

    assert "planted" not in result.out + result.err
    told = ("ok", "notify: slack:…, mailto:… (batchdub.toml)")
    assert told in findings(result)["setting"]
    assert ("ok", "BATCHDUB_WEBHOOK=https:…") in findings(result)["environment"]


def test_a_variable_that_nothing_reads_is_told(cli, monkeypatch):
    """A misspelt cap is no cap."""
    monkeypatch.setenv("BATCHDUB_MAX_JOB", "10")
    monkeypatch.setenv("BATCHDUB_XYZZY_FROBNICATE", "1")

    result = doctor(cli)

    assert ("warning", "nothing reads BATCHDUB_MAX_JOB") in findings(result)["environment"]
    assert "did you mean BATCHDUB_MAX_JOBS?" in result.err
    assert "take it away" in result.err


def test_the_variables_of_all_commands_are_known():
    """And nothing that no command has."""
    assert {"BATCHDUB_LEDGER", "BATCHDUB_CERTIFICATE", "BATCHDUB_CONFIG"} <= variables()


def test_a_folder_that_cannot_be_used_is_a_problem(tmp_path, monkeypatch):
    """The run's first write would say so, at night."""
    (missing,) = examine_folder(tmp_path / "none" / "batchdub.db")
    assert missing.verdict is Verdict.PROBLEM
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert next(f.verdict for f in examine_folder(tmp_path / "a.db")) is Verdict.PROBLEM


def test_a_ledger_in_a_synced_folder_is_told(cli, tmp_path):
    """An old copy that comes back lacks what was ordered since; told the afternoon before."""
    (tmp_path / "OneDrive - Studio").mkdir()

    result = doctor(cli, "--sandbox", "--ledger", "OneDrive - Studio/batchdub.db")

    assert result.code == 0
    warned = [detail for verdict, detail in findings(result)["folder"] if verdict == "warning"]
    [line] = warned
    assert "db: stands in `OneDrive - Studio`, which a cloud client may copy about" in line
    assert "hint: folder: an old copy that comes back lacks orders" in result.err


def test_a_ledger_on_a_network_file_system_is_a_problem():
    """A run refuses it, with exit 10; on a local disk there is nothing to tell."""
    path = Path("/mnt/nas/batchdub.db")
    [found] = examine_placement(path, lambda: "nas:/dubs /mnt/nas nfs4 rw 0 0")

    assert (found.verdict, found.code) == (Verdict.PROBLEM, Exit.LEDGER_UNUSABLE)
    assert "is on a network file system (nfs4)" in found.detail
    assert "local disk" in found.hint
    assert not list(examine_placement(path, lambda: "/dev/sda1 / ext4 rw 0 0"))


def test_a_running_run_is_named(cli, tmp_path):
    """Exit 7 awaits the next one."""
    ledger, _ = ledger_with(tmp_path, a=JobState.SUBMITTED)
    with ledger.transaction():
        ledger.begin_run("R9", "run tonight.csv", host=os.uname().nodename, pid=os.getpid(),
                         version="0")  # fmt: skip

    found = findings(doctor(cli, "--sandbox"))

    ledger.close()
    assert found["lock"] == [("warning", "in use by `run tonight.csv`")]


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(1e6, Verdict.PROBLEM), (1e8, Verdict.WARNING), (1e10, Verdict.OK)],
)
def test_a_full_disk_is_known_beforehand(free, verdict):
    """A run must never fail to record what it has paid for."""
    assert judge_space(int(free)).verdict is verdict


@pytest.mark.parametrize(
    ("ahead_s", "verdict", "words"),
    [
        (0, Verdict.OK, "within 1 s of the API"),
        (-1.2, Verdict.OK, "within 2 s of the API"),
        (90, Verdict.WARNING, "1 min 30 s ahead of the API"),
        (-7200, Verdict.WARNING, "2 h 00 min behind the API"),
    ],
)
def test_a_wrong_clock_is_told(ahead_s, verdict, words):
    """Windows and signed links go by it."""
    found = judge_clock(NOW + timedelta(seconds=ahead_s), NOW)

    assert (found.verdict, found.detail) == (verdict, words)


def test_an_api_without_dates_is_told():
    """It is no problem, only slower."""
    assert judge_clock(NOW, None).verdict is Verdict.WARNING


def test_the_worst_problem_gives_the_code():
    """Warnings alone are 0: a run would go."""
    failed = Outcome(Event.LOST, Cause.DROPPED, "gone")
    findings = [
        judge_failure("host", failed),
        Finding("ledger", Verdict.PROBLEM, "damaged", code=Exit.LEDGER_UNUSABLE),
        Finding("clock", Verdict.WARNING, "late"),
    ]

    assert exit_of(findings) is Exit.LEDGER_UNUSABLE
    assert exit_of(findings[:1]) is Exit.API_UNAVAILABLE
    assert exit_of(findings[2:]) is Exit.DONE
