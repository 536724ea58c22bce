"""That the oracle bites: each thing that must never be is put there, and found."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from batchdub.sandbox.books import read_books
from tests.crash import oracle, program
from tests.crash.campaign import Result, Tally
from tests.crash.program import KEY, ROWS, Ended
from tests.crash.refusals import after_refusal
from tests.crash.starts import HALF

pytestmark = pytest.mark.real_time


@pytest.fixture
def place(bench):
    """A ledger in which two of four rows are ordered, and its books."""
    with bench.place(HALF) as made:
        yield made


def test_an_order_too_many_is_found(place):
    """The same row twice in the books is what all of this is about."""
    line = place.books.read_bytes().splitlines(keepends=True)[0]
    with place.books.open("ab") as books:
        books.write(line)

    assert oracle.twice(place) == [f"`{ROWS[0]}` was ordered 2 times"]


def test_a_row_that_is_left_out_is_found(place):
    """Half a night is not a whole one."""
    found = oracle.wrong(place)

    assert [f"`{row}` was never ordered" for row in ROWS[2:]] == found[:2]
    assert f"`{ROWS[2]}`: the ledger does not have its order" in found[2]


def test_a_wrong_state_is_found(place):
    """The ledger's own check is part of the oracle."""
    with closing(sqlite3.connect(place.ledger)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS a")
        connection.execute("CREATE INDEX meddled ON jobs (line)")
        connection.commit()

    assert "`meddled` was added by another program" in oracle.damage(place)[0]


def test_a_secret_is_found_in_files_and_in_talk(place):
    """But not in the manifest, which is the user's own."""
    (place.folder / "report.csv").write_text(f"row,{KEY}\n")

    assert oracle.leaked(place, f"Bearer {KEY}") == [
        "a planted secret in what it said", "a planted secret in report.csv",
    ]  # fmt: skip


def test_an_order_that_nothing_remembers_is_found(place):
    """Neither the ledger nor the terminal has its id, or there was never an intent."""
    line = place.books.read_text().splitlines()[0]
    stray = line.replace(ROWS[0], ROWS[2]).replace('"request_id": "', '"request_id": "stray-')
    with place.books.open("a") as books:
        books.write(f"{stray}\n")
    before = {order.request_id for order in read_books(place.books)}

    found = after_refusal(place, Ended(10, "Traceback\nbatchdub: disk full"))

    assert f"`{ROWS[2]}` was sent without an intent on disk" in found
    assert "a traceback" in found
    assert any(line.startswith("the message does not name the ledger") for line in found)
    assert after_refusal(place, Ended(1, ""), before) == ["exit 1: "]


def test_a_run_that_never_gets_done_is_a_violation(place):
    """A manifest that is gone stops every recovery."""
    place.manifest.unlink()

    (found,) = oracle.recover(place)

    assert found.startswith("the recovery exits 2: ")


def test_a_violation_is_counted_and_told(capsys):
    """With the words that have the trial again."""
    tally = Tally()
    tally.add(Result("line", 1, (0,), ["lost"], "kills --replay x"))

    assert capsys.readouterr().out == "VIOLATION kills --replay x: lost\n"
    assert tally.table("faults")[1].split() == ["line", "1", "1", "1", "0x1"]


def test_a_process_that_hangs_is_ended():
    """A trial must not take the campaign with it."""
    with program.start(["sleep", "60"]) as process:
        assert program.finish(process, timeout_s=0.05).code == 124
