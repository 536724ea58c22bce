"""A statement: what was ordered and what it cost, by month or run, and by the manifests' columns.

It counts orders and not rows. A row that was ordered again is a further order, and so is a
duplicate, since each of them may have been paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from batchdub.errors import UnusableInputError
from batchdub.ledger.spend import Bought
from batchdub.price import MILLIONTHS
from batchdub.select.nearness import near

FIGURES = (
    "orders", "in_doubt", "completed", "failed", "further_orders", "unpriced", "currency",
    "cost", "cost_in_doubt",
)  # fmt: skip
"""`orders` exist for sure; those `in_doubt` may. `further_orders` are of rows that had one,
`unpriced` those of either kind whose cost is not known; it is in neither sum."""


class Per(StrEnum):
    """What a line of a statement covers."""

    MONTH = "month"
    """A calendar month, in UTC."""
    RUN = "run"
    """One run, by its run_id."""


@dataclass(slots=True)
class _Line:
    """The figures of one line; costs in millionths, None while none is known."""

    orders: int = 0
    in_doubt: int = 0
    completed: int = 0
    failed: int = 0
    further_orders: int = 0
    unpriced: int = 0
    cost: int | None = None
    cost_in_doubt: int | None = None

    def add(self, order: Bought) -> None:
        self.unpriced += order.cost is None
        if not order.sure:
            self.in_doubt += 1
            if order.cost is not None:
                self.cost_in_doubt = (self.cost_in_doubt or 0) + order.cost
            return
        self.orders += 1
        self.completed += order.own and order.state == "completed"
        self.failed += order.own and order.state == "failed"
        self.further_orders += order.revision > 1 or not order.own
        if order.cost is not None:
            self.cost = (self.cost or 0) + order.cost

    def figures(self, currency: str) -> tuple[object, ...]:
        counts = (self.orders, self.in_doubt, self.completed, self.failed)
        sums = (decimal(self.cost), decimal(self.cost_in_doubt))
        return (*counts, self.further_orders, self.unpriced, currency, *sums)


def statement_columns(per: Per, by: Sequence[str]) -> tuple[str, ...]:
    """Give a statement's columns in order; one of the user's steps aside for one of ours."""
    ours = (per.value, *FIGURES)
    return (per.value, *(f"manifest.{name}" if name in ours else name for name in by), *FIGURES)


def statement_of(
    orders: Iterable[Bought], per: Per, by: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Count orders into lines, one for each currency, sorted by what they cover.

    Holds no more than those lines.
    """
    lines: dict[tuple[str, ...], _Line] = {}
    for order in orders:
        covers = order.at[:7] if per is Per.MONTH else order.run_id
        key = (covers, *(order.columns.get(name, "") for name in by), order.currency)
        lines.setdefault(key, _Line()).add(order)
    columns = statement_columns(per, by)
    for (*covered, currency), line in sorted(lines.items()):
        values = (*covered, *line.figures(currency))
        yield dict(zip(columns, values, strict=True))


def columns_meant(by: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Give the manifests' columns that are meant, in any case of letters if that is clear.

    Raises UnusableInputError for one that no row has, with what may have been meant.
    """
    return tuple(_column_meant(name, known) for name in by)


def _column_meant(name: str, known: Sequence[str]) -> str:
    alike = [each for each in known if each.casefold() == name.casefold()]
    if name in known or len(alike) == 1:
        return name if name in known else alike[0]
    raise UnusableInputError(
        f"--by: no row has a column `{name}`", near([name], known, "the columns are")
    )


def decimal(millionths: int | None) -> str | None:
    """Write an amount exactly, as programs and spreadsheets read it; None if it is not known."""
    if millionths is None:
        return None
    whole, rest = divmod(millionths, MILLIONTHS)
    return f"{whole}.{f'{rest:06d}'.rstrip('0').ljust(2, '0')}"
