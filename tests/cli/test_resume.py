"""`batchdub resume`: what a ledger has left is ordered without naming a manifest."""

from __future__ import annotations

from collections import Counter

import pytest

from batchdub.states import JobState
from tests.cli.nights import SANDBOX, books_of, ids, ledger_with, once_each, told, write_manifest
from tests.ledger.support import remote

pytestmark = pytest.mark.real_time


@pytest.fixture
def half_done(cli, tmp_path):
    """A night of six rows, four of them ordered."""
    manifest = write_manifest(tmp_path)
    assert cli("run", manifest, *SANDBOX, "--max-jobs", "4").code == 5
    return manifest


def test_what_is_left_is_ordered_and_then_nothing_is(cli, tmp_path, half_done):
    """The ledger remembers which manifests its rows come from."""
    first = cli("resume", *SANDBOX)
    second = cli("resume", *SANDBOX)

    assert (first.code, second.code) == (0, 0)
    assert "2 rows: 2 submitted" in first.err
    assert "nothing is left to order" in second.err
    assert told(second) == ["batchdub wait --sandbox"]
    assert books_of(tmp_path) == once_each(6)


def test_a_row_that_is_in_no_manifest_any_more_is_named_and_not_sent(cli, tmp_path, half_done):
    """Its links were never kept, so there is nothing to send."""
    write_manifest(tmp_path, 5)

    result = cli("resume", *SANDBOX)

    assert result.code == 8
    assert f"`{ids(6)}`: in no manifest any more" in result.err
    assert books_of(tmp_path) == once_each(5)


def test_a_row_with_other_media_now_is_sent_only_if_it_was_never_tried(cli, tmp_path, half_done):
    """Nothing is lost then; it is the row's newest version that is wanted."""
    write_manifest(tmp_path, media="other-")

    assert cli("resume", *SANDBOX).code == 0
    assert books_of(tmp_path) == once_each(6)


def test_without_its_manifests_nothing_can_be_sent(cli, tmp_path, half_done):
    """The file is named, and what to do."""
    (tmp_path / half_done).unlink()

    result = cli("resume", *SANDBOX)

    assert result.code == 2
    assert f"{half_done}: the manifest is gone" in result.err
    assert "put them back" in result.err


def test_without_a_ledger_there_is_nothing_to_resume(cli, tmp_path):
    """And none is made."""
    result = cli("resume", *SANDBOX)

    assert result.code == 10
    assert "there is no ledger" in result.err
    assert not list(tmp_path.iterdir())


def test_a_duplicate_that_nobody_has_seen_to_is_told_again(cli, tmp_path):
    """Though nothing is left to order: exit 6 until it is acknowledged."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.SUBMITTED)
    with ledger.transaction():
        ledger.record_other(jobs["a"], remote("request-9", reference_id="a"), "duplicate")
    ledger.close()

    result = cli("resume", *SANDBOX)

    assert result.code == 6
    assert "`a` was ordered more than once: also request request-9" in result.err
    assert told(result) == ["batchdub reconcile --acknowledge request-9"]


def test_rows_may_be_chosen_among_those_that_are_left(cli, tmp_path, half_done):
    """By column or id; a choice of rows that are all ordered is told, one of none is an error."""
    ordered = cli("resume", *SANDBOX, "--id", ids(1))
    nothing = cli("resume", *SANDBOX, "--only", "language=jp")
    one = cli("resume", *SANDBOX, "--only", "language=ja", "--id", "S01*")

    assert ordered.code == 0
    assert "nothing of these rows is left to order" in ordered.err
    assert nothing.code == 2
    assert "the values of `language` are `ja`, `no`" in nothing.err
    assert one.code == 0
    assert books_of(tmp_path) == once_each(4) + Counter({ids(6): 1})
