"""`batchdub reconcile`: doubts settled from the API's list, or decided by a person, on record."""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime

import pytest

from batchdub.cli.deciding import who_decides
from batchdub.ledger import Ledger, held_lock, open_for_reading
from batchdub.sandbox.orders import Order, OrderInput, order_line
from batchdub.states import Event, JobState
from tests.cli.nights import (
    CDN,
    FAST,
    KEY,
    SANDBOX,
    api_that_answers,
    books_of,
    counts,
    ids,
    ledger_with,
    sandbox_on_a_port,
    told,
    write_manifest,
)
from tests.ledger.support import TickingClock, all_but, remote

OTHER = "5d1f7a52-6a0e-4d5b-9c43-0f2b8a6f7c11"
WHY = ("--reason", "the studio said so")
FIRST = "0b8f6f0e-5a0c-4d1c-8f31-6f1f4f0f9a01"
SECOND = "0b8f6f0e-5a0c-4d1c-8f31-6f1f4f0f9a02"


def history(folder, reference_id):
    with open_for_reading(folder / "batchdub.db") as ledger:
        return ledger.history(reference_id)


def last_decision(folder, reference_id):
    step = history(folder, reference_id)["transitions"][-1]
    return step["event"], step["to_state"], step["actor"], step["note"]


# -- from the API's list ----------------------------------------------------------------------


@pytest.mark.real_time
def test_what_the_list_shows_is_ordered(cli, tmp_path):
    """The reply was lost, the order was taken; and then nothing is in doubt."""
    ledger_with(tmp_path, a=JobState.IN_DOUBT)[0].close()
    entered(tmp_path, a=FIRST)

    result = cli("reconcile", *SANDBOX)
    again = cli("reconcile", *SANDBOX)

    assert (result.code, again.code) == (0, 0)
    assert "1 row in doubt, after " in result.err
    assert ": 1 found at the API" in result.err
    assert counts(tmp_path) == {"submitted": 1}
    assert told(result) == ["batchdub wait --sandbox"]
    assert "nothing was in doubt" in again.err


def entered(folder, **requests):
    """Enter an order for each reference_id into the sandbox's books, as taken just now."""
    moment = datetime.now(UTC)
    media = tuple(OrderInput(kind, f"{CDN}/{kind}", "h") for kind in ("video", "audio"))
    lines = [
        order_line(Order(request_id, reference_id, moment, moment, media, False))
        for reference_id, request_id in requests.items()
    ]
    (folder / "batchdub.books.jsonl").write_bytes(b"".join(lines))


@pytest.mark.real_time
def test_an_order_that_is_not_there_is_pending_again_and_not_sent(cli, tmp_path, monkeypatch):
    """Reconcile spends nothing; the next command does."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 1)
    with sandbox_on_a_port("drop-before=1") as (options, books):
        run = cli("run", manifest, *options, "--max-attempts", "1", "--on-unknown", "hold")
        assert run.code == 6
        first = cli("reconcile", *options[:4], "--settle", "0.2s")
        assert first.code == 6
        assert "`S01E001`: in doubt: the API's list does not show it; held by" in first.err
        again = cli("reconcile", "--order-again", ids(1), *WHY)

    assert again.code == 0
    assert not books.orders
    assert counts(tmp_path) == {"pending": 1}
    assert told(again)[0].startswith("batchdub resume --base-url http://127.0.0.1:")


def test_without_a_ledger_there_is_nothing_to_settle(cli, tmp_path):
    """And none is made, with or without a decision."""
    for arguments in (SANDBOX, ("--cancel", "a", *WHY)):
        result = cli("reconcile", *arguments)

        assert result.code == 10
        assert "there is no ledger" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.real_time
def test_an_api_that_cannot_be_asked_settles_nothing(cli, tmp_path, monkeypatch):
    """Exit 9, and the doubt stays."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    ledger_with(tmp_path, "http://127.0.0.1:1/api", a=JobState.IN_DOUBT)[0].close()

    result = cli("reconcile", "--base-url", "http://127.0.0.1:1/api", *FAST)

    assert result.code == 9
    assert counts(tmp_path) == {"in_doubt": 1}


# -- by a person ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [JobState.IN_DOUBT, JobState.PENDING])
def test_a_cancelled_row_is_not_ordered_and_it_is_recorded_who_said_so(cli, tmp_path, state):
    """Offline: no key, no API."""
    ledger_with(tmp_path, a=state)[0].close()

    result = cli("reconcile", "--cancel", "a", *WHY)

    assert result.code == 0
    assert "`a`: cancelled; it will not be ordered" in result.err
    assert last_decision(tmp_path, "a") == ("cancel", "cancelled", who_decides(), WHY[1])
    assert "last run: `reconcile --cancel a`" in cli("status").err


def test_a_row_cut_short_is_in_doubt_first_and_then_decided(cli, tmp_path):
    """The run that was killed has left it `sending`."""
    ledger_with(tmp_path, a=JobState.SENDING)[0].close()

    assert cli("reconcile", "--order-again", "a", *WHY).code == 0
    assert last_decision(tmp_path, "a")[:2] == ("absent", "pending")


def test_several_decisions_are_carried_out_together(cli, tmp_path):
    """A morning after a bad night has more than one."""
    states = {"a": JobState.IN_DOUBT, "b": JobState.IN_DOUBT, "c": JobState.PENDING}
    ledger_with(tmp_path, **states, d=JobState.IN_DOUBT)[0].close()

    result = cli("reconcile", "--order-again", "a", "--cancel", "b", "--cancel", "c", *WHY)

    assert result.code == 0
    assert counts(tmp_path) == {"pending": 1, "cancelled": 2, "in_doubt": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cancel", "b"), "`b` is completed: `--cancel` cannot be"),
        (("--cancel", "x"), "there is no row `x`"),
        (("--order-again", "a"), "`a` is decided about twice"),
        (("--order-again", "c"), "possible are `--adopt` and `--cancel`"),
        (("--acknowledge", OTHER), f"request {OTHER} is not recorded as a duplicate"),
    ],
)
def test_if_one_of_several_cannot_be_none_is_carried_out(cli, tmp_path, arguments, words):
    """Half a decision is worse than none."""
    states = {"a": JobState.IN_DOUBT, "b": JobState.COMPLETED, "c": JobState.PENDING}
    ledger_with(tmp_path, **states)[0].close()

    result = cli("reconcile", "--cancel", "a", *arguments, *WHY)

    assert result.code == 2
    assert words in result.err
    assert counts(tmp_path) == {"in_doubt": 1, "completed": 1, "pending": 1}


@pytest.mark.parametrize("state", all_but(JobState.IN_DOUBT, JobState.SENDING))
def test_in_any_other_state_a_row_cannot_be_ordered_again_here(cli, tmp_path, state):
    """Its present state is told, and what is possible instead."""
    ledger_with(tmp_path, a=state)[0].close()

    result = cli("reconcile", "--order-again", "a", *WHY)

    assert result.code == 2
    assert f"`a` is {state}: `--order-again` cannot be" in result.err
    assert "hint: " in result.err
    assert counts(tmp_path) == {str(state): 1}


@pytest.mark.parametrize("flag", ["--order-again", "--cancel"])
def test_a_decision_needs_a_reason(cli, tmp_path, flag):
    """Whoever reads the history in a month was not there."""
    ledger_with(tmp_path, a=JobState.IN_DOUBT)[0].close()

    result = cli("reconcile", flag, "a")

    assert result.code == 2
    assert "say why with `--reason TEXT`" in result.err


def test_a_reason_without_a_decision_is_a_mistake(cli):
    """Something was forgotten."""
    assert cli("reconcile", *WHY).code == 2


def test_a_duplicate_is_acknowledged_with_or_without_a_reason(cli, tmp_path):
    """It is not a failure any more then, and stays on record."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.SUBMITTED)
    with ledger.transaction():
        ledger.record_other(jobs["a"], remote("request-8", reference_id="a"), "duplicate")
        ledger.record_other(jobs["a"], remote("request-9", reference_id="a"), "duplicate")
    ledger.close()

    missed = cli("reconcile", "--acknowledge", "request-7")
    first = cli("reconcile", "--acknowledge", "request-8")
    last = cli("reconcile", "--acknowledge", "request-9", *WHY)

    assert missed.code == 2
    assert "those that wait are request-8, request-9" in missed.err
    assert (first.code, last.code) == (0, 0)
    assert told(first) == ["batchdub reconcile --acknowledge request-9"]
    seen = [(other["acknowledged_by"], other["note"]) for other in history(tmp_path, "a")["others"]]
    assert seen == [(who_decides(), ""), (who_decides(), WHY[1])]


def test_a_decision_waits_for_no_run(cli, tmp_path):
    """One at a time: exit 7, and nothing is changed."""
    ledger_with(tmp_path, a=JobState.IN_DOUBT)[0].close()

    with held_lock(tmp_path / "batchdub.db", TickingClock()):
        result = cli("reconcile", "--cancel", "a", *WHY)

    assert result.code == 7
    assert counts(tmp_path) == {"in_doubt": 1}


# -- adoption ---------------------------------------------------------------------------------


@pytest.fixture
def paid(tmp_path):
    """Two rows in doubt, whose orders the sandbox has."""
    ledger_with(tmp_path, a=JobState.IN_DOUBT, b=JobState.IN_DOUBT)[0].close()
    entered(tmp_path, a=FIRST, b=SECOND)


def adopt(cli, reference_id, request_id):
    return cli("reconcile", "--adopt", reference_id, request_id, *WHY, "--sandbox")


@pytest.mark.real_time
def test_what_stands_beside_an_adopted_request_is_a_duplicate(cli, tmp_path):
    """Whichever a person chooses, the other was paid as well, and waits to be seen."""
    ledger_with(tmp_path, a=JobState.IN_DOUBT)[0].close()
    entered(tmp_path, a=FIRST)
    first = (tmp_path / "batchdub.books.jsonl").read_bytes()
    entered(tmp_path, a=SECOND)
    with (tmp_path / "batchdub.books.jsonl").open("ab") as books:
        books.write(first)

    result = adopt(cli, "a", SECOND)

    assert result.code == 0
    assert f"{FIRST} is a further order of it, recorded as a duplicate" in result.err
    others = [(other["request_id"], other["kind"]) for other in history(tmp_path, "a")["others"]]
    assert others == [(FIRST, "duplicate")]
    assert told(result) == [f"batchdub reconcile --acknowledge {FIRST}"]


@pytest.mark.real_time
@pytest.mark.usefixtures("paid")
def test_an_adopted_request_is_the_rows_order(cli, tmp_path):
    """The API was asked; nothing is ordered."""
    result = adopt(cli, "a", FIRST)

    assert result.code == 0
    assert f"`a`: ordered as request {FIRST}" in result.err
    assert last_decision(tmp_path, "a") == ("found", "submitted", who_decides(), WHY[1])
    assert told(result) == ["batchdub reconcile --sandbox"]
    assert sum(books_of(tmp_path).values()) == 2


@pytest.mark.real_time
@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize(
    ("request_id", "words"),
    [
        (SECOND, "its reference_id is `b`"),
        (OTHER, f"the API has no request {OTHER}"),
        ("a", "`a` is not a request_id"),
    ],
)
def test_a_request_that_is_not_the_rows_is_refused(cli, tmp_path, request_id, words):
    """Another row's, one that is not there, and what is no request_id at all."""
    result = adopt(cli, "a", request_id)

    assert result.code == 2
    assert words in result.err
    assert counts(tmp_path) == {"in_doubt": 2}


def mixed_up(tmp_path, *, completed=False):
    """An API that answered the order of `b` with the request of `a`."""
    with Ledger(tmp_path / "batchdub.db", TickingClock()) as ledger, ledger.transaction():
        ledger.adopt(2, JobState.IN_DOUBT, remote(FIRST))
        if completed:
            ledger.record_status(2, remote(FIRST), Event.COMPLETED)


@pytest.mark.real_time
@pytest.mark.usefixtures("paid")
def test_a_request_goes_to_the_row_whose_reference_id_the_api_shows(cli, tmp_path):
    """F-22: the row that had it by a mixed-up answer is in doubt again, and that is said."""
    mixed_up(tmp_path)

    result = adopt(cli, "a", FIRST)

    assert result.code == 0
    assert "`b`, which had it, is in doubt now" in result.err
    assert counts(tmp_path) == {"submitted": 1, "in_doubt": 1}


@pytest.mark.real_time
@pytest.mark.usefixtures("paid")
def test_the_request_of_a_row_that_has_ended_is_refused(cli, tmp_path):
    """Polling has seen the other row's reference_id on it, so it cannot be this row's."""
    mixed_up(tmp_path, completed=True)

    result = adopt(cli, "a", FIRST)

    assert result.code == 2
    assert "is another row's already (`b`, completed)" in result.err
    assert "`batchdub show b` tells how it came to that" in result.err
    assert counts(tmp_path) == {"in_doubt": 1, "completed": 1}


@pytest.mark.real_time
@pytest.mark.usefixtures("paid")
def test_a_duplicate_of_another_row_is_refused(cli, tmp_path):
    """A further order of `b` is not the order of `a`."""
    with Ledger(tmp_path / "batchdub.db", TickingClock()) as ledger, ledger.transaction():
        ledger.record_other(2, remote(FIRST, reference_id="b"), "duplicate")

    result = adopt(cli, "a", FIRST)

    assert result.code == 2
    assert "it is recorded as a duplicate of that row" in result.err


@pytest.mark.real_time
@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("kind", ["duplicate", "not_ours"])
def test_a_request_that_was_recorded_beside_the_row_may_be_adopted(cli, tmp_path, kind):
    """A person may know better than the look that recorded it."""
    with Ledger(tmp_path / "batchdub.db", TickingClock()) as ledger, ledger.transaction():
        owner = 1 if kind == "duplicate" else None
        ledger.record_other(owner, remote(FIRST, reference_id="a"), kind)

    assert adopt(cli, "a", FIRST).code == 0
    assert not history(tmp_path, "a")["others"]


@pytest.mark.real_time
def test_an_adoption_needs_an_api_that_answers(cli, tmp_path, monkeypatch):
    """Without key exit 3, with a refused one 3, without API 9; nothing is decided."""
    command = ("reconcile", "--adopt", "a", OTHER, *WHY)
    with api_that_answers(200, {}) as down, sandbox_on_a_port(key="another") as (options, _):
        for base_url, code in ((options[1], 3), (down, 9)):
            ledger_with_api(tmp_path, base_url)
            assert cli(*command, "--base-url", base_url).code == 3
            monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
            result = cli(*command, "--base-url", base_url)
            assert result.code == code
            assert "nothing was decided: " in result.err
            monkeypatch.delenv("CHAMELAION_API_KEY")
    assert counts(tmp_path) == {"in_doubt": 1}


def ledger_with_api(folder, api):
    for path in folder.glob("batchdub.db*"):
        path.unlink()
    ledger_with(folder, api, a=JobState.IN_DOUBT)[0].close()


@pytest.mark.real_time
def test_an_adoption_asks_only_the_ledgers_own_api(cli, tmp_path):
    """A request of the sandbox proves nothing elsewhere."""
    ledger_with(tmp_path, "https://api.example.com/api", a=JobState.IN_DOUBT)[0].close()

    result = cli("reconcile", "--adopt", "a", OTHER, *WHY, "--sandbox")

    assert result.code == 10
    assert "made against https://api.example.com/api" in result.err


def test_whoever_has_no_name_is_known_by_number(monkeypatch):
    """As in a container whose user is in no table."""

    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)

    assert who_decides() == f"uid {os.getuid()}@{socket.gethostname()}"


@pytest.mark.real_time
def test_only_chosen_rows_are_looked_for(cli, tmp_path):
    """And the exit code is about these."""
    ledger_with(tmp_path, a=JobState.IN_DOUBT, b=JobState.IN_DOUBT, c=JobState.COMPLETED)[0].close()
    entered(tmp_path, a=FIRST, b=SECOND)

    one = cli("reconcile", *SANDBOX, "--id", "a,c")
    mixed = cli("reconcile", "--cancel", "b", "--id", "b", *WHY)

    assert one.code == 0
    assert counts(tmp_path) == {"submitted": 1, "in_doubt": 1, "completed": 1}
    assert mixed.code == 2
    assert "a decision names its own row" in mixed.err
