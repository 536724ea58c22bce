"""`batchdub reorder`: completed rows are ordered once more, on purpose and with a reason."""

from __future__ import annotations

import pytest

from batchdub.cli.deciding import who_decides
from batchdub.states import JobState
from tests.cli.again import end_orders, last_decision, revisions
from tests.cli.nights import SANDBOX, books_of, counts, ids, ledger_with, told, write_manifest
from tests.cli.test_run import answer_on_a_terminal

pytestmark = pytest.mark.real_time
A, B = ids(1), ids(2)
WHY = ("--reason", "the client sent a new mix")


@pytest.fixture
def done(cli, tmp_path):
    """Two dubs that are done."""
    manifest = write_manifest(tmp_path, 2)
    assert cli("run", manifest, *SANDBOX).code == 0
    end_orders(tmp_path, "completed", A, B)
    return manifest


def test_a_completed_dub_is_ordered_once_more_as_the_next_revision(cli, tmp_path, done):
    """Who and why are on record; the same command again refuses while that order is on its way."""
    first = cli("reorder", "--id", A, *WHY, *SANDBOX)
    second = cli("reorder", "--id", A, *WHY, *SANDBOX)

    assert (first.code, second.code) == (0, 0)
    assert books_of(tmp_path) == {A: 1, B: 1, f"{A}~r2": 1}
    assert last_decision(tmp_path, A) == ("reorder", "pending", who_decides(), WHY[1])
    assert "that has not ended" in second.err
    assert "nothing to reorder" in second.err
    assert cli("ledger", "check").code == 0


def test_a_further_mix_is_a_further_revision(cli, tmp_path, done):
    """Each is its own order."""
    for _ in range(2):
        assert cli("reorder", "--id", A, *WHY, *SANDBOX).code == 0
        end_orders(tmp_path, "completed", A)

    assert books_of(tmp_path) == {A: 1, B: 1, f"{A}~r2": 1, f"{A}~r3": 1}


def test_other_media_are_a_conflict_until_they_are_reordered(cli, tmp_path, done):
    """The plan says how; the new mix may stand in a manifest of its own."""
    write_manifest(tmp_path, 2, "mix.csv", media="mix-")

    conflict = cli("run", "mix.csv", *SANDBOX)
    plan = cli("plan", "mix.csv")
    result = cli("reorder", "mix.csv", "--id", A, *WHY, *SANDBOX)

    assert conflict.code == 8
    assert f"`batchdub reorder --sandbox mix.csv --id {A} --reason TEXT`" in plan.out
    assert result.code == 0
    assert books_of(tmp_path) == {A: 1, B: 1, f"{A}~r2": 1}
    assert cli("run", "mix.csv", *SANDBOX, "--id", A).code == 0


@pytest.mark.parametrize("state", [JobState.REJECTED, JobState.FAILED])
def test_a_mended_link_goes_out_as_the_next_revision(cli, tmp_path, state):
    """The link was wrong; the row keeps its name in every report. The plan says how."""
    if state is JobState.FAILED:
        cli("run", write_manifest(tmp_path, 1), *SANDBOX)
        end_orders(tmp_path, "failed", A)
    else:
        ledger_with(tmp_path, **{A: state})[0].close()
    before = books_of(tmp_path)
    mended = write_manifest(tmp_path, 1, media="mended-")

    plan = cli("plan", mended)
    retried = cli("retry", mended, "--id", A, *SANDBOX)
    result = cli("reorder", mended, "--id", A, "--reason", "mended", *SANDBOX)

    assert f"`batchdub reorder --sandbox {mended} --id {A} --reason TEXT`" in plan.out
    assert retried.code == 8
    assert result.code == 0
    assert books_of(tmp_path) - before == {f"{A}~r2": 1}
    assert revisions(tmp_path) == {A: 2}
    assert cli("run", mended, *SANDBOX).code == 0
    assert books_of(tmp_path) - before == {f"{A}~r2": 1}
    assert cli("ledger", "check").code == 0


def test_a_row_that_is_gone_is_named_and_not_sent(cli, tmp_path, done):
    """Its links are nowhere; its dub is done all the same."""
    write_manifest(tmp_path, 1)

    result = cli("reorder", "--id", f"{A},{B}", *WHY, *SANDBOX)

    assert f"`{B}`: in no manifest any more" in result.err
    assert revisions(tmp_path) == {A: 2, B: 1}
    assert result.code == 0


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [
        (JobState.SUBMITTED, 0, "that has not ended"),
        (JobState.IN_DOUBT, 6, "`batchdub reconcile --sandbox`"),
        (JobState.PENDING, 0, "`batchdub resume --sandbox` orders it"),
    ],
)
def test_what_has_not_ended_is_told(cli, tmp_path, state, code, says):
    """Nothing is bought."""
    ledger_with(tmp_path, a=state)[0].close()

    result = cli("reorder", "--id", "a", *WHY)

    assert result.code == code
    assert says in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (WHY, "nothing says which rows"),
        (("--id", "a"), "needs a reason"),
        (("--id", "a", "--reason", ""), "needs a reason"),
        (("--id", "b", *WHY), "there is no row `b`"),
    ],
)
def test_it_needs_rows_and_a_reason(cli, tmp_path, arguments, message):
    """Each costs money again."""
    ledger_with(tmp_path, a=JobState.COMPLETED)[0].close()

    result = cli("reorder", *arguments)

    assert result.code == 2
    assert message in result.err


def test_a_person_is_asked(tmp_path, done):
    """On a terminal only; no leaves it as it was."""
    code, shown = answer_on_a_terminal(tmp_path, b"n\n", "reorder", "--id", A, *WHY, *SANDBOX)

    assert code == 130
    assert "Order 1 dub again, each paid anew, at the sandbox?" in shown
    assert counts(tmp_path) == {"completed": 2}


def test_show_says_what_to_type(cli, tmp_path, done):
    """The reason is left to be said."""
    shown = cli("show", A).out.splitlines()[-1]

    assert f"`batchdub reorder --sandbox --id {A} --reason TEXT`" in shown
    assert told(cli("status")) == ["batchdub report --format csv --output report.csv"]
