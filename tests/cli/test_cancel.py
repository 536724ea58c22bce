"""`batchdub cancel`: pending rows are taken out, and no run orders them."""

from __future__ import annotations

import pytest

from batchdub.cli.deciding import who_decides
from batchdub.clock import SystemClock
from batchdub.ledger import held_lock
from batchdub.states import JobState
from tests.cli.again import last_decision
from tests.cli.nights import SANDBOX, books_of, counts, ids, ledger_with, told, write_manifest
from tests.cli.test_run import answer_on_a_terminal
from tests.ledger.support import PERSON

pytestmark = pytest.mark.real_time
A, B, C = (ids(number) for number in (1, 2, 3))
WHY = ("--reason", "episode dropped")


@pytest.fixture
def pending(cli, tmp_path):
    """Three rows that were planned and not sent."""
    manifest = write_manifest(tmp_path, 3)
    assert cli("run", manifest, *SANDBOX, "--max-jobs", "0").code == 5
    return manifest


def test_a_row_that_was_taken_out_is_not_ordered(cli, tmp_path, pending):
    """Neither by `run` nor by `resume`; who and why are on record."""
    result = cli("cancel", "--id", A, *WHY)
    runs = [cli("run", pending, *SANDBOX).code, cli("resume", *SANDBOX).code]

    assert result.code == 0
    back = f"`batchdub retry --cancelled --sandbox --id {A}` puts it back"
    assert f"1 row cancelled: no run orders it; {back}" in result.err
    assert told(result) == ["batchdub resume --sandbox"]
    assert runs == [0, 0]
    assert books_of(tmp_path) == {B: 1, C: 1}
    assert last_decision(tmp_path, A) == ("cancel", "cancelled", who_decides(), WHY[1])
    assert "`batchdub retry --cancelled --sandbox --id S01E001` puts it back" in cli("show", A).out


def test_a_row_that_was_taken_out_comes_back_on_purpose(cli, tmp_path, pending):
    """The rights are cleared; not by a retry that means others, and with the links of today."""
    cli("cancel", "--id", A, *WHY)
    write_manifest(tmp_path, 3, media="mended-")

    told_so = cli("retry", "--only", "language=*", *SANDBOX)
    result = cli("retry", "--cancelled", "--reason", "cleared", *SANDBOX)

    way_back = f"`batchdub retry --sandbox --cancelled --id {A}`"
    assert f"`{A}`: it was taken out; {way_back}" in told_so.err
    assert result.code == 0
    assert books_of(tmp_path) == {A: 1}
    assert last_decision(tmp_path, A) == ("retry", "pending", who_decides(), "cleared")
    assert "mended-1.mp4" in cli("show", A).out
    assert cli("ledger", "check").code == 0


def test_a_row_that_was_taken_out_in_doubt_does_not_come_back(cli, tmp_path):
    """Its order may be there, and be paid."""
    ledger, job_ids = ledger_with(tmp_path, a=JobState.IN_DOUBT)
    with ledger.transaction():
        ledger.cancel(job_ids["a"], JobState.IN_DOUBT, PERSON)
    ledger.close()

    result = cli("retry", "--cancelled", *SANDBOX)

    assert "`a`: it was taken out because it may be ordered already" in result.err
    assert "nothing to retry" in result.err
    assert counts(tmp_path) == {"cancelled": 1}
    assert "under another reference_id" in cli("show", "a").out


def test_rows_are_chosen_by_column(cli, tmp_path, pending):
    """The rights to a language are not cleared."""
    assert cli("cancel", "--only", "language=no", *WHY).code == 0

    assert counts(tmp_path) == {"cancelled": 2, "pending": 1}


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [
        (JobState.SUBMITTED, 0, "it is ordered as request"),
        (JobState.COMPLETED, 0, "its dub is done"),
        (JobState.IN_DOUBT, 6, "`batchdub reconcile --sandbox --cancel a` decides"),
        (JobState.REJECTED, 8, "`batchdub retry --sandbox --id a`"),
        (JobState.CANCELLED, 0, "`batchdub retry --sandbox --cancelled --id a` puts it back"),
    ],
)
def test_what_was_ordered_or_may_have_been_is_left_and_told(cli, tmp_path, state, code, says):
    """There is no call that undoes an order."""
    ledger_with(tmp_path, a=state)[0].close()

    result = cli("cancel", "--id", "a", *WHY)

    assert result.code == code
    assert says in result.err
    assert "nothing to cancel" in result.err
    assert counts(tmp_path) == {str(state): 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (WHY, "nothing says which rows"),
        (("--id", "a"), "needs a reason"),
        (("--id", "b", *WHY), "there is no row `b`"),
    ],
)
def test_it_needs_rows_and_a_reason(cli, tmp_path, arguments, message):
    """A row that was taken out stays so."""
    ledger_with(tmp_path, a=JobState.PENDING)[0].close()

    result = cli("cancel", *arguments)

    assert result.code == 2
    assert message in result.err
    assert counts(tmp_path) == {"pending": 1}


def test_while_a_run_has_the_ledger_nothing_is_taken_out(cli, tmp_path, pending):
    """It may be sending that very row."""
    with held_lock(tmp_path / "batchdub.db", SystemClock()):
        result = cli("cancel", "--id", A, *WHY)

    assert result.code == 7
    assert counts(tmp_path) == {"pending": 3}


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 130, 3), (b"y\n", 0, 2)])
def test_a_person_is_asked(tmp_path, pending, answer, code, left):
    """On a terminal only, and `--yes` skips it."""
    result, shown = answer_on_a_terminal(tmp_path, answer, "cancel", "--id", A, *WHY)

    assert result == code
    assert "Take 1 row out?" in shown
    assert counts(tmp_path)["pending"] == left
    assert answer_on_a_terminal(tmp_path, b"", "cancel", "--id", B, "--yes", *WHY)[0] == 0


def test_a_row_that_a_run_was_faster_with_is_left(cli, tmp_path, pending, monkeypatch):
    """Judged anew under the lock."""
    from batchdub.cli import cancelling  # noqa: PLC0415  to come between choice and lock

    def pick(path, wish):
        judged = real(path, wish)
        cli("run", pending, *SANDBOX)
        return judged

    real = cancelling.pick
    monkeypatch.setattr(cancelling, "pick", pick)

    result = cli("cancel", "--id", A, *WHY)

    assert f"`{A}`: it is ordered as request" in result.err
    assert "nothing was cancelled" in result.err
    assert counts(tmp_path) == {"submitted": 3}
