"""`batchdub retry`: failed and rejected rows are put back and ordered, each once."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

import pytest

from batchdub.cli.deciding import who_decides
from batchdub.run import tonight
from batchdub.states import JobState
from tests.cli.again import end_orders, last_decision, revisions
from tests.cli.nights import (
    FAST,
    KEY,
    SANDBOX,
    api_that_answers,
    books_of,
    counts,
    ids,
    ledger_with,
    sandbox_on_a_port,
    started,
    told,
    wait_until,
    write_manifest,
)
from tests.cli.test_run import answer_on_a_terminal
from tests.ledger.support import remote

pytestmark = pytest.mark.real_time
A, B, C, D = (ids(number) for number in (1, 2, 3, 4))


@pytest.fixture
def failed(cli, tmp_path):
    """A night of four rows, of which the first two failed."""
    manifest = write_manifest(tmp_path, 4)
    assert cli("run", manifest, *SANDBOX).code == 0
    end_orders(tmp_path, "failed", A, B)
    return manifest


def ordered(**more):
    """Four rows ordered once each, and further revisions."""
    return Counter(dict.fromkeys((A, B, C, D), 1)) + Counter(more)


# -- what is ordered --------------------------------------------------------------------------


def test_failed_rows_are_ordered_again_as_the_next_revision(cli, tmp_path, failed):
    """And then there are none; who decided is on record."""
    first = cli("retry", "--failed", *SANDBOX, "--reason", "the CDN is back")
    second = cli("retry", "--failed", *SANDBOX)

    assert (first.code, second.code) == (0, 0)
    assert "2 rows: 2 submitted" in first.err
    assert "nothing to retry: no row is failed" in second.err
    assert books_of(tmp_path) == ordered(**{f"{A}~r2": 1, f"{B}~r2": 1})
    assert last_decision(tmp_path, A) == ("retry", "pending", who_decides(), "the CDN is back")
    assert cli("ledger", "check").code == 0


def test_a_second_retry_works(cli, tmp_path, failed):
    """As often as the dub fails."""
    for _ in range(2):
        assert cli("retry", "--failed", *SANDBOX).code == 0
        end_orders(tmp_path, "failed", A)

    assert cli("retry", "--id", A, *SANDBOX).code == 0
    assert revisions(tmp_path) == {A: 4, B: 2, C: 1, D: 1}
    assert set(books_of(tmp_path).values()) == {1}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--failed", "--id", A), [A]),
        (("--failed", "--only", "language=ja"), [B]),
        (("--error", "NOT accessible", "--id", f"{A},{B}"), [A, B]),
        (("--id", "S01E00[13]*"), [A]),
        (("--failed", "--rejected"), [A, B]),
        (("--error", "not"), [A, B]),
    ],
)
def test_rows_are_chosen_by_state_error_id_and_column(cli, tmp_path, failed, arguments, names):
    """All that is given must hold."""
    assert cli("retry", *arguments, *SANDBOX).code == 0

    assert books_of(tmp_path) == ordered(**{f"{name}~r2": 1 for name in names})


def test_rejected_rows_are_sent_again_under_the_same_reference_id(cli, tmp_path, monkeypatch):
    """They were not paid, so that nothing need be told apart."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 2)
    with api_that_answers(400, {"error": "invalid request body"}) as base_url:
        refused = cli("run", manifest, "--base-url", base_url, *FAST)
        again = cli("retry", "--rejected", "--base-url", base_url, *FAST)
    assert (refused.code, again.code) == (8, 8)
    assert counts(tmp_path) == {"rejected": 2}
    assert told(again)[-1] == f"batchdub retry --rejected --base-url {base_url}"
    assert revisions(tmp_path) == {A: 1, B: 1}


def test_links_come_from_the_manifest_as_it_is_now_or_from_another(cli, tmp_path, failed):
    """Signed links die; a fresh export has another name."""
    write_manifest(tmp_path, 4, "fresh.csv", query="?X-Amz-Signature=x&X-Amz-Algorithm=y")
    (tmp_path / failed).unlink()

    without = cli("retry", "--failed", *SANDBOX)
    result = cli("retry", "fresh.csv", "--failed", *SANDBOX)

    assert without.code == 2
    assert f"{failed}: the manifest is gone" in without.err
    assert result.code == 0
    assert books_of(tmp_path) == ordered(**{f"{A}~r2": 1, f"{B}~r2": 1})


# -- what is not ------------------------------------------------------------------------------


def test_a_row_that_is_gone_or_has_other_media_is_named_and_not_sent(cli, tmp_path, failed):
    """Exit 8: they are failed still."""
    lines = (tmp_path / failed).read_text().splitlines()
    del lines[1]
    lines[1] = lines[1].replace(".mp4", "-cut.mp4")
    (tmp_path / failed).write_text("\n".join(lines))

    result = cli("retry", "--failed", *SANDBOX)

    assert result.code == 8
    assert f"`{A}`: in no manifest any more" in result.err
    assert f"`{B}` stands for other media" in result.err
    assert books_of(tmp_path) == ordered()
    assert revisions(tmp_path) == {A: 1, B: 1, C: 1, D: 1}


def test_what_may_not_be_retried_is_told_and_what_may_is(cli, tmp_path, failed):
    """Rows that were chosen with others do not hold those up."""
    end_orders(tmp_path, "completed", C)

    result = cli("retry", "--id", "S01*", *SANDBOX)

    assert result.code == 0
    assert f"`{C}`: its dub is done" in result.err
    assert f"`{D}`: it is ordered as request" in result.err
    assert books_of(tmp_path) == ordered(**{f"{A}~r2": 1, f"{B}~r2": 1})


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [
        (JobState.COMPLETED, 0, "`batchdub reorder --sandbox --id a --reason TEXT` orders it"),
        (JobState.SUBMITTED, 0, "that has not ended"),
        (JobState.IN_DOUBT, 6, "`batchdub reconcile --sandbox` settles it"),
        (JobState.SENDING, 6, "on the wire"),
        (JobState.PENDING, 0, "`batchdub resume --sandbox` orders it"),
        (JobState.CANCELLED, 0, "it was taken out"),
    ],
)
def test_where_nothing_may_be_retried_the_reason_is_told(cli, tmp_path, state, code, says):
    """Nothing is sent, and no key is asked for; the exit code is that of the row."""
    ledger_with(tmp_path, a=state)[0].close()

    result = cli("retry", "--id", "a")

    assert result.code == code
    assert f"`a`: {says}" in result.err or says in result.err
    assert "nothing to retry" in result.err
    assert told(result)


@pytest.mark.parametrize("chosen", ["--failed", "--error=frozen"])
def test_a_row_that_is_named_is_told_why_another_option_excludes_it(cli, tmp_path, chosen):
    """`no row that was chosen is failed` leaves the one question open that was asked."""
    ledger_with(tmp_path, a=JobState.COMPLETED, b=JobState.REJECTED)[0].close()

    one = cli("retry", chosen, "--id", "a")
    two = cli("retry", chosen, "--id", "b")
    pattern = cli("retry", chosen, "--id", "[a]*")

    assert "`a`: its dub is done" in one.err
    assert "`b`: it is rejected" in two.err
    assert "`a`" not in pattern.err


def test_many_refusals_are_counted(cli, tmp_path):
    """The first ten are named."""
    ledger_with(tmp_path, **{f"a{n:02}": JobState.COMPLETED for n in range(12)})[0].close()

    result = cli("retry", "--id", "*")

    assert result.err.count("its dub is done") == 10
    assert "… and 2 more rows left alone" in result.err


def test_a_duplicate_is_seen_to_before_another_is_bought(cli, tmp_path):
    """Exit 6, as everywhere."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.FAILED)
    with ledger.transaction():
        ledger.record_other(jobs["a"], remote("request-9", reference_id="a"), "duplicate")
    ledger.close()

    result = cli("retry", "--failed")

    assert result.code == 6
    assert told(result)[0] == "batchdub reconcile --acknowledge request-9"
    assert not any(command.startswith("batchdub retry") for command in told(result))


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ((), "nothing says which rows", "--failed, --rejected, --cancelled, --error TEXT"),
        (("--id", "aa"), "there is no row `aa`", "did you mean `a`?"),
        (("--failed", "--only", "langauge=ja"), "no row has a column", "`language`?"),
        (("--only", "language"), "chooses nothing", "COLUMN=VALUE"),
    ],
)
def test_a_choice_of_nothing_is_an_error(cli, tmp_path, arguments, message, hint):
    """Money is spent on what was meant alone."""
    ledger_with(tmp_path, a=JobState.FAILED)[0].close()

    result = cli("retry", *arguments)

    assert result.code == 2
    assert message in result.err
    assert hint in result.err


def test_an_error_that_no_row_has_is_nothing_to_do(cli, tmp_path):
    """A cron job may ask for it every night."""
    ledger_with(tmp_path, a=JobState.FAILED)[0].close()

    result = cli("retry", "--error", "no such words")

    assert result.code == 0
    assert "no row is failed or rejected, with `no such words` in its error" in result.err


def test_without_a_ledger_there_is_nothing_to_retry(cli, tmp_path):
    """And none is made."""
    assert cli("retry", "--failed", *SANDBOX).code == 10
    assert not list(tmp_path.iterdir())


# -- asked, stopped, killed -------------------------------------------------------------------


def test_a_person_is_asked_and_no_leaves_everything_as_it_was(tmp_path, failed):
    """The decision is not on record either."""
    code, shown = answer_on_a_terminal(tmp_path, b"n\n", "retry", "--failed", *SANDBOX)

    assert code == 130
    assert "Order 2 dubs again at the sandbox?" in shown
    assert revisions(tmp_path) == {A: 1, B: 1, C: 1, D: 1}
    assert counts(tmp_path) == {"failed": 2, "submitted": 2}


def test_what_a_cap_leaves_is_pending_and_resumed(cli, tmp_path, failed):
    """The same command would look for further failed rows, so `resume` goes on."""
    capped = cli("retry", "--failed", *SANDBOX, "--max-jobs", "1")

    assert capped.code == 5
    assert "hint: `batchdub resume` orders the next ones" in capped.err
    assert told(capped) == ["batchdub resume --sandbox --max-jobs 1"]
    assert told(cli("retry", "--failed", *SANDBOX)) == ["batchdub resume --sandbox"]
    assert cli("resume", *SANDBOX).code == 0
    assert books_of(tmp_path) == ordered(**{f"{A}~r2": 1, f"{B}~r2": 1})


@pytest.mark.parametrize("goes_on", [("resume",), ("run", "tonight.csv")])
def test_a_death_between_decision_and_order_costs_nothing(
    cli, tmp_path, failed, monkeypatch, goes_on
):
    """The second retry finds nothing failed and says what goes on; that orders each once."""
    with monkeypatch.context() as patch:
        patch.setattr(tonight, "_carry_out", _die)
        assert cli("retry", "--failed", *SANDBOX).code == 130
    assert counts(tmp_path) == {"pending": 2, "submitted": 2}

    again = cli("retry", "--failed", *SANDBOX)
    plan = cli("plan", failed)
    after = cli(*goes_on, *SANDBOX)

    assert again.code == 0
    assert "nothing to retry" in again.err
    assert told(again) == ["batchdub resume --sandbox"]
    assert f"to be ordered again, as {A}~r2" in plan.out
    assert after.code == 0
    assert books_of(tmp_path) == ordered(**{f"{A}~r2": 1, f"{B}~r2": 1})


def _die(*_):
    raise KeyboardInterrupt


def test_a_retry_killed_on_the_wire_orders_nothing_twice(cli, tmp_path, monkeypatch):
    """SIGKILL while the answers are awaited; the next run settles what is in doubt."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 4)
    with sandbox_on_a_port() as (options, books):
        assert cli("run", manifest, *options).code == 0
        end_orders(tmp_path, "failed", A, B, C)
        slow = ("--rate", "2/s")
        with started(tmp_path, "retry", "--failed", *options, *slow) as process:
            wait_until(lambda: len(books.orders) > 4)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        after = cli("run", manifest, *options)

    assert after.code == 0
    assert Counter(order.reference_id for order in books.orders) == ordered(
        **{f"{name}~r2": 1 for name in (A, B, C)}
    )


# -- afterwards -------------------------------------------------------------------------------


def test_every_command_knows_the_row_by_its_latest_revision(cli, tmp_path, failed):
    """The manifest's reference_id once; an older failure no longer counts."""
    assert cli("run", failed, *SANDBOX).code == 8
    cli("retry", "--failed", *SANDBOX)

    report = [json.loads(line) for line in cli("report", "--format", "jsonl").out.splitlines()]
    plan = cli("plan", failed)
    audit = cli("audit", failed, "--sandbox", "--rate", "unlimited", "--all", "--format", "jsonl")

    assert cli("run", failed, *SANDBOX).code == 0
    assert [(row["reference_id"], row["revision"], row["state"]) for row in report] == [
        (A, 2, "submitted"), (B, 2, "submitted"), (C, 1, "submitted"), (D, 1, "submitted"),
    ]  # fmt: skip
    assert "4 rows: 4 submitted" in plan.err
    assert audit.code == 0
    asked = Counter(json.loads(line)["reference_id"] for line in audit.out.splitlines())
    assert asked == ordered(**{f"{A}~r2": 1, f"{B}~r2": 1})
    assert counts(tmp_path) == {"submitted": 4}


def test_show_says_what_to_type_and_it_works(cli, tmp_path, failed):
    """With the ledger and the API that it belongs to."""
    shown = cli("show", A).out.splitlines()[-1]

    assert f"`batchdub retry --sandbox --id {A}` orders it again, as {A}~r2" in shown
    assert cli("retry", "--sandbox", "--id", A, *FAST).code == 0
    assert "request" in cli("show", A).out.splitlines()[-1]


def test_a_run_with_failed_rows_tells_to_retry_them(cli, tmp_path, failed):
    """And so does the status."""
    run, status = cli("run", failed, *SANDBOX), cli("status")

    assert told(run) == [f"batchdub show {A}", "batchdub retry --failed --sandbox"]
    assert told(status) == told(run)


@pytest.mark.parametrize("asks_first", [False, True])
def test_a_ledger_from_an_older_copy_buys_nothing_and_is_rebuilt(cli, tmp_path, failed, asks_first):
    """The API shows the revision that the copy does not know."""
    path = tmp_path / "batchdub.db"
    copy = path.read_bytes()
    cli("retry", "--failed", *SANDBOX)
    path.write_bytes(copy)
    audit = cli("audit", failed, "--sandbox", "--rate", "unlimited")
    assert audit.code == 6
    assert f"{A}~r2" in audit.out
    if asks_first:
        stale = cli("retry", "--failed", *SANDBOX)
        assert stale.code == 6
        assert f"`{A}~r2` is request" in stale.err
        assert "`batchdub ledger rebuild --sandbox" in stale.err

    rebuilt = cli("ledger", "rebuild", failed, "--sandbox", "--rate", "unlimited")

    assert rebuilt.code == 0
    assert f"{A}~r2" in rebuilt.out
    assert cli("run", failed, *SANDBOX).code == 0
    assert revisions(tmp_path) == {A: 2, B: 2, C: 1, D: 1}
    assert set(books_of(tmp_path).values()) == {1}
