"""The breaker: three outcomes that say nothing stop the orders until a free call succeeds."""

from __future__ import annotations

from batchdub.exits import Exit
from batchdub.run.breaker import Breaker, Position, after_attempt, after_probe
from batchdub.states import JobState
from tests.support.night import make_rows


def broken(breaker=Breaker(), times=3):  # noqa: B008  a frozen value
    for _ in range(times):
        breaker = after_attempt(breaker, clear=False)
    return breaker


def test_three_strikes_open_it_and_a_clear_answer_in_between_resets_it():
    """In a row: an API that answers clearly now and then is up."""
    assert broken(times=2).position is Position.CLOSED
    assert broken().position is Position.OPEN
    assert broken(after_attempt(broken(times=2), clear=True), 2).position is Position.CLOSED


def test_a_clear_answer_of_an_earlier_call_does_not_close_an_open_one():
    """Only a probe does, and then one order."""
    assert after_attempt(broken(), clear=True) == broken()
    half_open = after_probe(broken(), succeeded=True)
    assert half_open.position is Position.HALF_OPEN
    assert after_attempt(half_open, clear=True) == Breaker()


def test_waits_double_from_a_second_to_ten_minutes():
    """The first try comes soon, the last ones do no harm."""
    breaker, waits_s = broken(), []
    for _ in range(12):
        waits_s.append(breaker.wait_s)
        breaker = after_probe(breaker, succeeded=False)
    assert waits_s[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits_s[-1] == 600.0


def test_five_failed_probes_or_ten_orders_in_vain_exhaust_it():
    """The API is down, or it answers free calls only."""
    breaker = broken()
    for _ in range(5):
        assert not breaker.exhausted
        breaker = after_probe(breaker, succeeded=False)
    assert breaker.exhausted

    breaker = broken()
    for _ in range(10):
        assert not breaker.exhausted
        breaker = after_attempt(after_probe(breaker, succeeded=True), clear=False)
    assert breaker.exhausted


async def test_an_api_that_goes_down_ends_the_run_after_five_failed_probes(night):
    """Nothing left, so nothing is in doubt; the rest is pending, exit 9.

    Faults: F-1.
    """
    night.transport.script("pass", times=4)
    night.transport.script("refuse_connection", times=1000)

    def unplug(request):
        if len(night.transport.posts()) == 4 and not night.transport._scripts["GET"]:
            night.transport.script("refuse_connection", method="GET", times=1000)

    night.transport.before_post = unplug
    result = await night.run(make_rows(20), concurrency=2)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert night.states() == {JobState.SUBMITTED: 4, JobState.PENDING: 16}
    assert any("no clear answer 3 times in a row" in line for line in night.said)
    assert any("several times in a row" in reason.message for reason in result.reasons)


async def test_while_it_is_open_nothing_is_sent_and_half_open_lets_one_through(night):
    """One order shows whether orders work again; only then all go."""
    night.transport.script("drop", times=3)
    night.transport.script("hang")
    night.transport.latency_s = lambda: 0.2

    result = await night.run(make_rows(20), concurrency=3)

    posts = [post.at_s for post in night.transport.posts()]
    alone = posts[3]
    assert result.exit_code == 0
    assert alone > posts[2] + 1.0
    assert posts[4] > alone + 60.0  # the deadline of the one that hung


async def test_a_short_outage_costs_no_row(night):
    """It closes again, and the night goes on."""
    night.transport.down = [("POST", 1.0, 20.0)]
    night.transport.latency_s = lambda: 0.3

    result = await night.run(make_rows(30), concurrency=4)

    assert result.exit_code == 0
    assert set(night.orders().values()) == {1}


async def test_an_api_that_answers_free_calls_but_fails_every_order_ends_the_run(night):
    """It is tried ten times, ever more seldom; the doubts are settled, the rest is pending.

    Faults: F-27.
    """
    night.transport.down = [("POST", 0.0, 1e9)]

    result = await night.run(make_rows(30), max_attempts=100)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert night.states() == {JobState.PENDING: 30}
    assert len(night.transport.posts()) < 30
    assert result.elapsed_s < 3600


async def test_a_row_without_connection_is_given_up_after_its_attempts(night):
    """`--max-attempts` tries per row and run; each has its own attempt in the ledger.

    Faults: F-1.
    """
    night.transport.script("refuse_connection", times=2)

    result = await night.run(make_rows(1), max_attempts=2)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert [each["event"] for each in night.attempts("S01E001")] == ["not_sent", "not_sent"]
    assert "after 2 tries" in result.reasons[0].message


async def test_a_row_that_never_arrives_is_given_up_after_its_attempts(night):
    """Sent again after each proof of absence, but not for ever."""
    night.transport.script("drop", times=9)

    result = await night.run(make_rows(1), max_attempts=2)

    assert result.exit_code == Exit.API_UNAVAILABLE
    assert len(night.transport.posts()) == 2
    assert night.state("S01E001") is JobState.PENDING
