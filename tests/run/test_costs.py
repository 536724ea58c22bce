"""Caps on money hold over every outcome, over runs and over deaths: the books are the oracle."""

from __future__ import annotations

import pytest

from batchdub.errors import UnusableInputError
from batchdub.exits import Exit
from batchdub.hours import day_of
from batchdub.ledger.spend import spend_since
from batchdub.price import Tariff, parse_price
from batchdub.states import JobState
from tests.support.night import Night, make_row, make_rows
from tests.support.virtual import EPOCH

EURO = 1_000_000
PER_JOB = Tariff(parse_price("1 EUR/job"))
PER_MINUTE = Tariff(parse_price("1 EUR/min"))
UNCLEAR = ("drop-after=0.2", "drop-before=0.2", "error-after=0.1", "error-before=0.1")


@pytest.fixture
def night(tmp_path):
    return Night(tmp_path)


def rows_of(*minutes):
    """Make rows of so many minutes each."""
    return [
        make_row(f"S01E{number:03d}", number + 1, duration=f"{length}:00")
        for number, length in enumerate(minutes, start=1)
    ]


def ledger_says(night):
    with night.ledger() as ledger:
        return sum(each.cost for each in spend_since(ledger, EPOCH))


async def test_a_cap_ends_the_run_before_it_would_be_exceeded(night):
    """The rest is pending, exit 5, and told once."""
    result = await night.run(rows_of(3, 4, 5, 1), tariff=PER_MINUTE, max_cost=8 * EURO)

    assert result.exit_code == Exit.CAP
    assert str(result.spent) == "7.00 EUR"
    (reason,) = result.reasons
    assert reason.message == (
        "`--max-cost 8.00 EUR` is reached: 7.00 EUR spent or maybe spent,"
        " and the next order costs 5.00 EUR"
    )
    assert night.states() == {JobState.SUBMITTED: 2, JobState.PENDING: 2}


async def test_a_cap_that_is_just_enough_is_not_reached(night):
    result = await night.run(rows_of(3, 4), tariff=PER_MINUTE, max_cost=7 * EURO)

    assert result.exit_code == Exit.DONE


async def test_a_reason_that_many_workers_notice_is_told_once(night):
    """`--max-jobs 1 is reached`, eight times, is a blemish."""
    night.transport.latency_s = lambda: 0.5

    result = await night.run(make_rows(20), max_jobs=3, concurrency=8)

    assert [reason.message for reason in result.reasons] == ["`--max-jobs 3` is reached"]


async def test_a_doubt_counts_as_spent_and_what_was_absent_does_not(night):
    """One was taken and its reply lost, one was never taken."""
    night.transport.script("accept_then_drop")
    night.transport.script("drop")

    result = await night.run(make_rows(9), tariff=PER_JOB, max_cost=4 * EURO, concurrency=1)

    assert result.exit_code == Exit.CAP
    assert sum(night.orders().values()) == 4
    assert ledger_says(night) == 4 * EURO


async def test_a_row_without_a_length_goes_only_where_nothing_has_to_count_it(tmp_path):
    """No price is invented for it: its cost is told as unknown, and a cap keeps it back."""
    rows = [*rows_of(2), make_row("S01E002", 3, duration="?")]

    free = await Night(tmp_path).run(rows, tariff=PER_MINUTE)

    assert str(free.spent) == "2.00 EUR and what 1 row of unknown cost come to"


async def test_a_doubt_of_unknown_cost_is_not_sent_again_under_a_cap(night):
    """Its order turned out not to exist; the row is held, with the reason."""
    rows = [make_row("S01E001", duration="?")]
    night.transport.script("drop")
    await night.run_killed(rows, after_s=1.0)
    assert night.state("S01E001") is JobState.IN_DOUBT

    result = await night.run(rows, tariff=PER_MINUTE, max_cost=9 * EURO)

    assert result.exit_code == Exit.ROWS_FAILED
    assert len(night.transport.posts()) == 1
    assert night.job("S01E001").held.startswith("`duration` is no length")


@pytest.mark.parametrize("seed", range(6))
async def test_a_day_stays_within_its_cap_over_runs_and_deaths(tmp_path, seed):
    """Whatever comes of the calls: what the books have never costs more, and no less than known."""
    night = Night(tmp_path, *UNCLEAR, seed=seed)
    night.transport.latency_s = lambda: 0.4
    rows = rows_of(*(1 + (seed + number * 7) % 5 for number in range(14)))
    minutes = {row.reference_id: int(row.columns["duration"].split(":")[0]) for row in rows}
    capped = {"tariff": PER_MINUTE, "max_cost_per_day": 21 * EURO, "settle_s": 2.0}
    for after_s in (0.7, 1.9, 4.0):
        await night.run_killed(rows, after_s=after_s, **capped)
    result = await night.run(rows, **capped)

    paid = sum(minutes[name] * number for name, number in night.orders().items())
    assert paid * EURO <= ledger_says(night) <= 21 * EURO
    assert result.exit_code in {Exit.CAP, Exit.NEEDS_A_LOOK, Exit.API_UNAVAILABLE}
    assert set(night.orders().values()) == {1}


async def test_what_a_day_had_in_doubt_comes_back_when_it_was_no_order(night):
    """The doubt of the run before used all that there was."""
    capped = {"tariff": PER_JOB, "max_cost_per_day": EURO}
    night.transport.script("drop")
    await night.run_killed(make_rows(1), after_s=1.0, **capped)
    assert night.state("S01E001") is JobState.IN_DOUBT

    result = await night.run(make_rows(2), **capped)

    assert (result.exit_code, night.orders()) == (Exit.CAP, {"S01E001": 1})
    assert ledger_says(night) == EURO


async def test_a_new_day_may_spend_again(night):
    """Midnight is this machine's; what was sent before it is yesterday's."""
    capped = {"tariff": PER_JOB, "max_cost_per_day": 2 * EURO}
    rows = make_rows(5)
    first = await night.run(rows, **capped)
    same_day = await night.run(rows, **capped)
    await night.clock.sleep((day_of(EPOCH)[1] - EPOCH).total_seconds())
    next_day = await night.run(rows, **capped)

    assert [each.exit_code for each in (first, same_day, next_day)] == [Exit.CAP] * 3
    assert [each.ordered for each in (first, same_day, next_day)] == [2, 0, 2]
    assert first.reasons[0].hint.endswith(" on, {command} orders the next")


async def test_orders_sent_without_a_price_count_by_todays(night):
    """A price that is set in the afternoon does not make the morning free."""
    await night.run(make_rows(3), max_jobs=2)

    result = await night.run(make_rows(9), tariff=PER_JOB, max_cost_per_day=4 * EURO)

    assert result.ordered == 2


@pytest.mark.parametrize(
    ("tariff", "why"),
    [
        (PER_MINUTE, "its cost is not known: there is no column `duration`"),
        (Tariff(parse_price("1 USD/job")), "in EUR, and the price is in USD"),
    ],
)
async def test_a_day_that_cannot_be_counted_is_not_added_to(night, tariff, why):
    """Of another currency, or of no known cost: a cap that guesses is none."""
    await night.run(make_rows(1), tariff=None if tariff is PER_MINUTE else PER_JOB)

    with pytest.raises(UnusableInputError, match=why) as caught:
        await night.run(rows_of(1, 1), tariff=tariff, max_cost_per_day=9 * EURO)

    assert caught.value.message.startswith("tonight.csv:2: `S01E001` was ordered today")
    assert len(night.transport.posts()) == 1
