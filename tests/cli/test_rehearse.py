"""`rehearse`: the true program in a sandbox with faults, the books as the judge, nothing real."""

from __future__ import annotations

import json
import os
import shlex
import signal
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from batchdub.cli import rehearsing
from batchdub.run.rehearsal.perform import Performance
from batchdub.sandbox.orders import Order, order_line
from batchdub.states import JobState
from tests.cli.nights import (
    KEY,
    books_of,
    ids,
    ledger_with,
    started,
    wait_until,
    write_manifest,
)
from tests.ledger.support import add_jobs, bring_to, open_ledger

real_time = pytest.mark.real_time
SIGNED = "?Expires=4070908800&Signature=s3cr3t-signature&Key-Pair-Id=K1"
ROWS = 14


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, empty and apart."""
    folder = tmp_path.parent / f"{tmp_path.name}-temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def looks(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*")}


@real_time
def test_the_night_is_rehearsed_and_nothing_real_is_touched(cli, tmp_path, temporary, monkeypatch):
    """Not the ledger, not what stands beside it, not the API, and nobody is told."""
    write_manifest(tmp_path, ROWS, query=SIGNED)
    ledger, _ = ledger_with(tmp_path, **{ids(1): JobState.SUBMITTED})
    ledger.close()
    nowhere = 'base-url = "http://127.0.0.1:9/api"\nledger = "batchdub.db"\nrate = "30/min"\n'
    (tmp_path / "batchdub.toml").write_text(f'{nowhere}on-finish = "touch told"\n')
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    before = looks(tmp_path)

    result = cli("rehearse", "tonight.csv", "--fault", "drop-after=0.3", "--seed", "2")

    assert result.code == 0, result.err
    # The ledger's row is other media under the same reference_id: a conflict, as a run would tell.
    assert "tonight: 14 rows: 13 new, 1 conflict" in result.err
    assert f"tonight.csv:2: `{ids(1)}`: " in result.err
    [line] = result.out.splitlines()
    assert line.startswith("14 rows: 14 orders, 0 duplicates, 0 losses; tonight takes about")
    assert line.endswith(" at 30/min")
    assert len(line) <= 80
    assert "1 kill; 2 runs in" in result.err
    assert looks(tmp_path) == before
    assert list(temporary.iterdir()) == []


@real_time
def test_what_is_kept_can_be_looked_at_and_holds_no_signature(cli, tmp_path, temporary):
    """The tokens stand: what they did not reach is left, and is no loss."""
    write_manifest(tmp_path, ROWS, query=SIGNED)

    result = cli("rehearse", "tonight.csv", "--only", "language=ja", "--tokens", "5",
                 "--kills", "0", "--keep", "kept", "--format", "json")  # fmt: skip

    assert result.code == 0, result.err
    [row] = json.loads(result.out)
    assert (row["rows"], row["orders"], row["left"], row["tonight_orders"]) == (7, 5, 2, 5)
    assert (row["duplicates"], row["losses"], row["kills"], row["runs"]) == (0, 0, 0, 1)
    assert books_of(tmp_path / "kept").total() == 5
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert not any(b"s3cr3t" in path.read_bytes() for path in files)
    [lead] = [text for text in result.err.splitlines() if text.startswith("next: ")]
    assert cli(*shlex.split(lead)[2:]).code == 0
    assert list(temporary.iterdir()) == []


@real_time
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc to find processes in")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_however_it_ends_nothing_stays_behind(tmp_path, temporary, number, code):
    """No folder, no sandbox that serves on, no run that goes on."""
    write_manifest(tmp_path, 200)
    with started(tmp_path, "rehearse", "tonight.csv", "--kills", "0") as rehearsal:
        wait_until(lambda: [*temporary.glob("*/batchdub.books.jsonl")])
        if number != signal.SIGINT:
            wait_until(lambda: [*temporary.glob("*/batchdub.db")])
        children = [path for path in Path("/proc").glob("[0-9]*") if works_in(path, temporary)]
        runs = [path for path in children if works_in(path, temporary, "batchdub.db")]
        assert runs or number == signal.SIGINT
        for path in runs:
            os.kill(int(path.name), signal.SIGSTOP)  # so that it cannot end by itself
        rehearsal.send_signal(number)
        rehearsal.wait(timeout=20)

    assert rehearsal.returncode == code
    wait_until(lambda: not list(temporary.iterdir()))
    wait_until(lambda: not any(works_in(path, temporary) for path in children))
    assert children


def works_in(process, folder, name=""):
    """Whether a process lives and has such a file of this folder open."""
    held = []
    with suppress(OSError):  # it has ended
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # it is closed by now
                held.append(str(file.readlink()))
    return any(path.startswith(str(folder)) and name in path for path in held)


def test_a_manifest_with_problems_is_told_as_a_run_would(cli, tmp_path, temporary):
    """File, line and what to do; nothing is rehearsed."""
    (tmp_path / "bad.csv").write_text("video_url,audio_url\nftp://cdn/1.mp4,https://cdn/1.wav\n")

    result = cli("rehearse", "bad.csv")

    assert result.code == 2
    assert "bad.csv:2:1: video_url: not an http(s) URL" in result.err
    assert result.out == ""
    assert list(temporary.iterdir()) == []


# with runs that only say that they ran


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Have the runs leave these orders in the books, and these states in the ledger."""
    write_manifest(tmp_path, 3)

    def set_up(orders, states, **performance):
        def perform(stage, command, *_):
            write_books(stage.folder.books, orders)
            with open_ledger(stage.folder.ledger) as ledger:
                for job_id, state in zip(add_jobs(ledger, *states), states.values(), strict=True):
                    bring_to(ledger, job_id, state)
            return Performance(runs=1, **performance)

        monkeypatch.setattr(rehearsing, "perform", perform)
        monkeypatch.setattr(rehearsing, "set_stage", a_stage)

    return set_up


@contextmanager
def a_stage(folder, *_):
    yield SimpleNamespace(base_url="http://127.0.0.1:9/api", folder=folder)


def write_books(path, orders):
    now = datetime.now(UTC)
    lines = [Order(request_id, name, now, now, (), False) for name, request_id in orders]
    path.write_bytes(b"".join(map(order_line, lines)))


SUBMITTED = dict.fromkeys(map(ids, (1, 2, 3)), JobState.SUBMITTED)
ONCE = [(ids(number), f"request-{number}") for number in (1, 2, 3)]


def test_three_orders_that_both_know_are_fine(cli, ran):
    """The control of what follows."""
    ran(ONCE, SUBMITTED)

    assert cli("rehearse", "tonight.csv").code == 0


def test_a_duplicate_in_the_books_is_exit_6_and_named(cli, ran):
    """Whatever the ledger says."""
    ran([*ONCE, (ids(2), "another")], SUBMITTED)

    result = cli("rehearse", "tonight.csv", "--rate", "unlimited")

    assert result.code == 6
    assert result.out == (
        "3 rows: 4 orders, 1 duplicate, 0 losses; tonight goes as fast as the API\n"
    )
    assert f"`{ids(2)}`: ordered 2 times" in result.err


def test_a_loss_is_exit_6_and_named(cli, ran):
    """The ledger believes in an order that nobody has."""
    ran(ONCE[:2], SUBMITTED)

    result = cli("rehearse", "tonight.csv")

    assert result.code == 6
    assert "3 rows: 2 orders, 0 duplicates, 1 loss; " in result.out
    assert f"`{ids(3)}`: never ordered, and submitted in the ledger" in result.err


def test_a_run_that_ends_as_none_should_proves_nothing(cli, ran):
    """Its own words are told, and its exit code is the rehearsal's."""
    ran([], SUBMITTED, code=10, last_words=("batchdub: the disk is full",))

    result = cli("rehearse", "tonight.csv")

    assert result.code == 10
    assert result.out == ""
    assert "batchdub: the disk is full" in result.err
    assert "run 1 of the rehearsal ended with exit 10: nothing is proven" in result.err
