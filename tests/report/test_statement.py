"""A statement counts every order once, tells what was ordered again, and what it cost, exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.ledger.spend import Bought
from batchdub.report.statement import (
    FIGURES,
    Per,
    columns_meant,
    decimal,
    statement_columns,
    statement_of,
)

_orders = st.builds(
    Bought,
    reference_id=st.sampled_from("abc"),
    revision=st.integers(1, 2),
    at=st.sampled_from(["2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00.000Z"]),
    run_id=st.sampled_from(["run-1", "run-2"]),
    sure=st.booleans(),
    state=st.sampled_from(["submitted", "completed", "failed"]),
    own=st.booleans(),
    cost=st.none() | st.integers(0, 10**12),
    currency=st.sampled_from(["", "EUR", "USD"]),
    columns=st.dictionaries(st.sampled_from(["client", "orders"]), st.sampled_from("xy")),
)


@given(st.lists(_orders), st.sampled_from(Per), st.sampled_from([(), ("client",), ("orders",)]))
def test_every_order_and_its_cost_are_in_one_line(orders, per, by):
    """The sum over a statement is the sum over the ledger, however it is cut, to the last cent."""
    lines = list(statement_of(orders, per, by))

    assert sum(line["orders"] for line in lines) == sum(order.sure for order in orders)
    assert sum(line["in_doubt"] for line in lines) == sum(not order.sure for order in orders)
    for name, sure in (("cost", True), ("cost_in_doubt", False)):
        costs = [order.cost or 0 for order in orders if order.sure is sure]
        assert sum(Decimal(line[name] or 0) for line in lines) * 10**6 == sum(costs)
    assert sum(line["unpriced"] for line in lines) == [o.cost for o in orders].count(None)
    for line in lines:
        assert line["completed"] + line["failed"] <= line["orders"]
        assert tuple(line) == statement_columns(per, by)


@pytest.mark.parametrize(
    ("millionths", "said"),
    [(None, None), (0, "0.00"), (1_200_000, "1.20"), (1_234_567_890_001, "1234567.890001")],
)
def test_an_amount_is_exact_and_what_is_not_known_is_no_amount(millionths, said):
    """No separators, which a spreadsheet of another country reads otherwise."""
    assert decimal(millionths) == said


def test_a_users_column_steps_aside_for_one_of_ours():
    """A statement with two columns `orders` would be read wrongly."""
    assert statement_columns(Per.MONTH, ["orders", "client"]) == (
        "month", "manifest.orders", "client", *FIGURES,
    )  # fmt: skip


def test_a_column_that_no_row_has_is_told():
    """A statement of one line with an empty client would look like an answer."""
    with pytest.raises(UnusableInputError, match="no row has a column `klient`") as caught:
        columns_meant(["klient"], ["client", "language"])

    assert "did you mean `client`?" in caught.value.hint


def test_a_column_is_meant_in_any_case_of_letters_if_that_is_clear():
    """The spreadsheet has `Client`, the person types `client`; of two nothing is guessed."""
    assert columns_meant(["client", "Season"], ["Client", "Season", "season"]) == (
        "Client", "Season",
    )  # fmt: skip
    with pytest.raises(UnusableInputError, match="no row has a column `SEASON`"):
        columns_meant(["SEASON"], ["Season", "season"])
