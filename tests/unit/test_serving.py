"""Who comes first is decided by a column, and a tie by the manifest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.models import JobKey
from batchdub.run.desk import Order
from batchdub.run.serving import Serving, parse_serving, served_in_turn
from tests.support.night import make_row


def orders(*values):
    """Make an order of each value of the column `priority`; None has none."""
    return [
        Order(number, JobKey(f"r{number}"), make_row(
            f"r{number}", **({} if value is None else {"priority": value})
        ))
        for number, value in enumerate(values)
    ]  # fmt: skip


def served(values, text="priority"):
    serving = parse_serving(text)
    return [o.row.columns.get("priority") for o in served_in_turn(orders(*values), serving)]


def test_numbers_are_numbers():
    """`10` comes after `9`; a text comes after both."""
    assert served(["10", "9", "late", "9.5", "Early"]) == ["9", "9.5", "10", "Early", "late"]
    assert served(["1", "10", "9"], "priority:desc") == ["10", "9", "1"]


def test_a_row_without_a_value_comes_last():
    """Whichever way round."""
    assert served([None, "2", "", "1"]) == ["1", "2", None, ""]
    assert served([None, "2", "", "1"], "priority:desc") == ["2", "1", None, ""]


@given(st.lists(st.sampled_from(["1", "2", "", "x", "nan", "inf"])), st.booleans())
def test_none_is_lost_and_ties_stay_in_manifest_order(values, descending):
    """Only the turn changes."""
    given_orders = orders("1", *values)
    turn = served_in_turn(given_orders, Serving("priority", descending))

    assert sorted(order.job_id for order in turn) == list(range(len(given_orders)))
    for value in set(values):
        ids = [order.job_id for order in turn if order.row.columns["priority"] == value]
        assert ids == sorted(ids)


def test_a_column_that_is_not_there_is_told():
    """Before anything is sent in the wrong order."""
    with pytest.raises(UnusableInputError) as raised:
        served_in_turn(orders("1"), Serving("priorty"))
    assert raised.value.hint == "did you mean `priority`?"
    with pytest.raises(UnusableInputError) as raised:
        served_in_turn(orders("1"), Serving("zzz"))
    assert raised.value.hint == "there are priority"
    assert served_in_turn([], Serving("priority")) == []
    with pytest.raises(UnusableInputError):
        parse_serving(":desc")
