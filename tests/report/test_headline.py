"""The one line over the report says how many are ordered, and how many need somebody."""

from __future__ import annotations

import pytest

from batchdub.report.headline import Standing, headline, standing_of
from batchdub.states import JobState


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "no rows to order"),
        ({"completed": 430}, "430 of 430 ordered, none needs you"),
        ({"completed": 400, "submitted": 12, "rejected": 18}, "412 of 430 ordered, 18 need you"),
        ({"completed": 3, "failed": 1}, "4 of 4 ordered, 1 needs you"),
        ({"pending": 7}, "0 of 7 ordered, none needs you"),
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


@pytest.mark.parametrize("state", JobState)
def test_every_state_means_something(state):
    """A new state must not be left out of the headline in silence."""
    assert standing_of(state, held=False) in Standing
