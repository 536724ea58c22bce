"""The pin: a ledger belongs to one API and one account, because its proofs hold only there."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from batchdub.errors import ApiUnavailableError, LedgerUnusableError
from batchdub.redact import Secret
from batchdub.sandbox.calls import error_answer
from tests.support.night import Night, make_rows

NEW_KEY = Secret("planted-second-key-0123")


def other_account(night):
    """Have the API know none of our requests by their ids."""

    def rewrite(request, answer):
        by_id = "requests/" in request.url.path
        return error_answer(404, "lipsync request not found") if by_id else answer

    night.transport.rewrite = rewrite


async def test_a_new_key_of_the_same_account_goes_on(night):
    """Keys are rotated; it sees a known request, so the account is the same."""
    await night.run(make_rows(1))

    assert (await night.run(make_rows(3), key=NEW_KEY)).exit_code == 0
    asked = [call.path for call in night.transport.gets()]
    assert sum("requests/" in path for path in asked) == 1
    await night.run(make_rows(4), key=NEW_KEY)
    assert len([call for call in night.transport.gets() if "requests/" in call.path]) == 1


async def test_a_key_of_another_account_is_refused(night):
    """Nothing could be proven there: an order would look absent and be paid again.

    Faults: F-107.
    """
    await night.run(make_rows(1))
    other_account(night)

    with pytest.raises(LedgerUnusableError, match="belongs to another account") as refused:
        await night.run(make_rows(3), key=NEW_KEY)
    assert sum(night.orders().values()) == 1
    assert NEW_KEY.reveal() not in repr(refused.value)


async def test_a_rebuilt_ledger_takes_only_a_key_that_sees_its_requests(night):
    """It knows requests and no key yet, so a first key is as new to it as a second one.

    Faults: F-107.
    """
    await night.run(make_rows(1))
    with closing(sqlite3.connect(night.ledger_path)) as connection, connection:
        connection.execute("DELETE FROM meta WHERE name LIKE 'key_%'")
    other_account(night)

    with pytest.raises(LedgerUnusableError, match="belongs to another account"):
        await night.run(make_rows(3))
    assert sum(night.orders().values()) == 1


async def test_a_new_key_that_cannot_be_checked_sends_nothing(night):
    """No answer is no proof."""
    await night.run(make_rows(1))
    night.transport.rewrite = lambda request, answer: (
        error_answer(500, "internal error") if "requests/" in request.url.path else answer
    )

    with pytest.raises(ApiUnavailableError, match="cannot be checked"):
        await night.run(make_rows(3), key=NEW_KEY)
    assert sum(night.orders().values()) == 1


async def test_a_ledger_without_an_order_takes_any_key(night):
    """There is nothing yet that a key could fail to see."""
    night.transport.script("reply", 412, {"error": "token limit reached"})
    await night.run(make_rows(1))
    other_account(night)

    assert (await night.run(make_rows(1), key=NEW_KEY)).exit_code == 0


async def test_a_ledger_of_the_sandbox_is_not_used_on_another_api(night):
    """Its orders were never paid for; elsewhere they would all look ordered.

    Faults: F-107.
    """
    await night.run(make_rows(1), target="sandbox")

    with pytest.raises(LedgerUnusableError, match="made against sandbox"):
        await night.run(make_rows(1))


async def test_the_key_is_in_no_file(night):
    """The ledger may be shown around: it keeps a salted print, and no part of the key."""
    await night.run(make_rows(2))
    for file in night.folder.iterdir():
        assert b"planted" not in file.read_bytes()


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    """Before anything is locked or made."""
    with pytest.raises(LedgerUnusableError, match="there is no folder"):
        await Night(tmp_path / "nowhere").run(make_rows(1))


async def test_a_disk_that_is_almost_full_is_refused(night, monkeypatch):
    """A run must never fail to record."""
    monkeypatch.setattr("batchdub.run.session.LEAST_FREE_BYTES", 10**18)

    with pytest.raises(LedgerUnusableError, match="must never fail to record"):
        await night.run(make_rows(1))
    assert not night.ledger_path.exists()


async def test_how_a_run_ended_is_in_the_ledger(night):
    """Also one that was refused, and one that ended as nobody expected."""
    await night.run(make_rows(1))
    other_account(night)
    with pytest.raises(LedgerUnusableError):
        await night.run(make_rows(2), key=NEW_KEY)

    def interrupt(_session):
        raise KeyboardInterrupt

    night.on_session = interrupt
    with pytest.raises(KeyboardInterrupt):
        await night.run(make_rows(2))

    with night.ledger() as ledger:
        ends = [row[0] for row in ledger.ask("SELECT exit_code FROM runs ORDER BY run_id")]
    assert ends == [0, 10, 130]
