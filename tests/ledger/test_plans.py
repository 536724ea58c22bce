"""Each question that is asked of every row finds its rows by an index: a million rows stay linear.

SQLite's own plan is looked at, since a wrong one shows only in a ledger that nobody tests with.
"""

from __future__ import annotations

import pytest

from batchdub.ledger import overview
from batchdub.ledger.spend import spend_since
from batchdub.states import JobState
from tests.ledger.support import START, add_jobs, make_row

ALL = "SCAN jobs"
MANY = "INDEX job_state"


@pytest.fixture
def plans(ledger):
    """Collect SQLite's plans of all statements that are run; what the triggers do is not in it."""
    add_jobs(ledger, "a")
    statements = []
    ledger._connection.set_trace_callback(statements.append)

    def collect():
        ledger._connection.set_trace_callback(None)
        asked = [text for text in statements if text.startswith(("SELECT", "UPDATE"))]
        found = [row[3] for text in asked for row in ledger.ask(f"EXPLAIN QUERY PLAN {text}")]
        assert found
        return found

    return collect


ONE_ROW = {
    "latest_jobs": lambda ledger: ledger.latest_jobs(["a"]),
    "jobs_of_media": lambda ledger: ledger.jobs_of_media([make_row("a").media_key]),
    "reached_before": lambda ledger: ledger.reached_before([1]),
    "states_of": lambda ledger: ledger.states_of([1]),
    "move_rows": lambda ledger: ledger.move_rows([(make_row("a"), 1, 9)]),
    "replace_media": lambda ledger: ledger.replace_media([make_row("a")]),
    "recover": lambda ledger: ledger.recover(),
    "manifest_paths": lambda ledger: ledger.manifest_paths(),
}


@pytest.mark.parametrize("name", ONE_ROW)
def test_what_is_asked_of_a_row_does_not_read_the_others(ledger, plans, name):
    """An index that begins with `latest` drew all of these to itself, and the cost was squared."""
    ONE_ROW[name](ledger)

    for step in plans():
        assert not step.startswith(ALL), step
        assert MANY not in step, step


def test_the_jobs_of_a_medium_are_found_by_its_index(ledger, plans):
    """It is of a part of the key only: the question must name that part as the index does."""
    for names in ("a", "ab"):
        ledger.jobs_of_media([make_row(name).media_key for name in names])

    assert plans().count("SEARCH jobs USING INDEX job_media (<expr>=?)") == 2


def test_a_days_spend_is_looked_up_order_by_order(ledger, plans):
    """One reading of the attempts, and of each only what its own job has been through."""
    list(spend_since(ledger, START))

    steps = plans()
    assert not [step for step in steps if "SCAN" in step and ("gone" in step or "sends" in step)]
    assert [step for step in steps if step.startswith("SEARCH gone USING INDEX transition_job")]


def test_a_report_streams(ledger, plans):
    """It must not sort a million rows before it gives the first."""
    list(ledger.report_rows())
    overview.column_names(ledger)

    assert {"SCAN jobs USING INDEX job_order"} <= set(steps := plans())
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_the_counts_are_read_from_an_index_alone(ledger, plans):
    """`status` must not read the jobs themselves."""
    overview.count_by_held(ledger)

    assert plans() == ["SCAN jobs USING COVERING INDEX job_state"]


def test_what_needs_a_look_has_an_index_of_its_own(ledger, plans):
    """Ten of a million jobs must not cost a reading of all."""
    overview.needs_a_look(ledger, 10)

    assert plans()[0] == "SCAN jobs USING INDEX job_attention"


def test_the_counts_tell_held_from_free(ledger):
    """The two are counted in one go."""
    first, second = add_jobs(ledger, "b", "c")
    with ledger.transaction():
        ledger.hold(first, "why")
        ledger.begin_attempt(second, START)

    assert overview.count_by_held(ledger) == {
        (JobState.PENDING, True): 1,
        (JobState.SENDING, False): 1,
    }
