"""A statement counts every order that the API took once, and tells what was ordered again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.ledger.bought import Bought
from batchdub.report.statement import COUNTS, Per, require_columns, statement_columns, statement_of

_orders = st.builds(
    Bought,
    reference_id=st.sampled_from("abc"),
    ordered_at=st.sampled_from(["2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00.000Z"]),
    run_id=st.sampled_from(["run-1", "run-2"]),
    state=st.sampled_from(["submitted", "completed", "failed", "in_doubt", ""]),
    further=st.booleans(),
    columns=st.dictionaries(st.sampled_from(["client", "orders"]), st.sampled_from("xy")),
)


@given(st.lists(_orders), st.sampled_from(Per), st.sampled_from([(), ("client",), ("orders",)]))
def test_every_order_is_in_one_line_and_one_column(orders, per, by):
    """The sum over a statement is the sum over the ledger, however it is cut."""
    lines = list(statement_of(orders, per, by))

    assert sum(line["orders"] for line in lines) == len(orders)
    for line in lines:
        assert line["completed"] + line["failed"] + line["unfinished"] == line["orders"]
        assert tuple(line) == statement_columns(per, by)
    assert sum(line["further_orders"] for line in lines) == sum(o.further for o in orders)
    assert len({tuple(line.values())[: 1 + len(by)] for line in lines}) == len(lines)


def test_a_users_column_steps_aside_for_one_of_ours():
    """A statement with two columns `orders` would be read wrongly."""
    assert statement_columns(Per.MONTH, ["orders", "client"]) == (
        "month", "manifest.orders", "client", *COUNTS,
    )  # fmt: skip


def test_a_column_that_no_row_has_is_told():
    """A statement of one line with an empty client would look like an answer."""
    with pytest.raises(UnusableInputError, match="no row has a column `klient`") as caught:
        require_columns(["klient"], ["client", "language"])

    assert "did you mean `client`?" in caught.value.hint
