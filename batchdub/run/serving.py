"""Who is served first: a run's orders sorted by one of the manifest's own columns. Pure.

It matters where not all of them will be: the tokens, the cap or the night may end before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from batchdub.errors import UnusableInputError
from batchdub.run.desk import Order

_DESCENDING = ":desc"


@dataclass(frozen=True, slots=True)
class Serving:
    """A column to serve by, and whether its largest values come first."""

    column: str
    descending: bool = False


def parse_serving(text: str) -> Serving:
    """Read `COLUMN` or `COLUMN:desc`. Raises UnusableInputError."""
    column = text.removesuffix(_DESCENDING).removesuffix(":asc")
    if not column:
        raise UnusableInputError(f"`{text}` names no column", "write `priority` or `priority:desc`")
    return Serving(column, text.endswith(_DESCENDING))


def served_in_turn(orders: Iterable[Order], serving: Serving) -> list[Order]:
    """Sort orders: numbers as numbers before texts, rows without a value last, else as they were.

    Raises UnusableInputError, with a near miss, if no row has the column.
    """
    waiting = list(orders)
    if waiting and not any(serving.column in order.row.columns for order in waiting):
        raise _no_such_column(waiting, serving.column)
    with_value = [order for order in waiting if _value(order, serving)]
    without = [order for order in waiting if not _value(order, serving)]
    with_value.sort(key=lambda order: _rank(_value(order, serving)), reverse=serving.descending)
    return with_value + without


def _value(order: Order, serving: Serving) -> str:
    return order.row.columns.get(serving.column, "")


def _rank(value: str) -> tuple[bool, float, str]:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        return True, 0.0, value.casefold()
    return False, number, ""


def _no_such_column(orders: Iterable[Order], column: str) -> UnusableInputError:
    names = {name for order in orders for name in order.row.columns}
    near = get_close_matches(column, names, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(names))}"
    return UnusableInputError(f"--order: no row has a column `{column}`", hint)
