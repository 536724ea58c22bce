"""The later look: a second order may show after the fact, and is never passed over in silence."""

from __future__ import annotations

from batchdub.exits import Exit
from batchdub.run.reconcile import NEARLY_REASON
from batchdub.sandbox.calls import error_answer
from batchdub.states import JobState
from tests.support.night import SETTLE_S, make_rows

REF = "S01E001"


async def test_late_acceptance_beyond_the_window_is_flagged_never_silent(night):
    """At most two orders; the later look finds the other one, and the exit code says so.

    Faults: F-10.
    """
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    rows = make_rows(2)

    await night.run(rows)
    await night.clock.sleep(60)
    later = await night.run(rows)
    again = await night.run(rows)

    assert night.orders() == {REF: 2, "S01E002": 1}
    assert (later.exit_code, again.exit_code) == (6, 6)
    assert [reference_id for reference_id, _ in later.standing.duplicates] == [REF]
    assert any("ordered more than once" in line for line in night.said)


async def test_a_later_look_that_fails_is_not_passed_over(night):
    """Whether there is a second order cannot be known now, and the exit code says so."""
    night.transport.script("drop")
    rows = make_rows(1)
    await night.run(rows)
    night.transport.down = [("GET", 0, 1e9)]

    result = await night.run(rows)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert "second order" in result.reasons[0].message


async def test_many_rows_are_looked_at_again_by_the_accounts_list(night):
    """One page of the account answers for all of them."""
    night.transport.script("drop", times=6)
    await night.run(make_rows(6))
    before = len(night.transport.gets())

    assert (await night.run(make_rows(6))).exit_code == 0
    assert len(night.transport.gets()) - before == 2  # how long it is, and the one page


async def test_a_rejected_row_that_was_ordered_after_all_is_flagged(night):
    """A refusal after a doubt settles the row, but the first call may still arrive.

    Faults: F-37.
    """
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("reply", 422, {"error": "invalid request body"})
    rows = make_rows(1)

    first = await night.run(rows)
    await night.clock.sleep(60)
    second = await night.run(rows)

    assert (first.exit_code, second.exit_code) == (8, 6)
    assert any("though it is rejected" in line for line in night.said)


async def test_a_pending_row_that_was_ordered_after_all_is_adopted(night):
    """Absent twice and then there: it is the row's own, so it is not sent again."""
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("drop")
    rows = make_rows(1)
    await night.run(rows, max_attempts=2)
    assert night.state(REF) is JobState.PENDING
    await night.clock.sleep(60)

    result = await night.run([])

    assert night.state(REF) is JobState.SUBMITTED
    assert result.adopted == 1
    assert night.orders()[REF] == 1


async def test_an_order_that_shows_while_the_later_look_fails_is_found_by_the_next_run(night):
    """Also by way of the account's list, when that list is down half-way."""
    night.transport.script("accept_later", late_s=SETTLE_S + 30)
    night.transport.script("drop", times=5)
    rows = make_rows(6)
    await night.run(rows)
    await night.clock.sleep(60)
    night.transport.script("pass", method="GET")
    night.transport.script("reply", 500, {"error": "x"}, method="GET", times=4)
    night.transport.script("pass", method="GET", times=3)
    night.transport.script("reply", 500, {"error": "x"}, method="GET", times=4)

    failed = await night.run(rows)
    found = await night.run(rows)

    assert (failed.exit_code, found.exit_code) == (9, 6)


async def test_a_row_that_was_turned_away_and_left_is_looked_at_again(night):
    """A 429 may lie, and nobody would look if the row never goes out again."""
    night.transport.script("accept_then_reply", 429, {"error": "rate limit exceeded"})
    night.transport.rewrite = lambda _, answer: (
        error_answer(500, "internal error") if night.transport.posts() else answer
    )
    night.signal_at(4.0)

    stopped = await night.run(make_rows(1))
    left = night.state(REF)
    night.transport.rewrite = lambda _, answer: answer
    later = await night.run([])

    assert (stopped.exit_code, left) == (Exit.INTERRUPTED, JobState.PENDING)
    assert (later.exit_code, later.adopted) == (Exit.DONE, 1)
    assert night.state(REF) is JobState.SUBMITTED
    assert night.orders() == {REF: 1}


async def test_a_row_that_was_left_is_for_a_person_where_clocks_disagree(night):
    """Its order seems older than its first try: it may be somebody else's, or its own."""

    night.transport.date_skews_s = lambda: 7200.0
    night.transport.script("accept_then_reply", 429, {"error": "rate limit exceeded"})
    night.transport.rewrite = lambda _, answer: (
        error_answer(500, "internal error") if night.transport.posts() else answer
    )
    night.signal_at(4.0)

    await night.run(make_rows(1))
    night.transport.rewrite = lambda _, answer: answer
    told, after = await night.run([]), await night.run([])

    assert (told.exit_code, after.exit_code) == (Exit.NEEDS_A_LOOK, Exit.DONE)
    assert night.job(REF).held == NEARLY_REASON
    assert night.orders() == {REF: 1}


async def test_a_pending_row_that_is_still_not_there_stays_pending(night):
    """The later look adopts what it finds, and nothing else."""
    night.transport.script("drop", times=2)
    await night.run(make_rows(1), max_attempts=2)

    assert (await night.run([])).exit_code == 0
    assert night.state(REF) is JobState.PENDING
