"""A rehearsal's script and its judgement: what shall happen, and what the books say of it."""

from __future__ import annotations

import dataclasses
import os
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import LedgerUnusableError, UnusableInputError
from batchdub.models import Job, JobKey, Source
from batchdub.run.rehearsal.folder import copied_ledger, rehearsal_folder
from batchdub.run.rehearsal.judge import judge
from batchdub.run.rehearsal.perform import Timing, perform
from batchdub.run.rehearsal.script import write_script
from batchdub.run.rehearsal.stage import harmless
from batchdub.sandbox.faults import Kind, parse_fault
from batchdub.states import ORDERED, JobState
from tests.ledger.support import add_jobs, open_ledger


def script(rows=1000, *, faults=(), tokens=None, seed=0, kills=1):
    chosen = [parse_fault(text) for text in faults]
    return write_script(rows, faults=chosen, tokens=tokens, seed=seed, kills=kills)


# the script


def test_a_night_of_a_thousand_rows_takes_seconds():
    """Seventeen minutes at the real pace."""
    written = script(1000)

    assert 1000 * written.pace.interval_s < 15
    assert written.limit.calls > written.pace.calls


@pytest.mark.parametrize("rows", [12, 100, 1000, 50_000])
def test_the_likely_faults_are_met_whatever_the_rows(rows):
    """A rehearsal of a dozen rows that meets nothing would prove nothing."""
    odds = {fault.kind: fault.probability for fault in script(rows).faults}

    assert odds.keys() == {Kind.DROP_AFTER, Kind.THROTTLE}
    assert rows * odds[Kind.DROP_AFTER] >= 3
    assert rows * odds[Kind.THROTTLE] >= 1


@pytest.mark.parametrize("rows", [1, 7, 24, 90, 70_000])
def test_the_likely_faults_are_told_as_one_types_them(rows):
    """`throttle=0.083333333` tells nobody more, and what is told must be what happens."""
    for fault in script(rows).faults:
        figures = re.sub(r"^0\.0*", "", str(fault).partition("=")[2].partition(":")[0])
        assert len(figures) <= 2
        assert parse_fault(str(fault)) == fault


def test_faults_that_are_given_stand_instead_of_the_likely_ones():
    """And the settle window covers what they hide."""
    written = script(faults=["late=0.1:3s", "slow=0.1:9s"])

    assert [str(fault) for fault in written.faults] == ["late=0.1:3s", "slow=0.1:9s"]
    assert 3 < written.settle_s < 9


@given(st.integers(0, 60), st.integers(0, 9), st.none() | st.integers(0, 60), st.integers(0, 99))
def test_each_kill_comes_after_another_number_of_orders(rows, kills, tokens, seed):
    """Never after the last one: there would be no run any more to be killed."""
    points = script(rows, kills=kills, tokens=tokens, seed=seed).kills
    orders = rows if tokens is None else min(rows, tokens)

    assert len(points) == min(kills, max(orders - 1, 1))
    assert list(points) == sorted(set(points))
    assert all(1 <= point < max(orders, 2) for point in points)
    assert points == script(rows, kills=kills, tokens=tokens, seed=seed).kills


# the judgement


def job(reference_id, state, request_id=None, held=None):
    key = JobKey(reference_id, 1)
    return Job(1, key, state, "m1:0", Source("t.csv", 2), request_id, held)


def judged(books, *jobs, rows=("a",), limit_stands=False):
    known = {one.key.reference_id: one for one in jobs}
    return judge(
        rows, books, lambda ids: {name: known[name] for name in ids if name in known},
        limit_stands=limit_stands,
    )  # fmt: skip


def test_an_order_that_both_know_is_fine():
    judgement = judged({"a": ["r1"]}, job("a", JobState.SUBMITTED, "r1"))

    assert dataclasses.astuple(judgement) == (1, 1, 0, 0, 0, 0, ())
    assert judgement.fine


def test_the_books_tell_a_duplicate_that_the_ledger_does_not_know():
    """The ledger is no witness in its own cause."""
    judgement = judged({"a": ["r1", "r2", "r3"]}, job("a", JobState.SUBMITTED, "r1"))

    assert (judgement.orders, judgement.duplicates, judgement.losses) == (3, 2, 0)
    assert judgement.named == ("`a`: ordered 3 times",)
    assert not judgement.fine


def test_an_order_under_no_row_is_a_duplicate_too():
    """Somebody paid for it."""
    judgement = judged({"a": ["r1"], "b": ["r2"]}, job("a", JobState.SUBMITTED, "r1"))

    assert judgement.duplicates == 1
    assert not judgement.fine


@pytest.mark.parametrize("state", [state for state in JobState if state not in ORDERED])
def test_an_order_that_the_ledger_does_not_believe_in_is_lost(state):
    """In doubt, pending, rejected: nobody will fetch that dub."""
    assert judged({"a": ["r1"]}, job("a", state)).losses == 1
    assert judged({"a": ["r1"]}).losses == 1
    assert judged({"a": ["r1"]}, job("a", JobState.SUBMITTED, "r2")).losses == 1


@pytest.mark.parametrize("state", sorted(ORDERED))
def test_what_the_ledger_believes_in_and_the_books_do_not_have_is_lost(state):
    """Also where the tokens ran out."""
    judgement = judged({}, job("a", state, "r1"), limit_stands=True)

    assert judgement.losses == 1
    assert "never ordered" in judgement.named[0]


def test_a_row_that_is_left_without_a_reason_is_lost():
    """Unless the tokens are spent, or the row is held."""
    pending = job("a", JobState.PENDING)

    assert judged({}, pending).losses == 1
    assert judged({}).losses == 1
    assert dataclasses.astuple(judged({}, pending, limit_stands=True))[:6] == (1, 0, 0, 0, 0, 1)
    held = job("a", JobState.PENDING, held="its link is dead")
    assert dataclasses.astuple(judged({}, held))[:6] == (1, 0, 0, 0, 1, 0)
    assert judged({}, job("a", JobState.REJECTED)).held == 1


# the runs


class Scripted:
    """A stage whose runs order a row each time they are looked at, and end as they are told to."""

    def __init__(self, *runs):
        self.runs = list(runs)
        self.killed = []
        self.done = 0
        self.now_s = 0.0

    @contextmanager
    def started(self, _command):
        self.left, self.code = self.runs.pop(0)
        yield self, Path("run.log")

    def orders(self):
        return self.done

    def poll(self):
        if self.left == 0:
            return self.code
        self.left -= 1
        self.done += self.code is not None
        return None

    def kill(self):
        self.killed.append(self.done)

    def wait(self):
        return -9

    def sleep(self, seconds):
        self.now_s += seconds


def performed(stage, **wanted):
    said = []
    timing = Timing(lambda: stage.now_s, stage.sleep)
    written = dataclasses.replace(script(), **{"kills": (), **wanted})
    return perform(stage, ("run",), written, said.append, lambda *_: None, timing=timing), said


def test_the_run_is_killed_when_the_books_hold_so_many_orders():
    """The next kill waits for one more order, though its number has passed."""
    stage = Scripted((10, 0), (10, 0), (10, 0), (1, 0))

    performance, said = performed(stage, kills=(3, 3, 9))

    assert stage.killed == [3, 4, 9]
    assert (performance.runs, performance.kills, performance.code) == (4, 3, 0)
    assert said[0] == "killed after 3 orders; the same command goes on"


def test_the_runs_go_on_until_all_is_ordered_or_the_tokens_are_spent():
    """In doubt, or without an API, the same command is the resume."""
    assert performed(Scripted((2, 6), (1, 9), (0, 4), (0, 0)))[0].runs == 3
    assert performed(Scripted((2, 6), (1, 8), (0, 0)))[0].runs == 2


def test_runs_in_vain_come_to_an_end():
    """And so does one that orders nothing for long."""
    assert performed(Scripted(*[(0, 9)] * 5))[0].runs == 3

    performance, said = performed(Scripted((10**6, None)))
    assert not performance.broken
    assert said == ["no order for 1 min 00 s: the rehearsal ends here"]


# apart from everything real


def test_nothing_of_the_real_night_is_in_the_environment(tmp_path):
    """Neither its key, its address, its hooks nor its proxy; what else there is stays."""
    real = {
        "CHAMELAION_API_KEY": "sk-real", "CHAMELAION_BASE_URL": "https://api", "PATH": "/bin",
        "BATCHDUB_WEBHOOK": "https://hook", "https_proxy": "http://me:pw@p", "ALL_PROXY": "p",
    }  # fmt: skip
    with rehearsal_folder(None) as folder:
        clean = harmless(real, folder)

    assert clean.pop("XDG_STATE_HOME").startswith(str(folder.path))
    assert clean == {"PATH": "/bin", "CHAMELAION_API_KEY": "rehearsal"}


def test_the_folder_is_private_and_gone_at_the_end(tmp_path):
    """Also after an error; one to keep stays, and must not have been anything before."""
    modes = []
    with pytest.raises(KeyboardInterrupt), rehearsal_folder(None) as folder:
        raise KeyboardInterrupt(modes.append(folder.path.stat().st_mode & 0o777))
    assert modes == [0o700]
    assert not folder.path.exists()

    with rehearsal_folder(tmp_path / "new" / "kept") as folder:
        pass
    assert folder.path.stat().st_mode & 0o777 == 0o700
    with (
        pytest.raises(UnusableInputError, match="is not empty"),
        rehearsal_folder(tmp_path / "new"),
    ):
        raise AssertionError


def test_the_real_ledger_is_copied_and_not_opened(tmp_path):
    """With what stands in its WAL; SQLite's own reader would leave files beside it."""
    real = tmp_path / "real"
    real.mkdir()
    with open_ledger(real / "batchdub.db") as ledger:
        add_jobs(ledger, "one", "two")
        for path in real.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "batchdub.db-shm").unlink()
    before = looks(tmp_path)
    with rehearsal_folder(None) as folder:
        with copied_ledger(tmp_path / "batchdub.db", folder) as (_, known):
            assert known.latest_jobs(["one", "two"]).keys() == {"one", "two"}
        assert [path.name for path in folder.path.iterdir()] == ["batchdub.toml"]
        with copied_ledger(tmp_path / "none.db", folder) as (_, known):
            assert known is None

    assert looks(tmp_path) == before


def looks(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("*") if p.is_file()}


def test_a_ledger_that_no_run_could_use_is_told_by_its_own_name(tmp_path):
    """And not by that of a copy that is gone."""
    real = Path(tmp_path, "batchdub.db")
    real.write_bytes(os.urandom(5000))
    with (
        rehearsal_folder(None) as folder,
        pytest.raises(LedgerUnusableError) as caught,
        copied_ledger(real, folder),
    ):
        raise AssertionError

    assert caught.value.message.startswith(f"{real}: ")
    assert str(folder.path) not in str(caught.value)
