"""What was spent is read from the history: all that was paid or may have been, each order once."""

from __future__ import annotations

import pytest

from batchdub.ledger.spend import spend_since
from batchdub.models import Cause, Outcome
from batchdub.price import Amount
from batchdub.states import Event, JobState
from tests.ledger.support import ENDS, PERSON, START, accepted, add_jobs, remote

COST = Amount(1_200_000, "EUR")


@pytest.fixture
def job_id(ledger):
    return add_jobs(ledger, "a")[0]


def send(ledger, job_id, outcome=None, cost=COST):
    """Send once at a cost; without an outcome the call is still going on."""
    with ledger.transaction():
        begun = ledger.begin_attempt(job_id, START, cost)
    if outcome is not None:
        with ledger.transaction():
            ledger.end_attempt(begun, outcome)


def spent(ledger):
    """Give number of the attempt, certainty, cost and whether it is in doubt, of each order."""
    query = "SELECT attempt_no, certainty, cost_millionths, currency FROM spend ORDER BY at"
    return list(ledger.ask(query))


def costs(ledger, since=START):
    return [(each.cost, each.open) for each in spend_since(ledger, since)]


@pytest.mark.parametrize("event", [Event.NOT_SENT, Event.TURNED_AWAY, Event.REFUSED])
def test_what_surely_was_no_order_was_not_spent(ledger, job_id, event):
    """It was never sent, or the API said no."""
    send(ledger, job_id, ENDS[event])

    assert spent(ledger) == []


def test_an_order_counts_from_its_intent_on(ledger, job_id):
    """A process that dies now may have paid."""
    send(ledger, job_id)

    assert spent(ledger) == [(1, "maybe", 1_200_000, "EUR")]


def test_an_order_costs_what_it_did_when_it_was_sent(ledger, job_id):
    """Another price tomorrow does not change it; a failed dub was paid as well."""
    send(ledger, job_id, accepted("r1"))
    with ledger.transaction():
        ledger.record_status(job_id, remote("r1", "failed"), Event.FAILED)

    assert spent(ledger) == [(1, "spent", 1_200_000, "EUR")]
    assert costs(ledger) == [(1_200_000, False)]


def test_a_doubt_may_be_spent_until_the_list_shows_otherwise(ledger, job_id):
    """Then it comes back, and the next try counts by itself."""
    send(ledger, job_id, ENDS[Event.LOST])
    assert costs(ledger) == [(1_200_000, True)]

    with ledger.transaction():
        ledger.settle_absent(job_id)
    assert spent(ledger) == []

    send(ledger, job_id, accepted("r1"), Amount(5))
    assert spent(ledger) == [(2, "spent", 5, "")]


def test_a_doubt_that_was_found_is_spent(ledger, job_id):
    send(ledger, job_id, ENDS[Event.LOST])
    with ledger.transaction():
        ledger.adopt(job_id, JobState.IN_DOUBT, remote("r1"))

    assert spent(ledger) == [(1, "spent", 1_200_000, "EUR")]


def test_what_a_person_decides_of_a_doubt_proves_nothing(ledger, job_id):
    """Whoever orders again, or gives up, may have paid all the same."""
    send(ledger, job_id, ENDS[Event.LOST])
    with ledger.transaction():
        ledger.settle_absent(job_id, PERSON)
    send(ledger, job_id, accepted("r1"))

    assert [row[1] for row in spent(ledger)] == ["maybe", "spent"]


def test_a_cancelled_doubt_may_have_been_paid(ledger, job_id):
    send(ledger, job_id, ENDS[Event.LOST])
    with ledger.transaction():
        ledger.cancel(job_id, JobState.IN_DOUBT, PERSON)

    assert costs(ledger) == [(1_200_000, False)]


def test_an_order_that_comes_to_light_after_its_absence_is_counted_once(ledger, job_id):
    """Late, or turned away and taken all the same: the job has an order, and no attempt counts."""
    send(ledger, job_id, ENDS[Event.LOST])
    with ledger.transaction():
        ledger.settle_absent(job_id)
    send(ledger, job_id, ENDS[Event.TURNED_AWAY])
    with ledger.transaction():
        ledger.adopt(job_id, JobState.PENDING, remote("r1"))

    assert spent(ledger) == [(None, "spent", 1_200_000, "EUR")]


def test_an_adopted_order_is_spent_though_nobody_knows_its_cost(ledger, job_id):
    """After `ledger rebuild` today's orders are still today's."""
    with ledger.transaction():
        ledger.adopt(job_id, JobState.PENDING, remote("r1"))

    assert spent(ledger) == [(None, "spent", None, None)]


def test_a_duplicate_is_paid_as_well(ledger, job_id):
    """By whom ever; requests that are not ours are not."""
    send(ledger, job_id, accepted("r1"))
    with ledger.transaction():
        ledger.record_other(job_id, remote("r2"), "duplicate")
        ledger.record_other(None, remote("r3"), "not_ours")

    assert sorted(costs(ledger)) == [(1_200_000, False)] * 2


def test_an_answer_that_gave_no_usable_id_may_be_paid(ledger, job_id):
    send(ledger, job_id, Outcome(Event.LOST, Cause.PAID_WITHOUT_ID, "no id", 200))

    assert costs(ledger) == [(1_200_000, True)]


def test_only_what_came_since_is_asked_for(ledger, job_id):
    """A day's cap counts a day."""
    send(ledger, job_id, accepted("r1"))

    assert costs(ledger, START.replace(day=2)) == []
    assert [each.columns for each in spend_since(ledger, START)] == [{"language": "ja"}]


def test_sums_by_run_and_by_column_are_one_question(ledger):
    """The README's promise to whoever opens the ledger with SQL."""
    first, second = add_jobs(ledger, "b", "c")
    send(ledger, first, accepted("r1"))
    send(ledger, second, accepted("r2"), Amount(300_000, "EUR"))

    query = (
        "SELECT run_id, json_extract(columns, '$.language'), sum(cost_millionths), currency"
        " FROM spend GROUP BY run_id, substr(at, 1, 7), 2, currency"
    )
    assert list(ledger.ask(query)) == [("run-1", "ja", 1_500_000, "EUR")]
