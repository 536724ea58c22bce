"""Whatever becomes of the calls, what was spent and what may have been stay within every limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batchdub.hours import day_of
from batchdub.run.purse import Caps, Purse, SpentToday

NOON = day_of(datetime(2026, 3, 2, 12, tzinfo=UTC))[0] + timedelta(hours=12)
LATER = timedelta(days=9)


class Clock:
    def __init__(self, now=NOON):
        self.at = now

    def now(self):
        return self.at


def test_an_order_that_does_not_fit_names_its_limit():
    """And how things stand, in money."""
    purse = Purse(Caps(cost=3_000_000, currency="EUR"), Clock())
    purse.hand_out(1, 2_000_000)

    assert purse.refusal(1_000_000) is None
    assert str(purse.refusal(1_000_001)) == (
        "`--max-cost 3.00 EUR` is reached: 2.00 EUR spent or maybe spent,"
        " and the next order costs 1.000001 EUR"
    )


def test_a_cap_of_nothing_lets_nothing_go():
    """Not even what is cheap."""
    assert Purse(Caps(cost=0), Clock()).refusal(1) is not None
    refused = Purse(Caps(jobs=0), Clock()).refusal(None)
    assert refused is not None
    assert str(refused) == "`--max-jobs 0` is reached"
    assert refused.hint.startswith("raise `--max-jobs`"), "the same command would not get further"


def test_what_was_spent_before_counts_today_and_what_turns_out_absent_comes_back():
    """A doubt of an earlier run is settled by this one."""
    purse = Purse(Caps(cost_per_day=5), Clock(), SpentToday(2, {7: 2}))

    assert purse.refusal(2) is not None
    purse.not_ordered(7)
    assert purse.refusal(3) is None


def test_a_new_day_begins_at_midnight_with_what_is_in_hand():
    """An order that a worker has may go before or after it; one that is gone was yesterday's."""
    clock = Clock()
    purse = Purse(Caps(cost_per_day=4), clock)
    for job_id in (1, 2):
        purse.hand_out(job_id, 2)
    purse.send(1)
    purse.put_down(1)
    assert purse.refusal(1) is not None

    clock.at = day_of(NOON)[1]

    assert purse.refusal(2) is None
    assert purse.refusal(3) is not None


def test_an_order_found_in_hand_counts_where_it_belongs():
    """Sent by this run: to the run. Only created today: to the day. Older: to neither."""
    clock = Clock()
    purse = Purse(Caps(cost=9, cost_per_day=9), clock)
    for job_id, (created_at, sent) in enumerate(
        ((NOON, True), (NOON, False), (NOON - LATER, False))
    ):
        purse.hand_out(job_id, 2)
        purse.found(job_id, created_at, sent=sent)
        purse.put_down(job_id)

    assert purse.spent == 2
    assert purse.refusal(5) is None
    assert str(purse.refusal(6)).startswith("`--max-cost-per-day")


def test_a_duplicate_costs_what_its_job_does():
    """It cannot be undone, so what is left must be less."""
    purse = Purse(Caps(cost=9), Clock())
    purse.hand_out(1, 4)
    purse.send(1)
    purse.put_down(1)

    purse.paid_besides(1, 1)

    assert purse.spent == 8


@given(st.lists(st.none() | st.integers(1, 9)))
def test_without_caps_everything_goes_and_is_summed(costs):
    """What has no price is counted beside the sum."""
    purse = Purse(Caps(), Clock())
    for job_id, cost in enumerate(costs):
        assert purse.refusal(cost) is None
        purse.hand_out(job_id, cost)
        purse.send(job_id)
        purse.put_down(job_id)

    assert purse.spent == sum(filter(None, costs))
    assert purse.unpriced == costs.count(None)


class Night(RuleBasedStateMachine):
    """Workers, outcomes, looks and midnights in any order, against a ledger kept by hand.

    `paid` is what the provider has charged or may have, by job: cost, and when it was sent.
    """

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.caps = Caps(jobs=6, cost=20, cost_per_day=15)
        self.before = 4
        self.purse = Purse(self.caps, self.clock, SpentToday(1, {-1: 3}))
        self.costs, self.in_hand, self.paid = {}, [], {-1: (3, self.clock.at)}
        self.on_wire, self.spent_here = set(), set()

    @rule(cost=st.integers(1, 9), again=st.booleans())
    def take(self, cost, again):
        back = [job for job in self.costs if job not in self.in_hand and job not in self.paid]
        job = back[0] if again and back else len(self.costs)
        cost = self.costs.get(job, cost)
        if self.purse.refusal(cost) is None:
            self.costs[job] = cost
            self.purse.hand_out(job, cost)
            self.in_hand.append(job)

    @precondition(lambda self: set(self.in_hand) - self.on_wire - set(self.paid))
    @rule(data=st.data())
    def send(self, data):
        job = data.draw(st.sampled_from(sorted(set(self.in_hand) - self.on_wire - set(self.paid))))
        self.purse.send(job)
        self.on_wire.add(job)
        self.paid[job] = (self.costs[job], self.clock.at)
        self.spent_here.add(job)

    @precondition(lambda self: self.on_wire)
    @rule(data=st.data(), ordered=st.booleans())
    def answer(self, data, ordered):
        job = data.draw(st.sampled_from(sorted(self.on_wire)))
        self.on_wire.discard(job)
        if not ordered:
            self.purse.not_ordered(job)
            self.paid.pop(job)

    @precondition(lambda self: set(self.in_hand) - self.on_wire)
    @rule(data=st.data())
    def put_down(self, data):
        job = data.draw(st.sampled_from(sorted(set(self.in_hand) - self.on_wire)))
        self.in_hand.remove(job)
        self.purse.put_down(job)

    @precondition(lambda self: set(self.paid) - set(self.in_hand))
    @rule(data=st.data())
    def turn_out_absent(self, data):
        job = data.draw(st.sampled_from(sorted(set(self.paid) - set(self.in_hand))))
        self.purse.not_ordered(job)
        self.paid.pop(job)

    @rule(hours=st.integers(1, 30))
    def wait(self, hours):
        self.clock.at += timedelta(hours=hours)

    @invariant()
    def within_every_limit(self):
        """Today's sum by the ledger's rule: each order on the day of its intent."""
        began_at = day_of(self.clock.at)[0]
        today = sum(cost for cost, at in self.paid.values() if at >= began_at)
        here = [self.paid[job][0] for job in self.spent_here & set(self.paid)]
        assert len(here) <= self.caps.jobs
        assert sum(here) <= self.caps.cost
        assert today + (1 if began_at <= NOON else 0) <= self.caps.cost_per_day


TestNight = Night.TestCase
TestNight.settings = settings(max_examples=60, stateful_step_count=30)
