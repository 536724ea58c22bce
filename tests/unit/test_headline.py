"""The one line over the report says how many are ordered, and how many need somebody."""

from __future__ import annotations

import pytest

from batchdub.headline import Standing, headline, standing_of
from batchdub.states import JobState


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "no rows to order"),
        ({"completed": 430}, "430 of 430 ordered, none needs you"),
        ({"completed": 400, "submitted": 12, "rejected": 18}, "412 of 430 ordered, 18 need you"),
        ({"completed": 3, "failed": 1}, "4 of 4 ordered, 1 needs you"),
        ({"pending": 7}, "0 of 7 ordered, 7 wait"),
        ({"submitted": 6, "pending": 1}, "6 of 7 ordered, 1 waits"),
        ({"completed": 1234, "cancelled": 9}, "1,234 of 1,234 ordered, none needs you"),
        ({"in_doubt": 1, "sending": 1, "pending": 1}, "0 of 3 ordered, 1 needs you"),
    ],
)
def test_it_counts_what_is_ordered_and_what_does_not_go_on_by_itself(counts, said):
    """A failed dub was ordered and needs somebody; a row that was taken out is no row."""
    assert headline({(JobState(state), False): n for state, n in counts.items()}) == said


def test_a_row_that_is_held_needs_somebody():
    """It is pending like the others, and yet no run will send it."""
    assert headline({(JobState.PENDING, True): 2}) == "0 of 2 ordered, 2 need you"


def test_a_row_with_a_second_order_needs_somebody_once():
    """Whatever its state says; one that needed somebody anyway is not counted twice."""
    done, failed, out = (
        (JobState.COMPLETED, False), (JobState.FAILED, False), (JobState.CANCELLED, False),
    )  # fmt: skip

    assert headline({done: 5, failed: 1}, {done: 1}) == "6 of 6 ordered, 2 need you"
    assert headline({done: 5, failed: 1}, {failed: 1}) == "6 of 6 ordered, 1 needs you"
    assert headline({done: 5, out: 2}, {out: 1}) == "5 of 6 ordered, 1 needs you"


def test_rows_that_have_no_job_need_somebody():
    """In conflict, or invalid: the run that read the manifest knows of them."""
    assert headline({(JobState.SUBMITTED, False): 2}, besides=1) == "2 of 3 ordered, 1 needs you"


@pytest.mark.parametrize("state", JobState)
def test_every_state_means_something(state):
    """A new state must not be left out of the headline in silence."""
    assert standing_of(state, held=False) in Standing
