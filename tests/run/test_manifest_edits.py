"""Manifests are edited between runs: rows are known by identity, never by position."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchdub.exits import Exit
from batchdub.states import JobState
from tests.support.night import make_row, make_rows

TOKENS = {"error": "token limit reached"}


async def stopped_before_sending(night, rows):
    """Have the rows registered, and none of them sent but one that was turned away."""
    await night.run(rows, max_jobs=0)
    assert night.transport.posts() == []


async def test_removed_reordered_renamed_moved(night):
    """None of it orders anything again.

    Faults: F-61.
    """
    rows = make_rows(10)
    await night.run(rows)

    shuffled = [replace(row, source=row.source._replace(path="b.csv")) for row in rows[::-1][:7]]
    result = await night.run(shuffled)

    assert result.exit_code == 0
    assert result.standing.states == {JobState.SUBMITTED: 7}
    assert set(night.orders().values()) == {1}
    assert str(night.job("S01E010").source) == "b.csv:11"


async def test_a_row_that_was_inserted_is_the_only_one_sent(night):
    """Resuming by line number would order what comes after it again."""
    rows = make_rows(5)
    await night.run(rows)
    await night.run([make_row("new", 2), *rows])
    assert sum(night.orders().values()) == 6


async def test_a_rotated_signature_is_the_same_row(night):
    """Links are signed anew each night.

    Faults: F-59.
    """
    signed = "https://cdn.example.com/a.mp4?Expires={0}&Signature=s{0}&Key-Pair-Id=K1"
    first = make_row("row", video=signed.format(1893456001))
    second = make_row("row", video=signed.format(1893456002))
    await night.run([first])

    assert (await night.run([second])).exit_code == 0
    assert night.orders() == {"row": 1}


async def test_other_media_under_an_ordered_id_is_a_conflict(night):
    """It is not sent, and told; the row that was ordered stays as it is.

    Faults: F-58.
    """
    await night.run(make_rows(2))
    other = make_row("S01E001", video="https://cdn.example.com/else.mp4")

    result = await night.run([other])

    assert result.exit_code == Exit.ROWS_FAILED
    assert "other media" in result.standing.left_out[0].why
    assert night.orders()["S01E001"] == 1


async def test_other_media_of_a_row_that_was_never_sent_simply_replaces_it(night):
    """Nothing was ordered under the old ones."""
    await stopped_before_sending(night, make_rows(2))
    other = make_row("S01E001", video="https://cdn.example.com/else.mp4")

    assert (await night.run([other])).exit_code == 0
    assert night.books.orders[0].inputs[0].url == "https://cdn.example.com/else.mp4"
    assert night.job("S01E001").media_key == other.media_key
    assert night.findings() == []


async def test_a_doubt_with_other_media_is_settled_but_not_sent(night):
    """It is the old order that is in doubt; the row's new media are a conflict."""
    night.transport.script("drop")
    assert await night.run_killed(make_rows(1), after_s=2.0)
    other = make_row("S01E001", video="https://cdn.example.com/else.mp4")

    result = await night.run([other])

    assert result.exit_code == Exit.ROWS_FAILED
    assert night.state("S01E001") is JobState.PENDING
    assert len(night.transport.posts()) == 1


async def test_a_doubt_whose_row_is_gone_is_settled_but_not_sent(night):
    """There are no links to send; it is pending for whoever brings the row back."""
    night.transport.script("drop")
    rows = make_rows(2)
    assert await night.run_killed(rows, after_s=2.0, concurrency=1)

    assert (await night.run(rows[1:])).exit_code == 0
    assert night.state("S01E001") is JobState.PENDING
    assert (await night.run(rows)).exit_code == 0
    assert set(night.orders().values()) == {1}


def twins():
    """Two ids for the same media."""
    media = {"video": "https://cdn.example.com/v.mp4", "audio": "https://cdn.example.com/a.wav"}
    return [make_row("one", 2, **media), make_row("two", 3, **media)]


async def test_the_same_media_under_another_id_is_held(night):
    """Most likely a slip that would pay twice; it is told, and stays held."""
    first = await night.run(twins())
    second = await night.run(twins())

    assert (first.exit_code, second.exit_code) == (8, 8)
    assert night.orders() == {"one": 1}
    assert "same media" in night.job("two").held
    assert "`one`" in second.standing.left_out[0].why


async def test_allow_same_media_frees_it(night):
    """Some really want both."""
    await night.run(twins())

    assert (await night.run(twins(), allow_same_media=True)).exit_code == 0
    assert night.orders() == {"one": 1, "two": 1}
    assert night.job("two").held is None


async def test_a_freed_row_is_free_before_it_is_sent(night):
    """Whoever looks at the ledger meanwhile must not be told of a cause that is gone."""
    await night.run(twins())
    await night.run(twins(), allow_same_media=True, max_jobs=0)
    assert night.state("two") is JobState.PENDING
    assert night.job("two").held is None


async def test_a_held_row_whose_media_was_mended_is_freed(night):
    """The cause is gone, and so is the hold."""
    await night.run(twins())
    mended = make_row("two", 3, audio="https://cdn.example.com/other.wav")

    assert (await night.run([twins()[0], mended])).exit_code == 0
    assert night.job("two").held is None
    assert night.orders() == {"one": 1, "two": 1}


@pytest.mark.parametrize("turned", [False, True])
async def test_two_pending_twins_do_not_wait_for_each_other(night, turned):
    """In whatever order they stand now, one of them is sent."""
    rows = twins()
    await night.run(rows, max_jobs=0, allow_same_media=True)

    await night.run(rows[::-1] if turned else rows)

    assert sum(night.orders().values()) == 1


async def test_a_rejected_twin_stands_in_nobodys_way(night):
    """It was not ordered, so the other one is."""
    night.transport.script("reply", 400, {"error": "invalid request body"})
    await night.run(twins())

    await night.run(twins())

    assert night.orders() == {"two": 1}
