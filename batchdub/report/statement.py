"""A statement: what was ordered, by month or by run, and by the manifests' own columns.

It counts orders and not rows. A row that was ordered again is a further order, and so is a
duplicate, since each of them may have been paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from batchdub.errors import UnusableInputError
from batchdub.ledger.bought import Bought
from batchdub.select.nearness import near

COUNTS = ("orders", "completed", "failed", "unfinished", "further_orders")
"""Of the orders: those whose dub is done, failed, and neither; and those of a row that had one."""


class Per(StrEnum):
    """What a line of a statement covers."""

    MONTH = "month"
    """A calendar month, in UTC."""
    RUN = "run"
    """One run, by its run_id."""


def statement_columns(per: Per, by: Sequence[str]) -> tuple[str, ...]:
    """Give a statement's columns in order; one of the user's steps aside for one of ours."""
    ours = (per.value, *COUNTS)
    return (per.value, *(f"manifest.{name}" if name in ours else name for name in by), *COUNTS)


def statement_of(
    orders: Iterable[Bought], per: Per, by: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Count orders into lines, sorted by what they cover; holds no more than those lines."""
    lines: dict[tuple[str, ...], Counter[str]] = {}
    for order in orders:
        covers = order.ordered_at[:7] if per is Per.MONTH else order.run_id
        line = lines.setdefault((covers, *(order.columns.get(name, "") for name in by)), Counter())
        line["orders"] += 1
        line[order.state if order.state in {"completed", "failed"} else "unfinished"] += 1
        line["further_orders"] += order.further
    columns = statement_columns(per, by)
    for key, line in sorted(lines.items()):
        values = (*key, *(line[name] for name in COUNTS))
        yield dict(zip(columns, values, strict=True))


def require_columns(by: Sequence[str], known: Sequence[str]) -> None:
    """Raise UnusableInputError for a column that no row has, with what may have been meant."""
    for name in by:
        if name not in known:
            raise UnusableInputError(
                f"--by: no row has a column `{name}`", near([name], known, "the columns are")
            )
