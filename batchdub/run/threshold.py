"""When failures are too many to go on: pure counting, for orders and for dubs.

A run in which everything fails spends for nothing. Two streams are watched, because orders that
the API goes on accepting say nothing of the dubs that it then fails to make.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from batchdub.errors import UnusableInputError
from batchdub.units import counted

SAME_IN_A_ROW = 10
"""So many failures in the same words, one after the other, end a run: not the rows' fault."""
WARM_UP = 20
"""A percentage counts only from so many ended rows on: the first failure would be 100 %."""
_WRITTEN = re.compile(r"(\d+)|(\d+(?:\.\d+)?) ?%")


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many failures are too many: so many rows, or such a share of them in percent."""

    rows: int | None = None
    percent: float | None = None

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.rows is None else str(self.rows)


def parse_threshold(text: str) -> Threshold:
    """Read `N` or `P%`. Raises UnusableInputError."""
    written = _WRITTEN.fullmatch(text.strip())
    if written is not None and written[1]:
        return Threshold(rows=int(written[1]))
    if written is not None and 0 < float(written[2]) < 100:
        return Threshold(percent=float(written[2]))
    raise UnusableInputError(
        f"`{text}` is no number of failures", "write a number of rows or a share, such as 20 or 5%"
    )


@dataclass(frozen=True, slots=True)
class Streak:
    """The failures in the same words that came one after the other."""

    message: str = ""
    length: int = 0

    def after(self, failure: str | None) -> Streak:
        """Take in one more end: a failure's words, or None for a success."""
        if failure is None:
            return Streak()
        return Streak(failure, self.length + 1 if failure == self.message else 1)


@dataclass(frozen=True, slots=True)
class Failures:
    """What has failed so far in a run. `ended` are the rows that were accepted or refused."""

    ended: int = 0
    failed: int = 0
    orders: Streak = Streak()
    dubs: Streak = Streak()

    def after_order(self, failure: str | None) -> Failures:
        """Take in an order's end: the words it was refused with, or None if it was accepted."""
        return replace(
            self,
            ended=self.ended + 1,
            failed=self.failed + (failure is not None),
            orders=self.orders.after(failure),
        )

    def after_dub(self, failure: str | None) -> Failures:
        """Take in a dub's end: why it could not be made, or None if it is done."""
        failed = self.failed + (failure is not None)
        return replace(self, failed=failed, dubs=self.dubs.after(failure))


def too_many(failures: Failures, threshold: Threshold | None) -> str:
    """Say why a run should send nothing more; empty if it may go on."""
    for streak, what in ((failures.orders, "refused"), (failures.dubs, "failed")):
        if streak.length >= SAME_IN_A_ROW:
            return f"{streak.length} rows in a row {what} alike: {streak.message}"
    if threshold is None:
        return ""
    count = counted(failures.failed, "row")
    if threshold.rows is not None:
        reached = failures.failed >= max(1, threshold.rows)
        return f"`--max-failures {threshold}`: {count} failed" if reached else ""
    share = 100 * failures.failed / max(1, failures.ended)
    if failures.ended < WARM_UP or share < (threshold.percent or 0.0):
        return ""
    return f"`--max-failures {threshold}`: {count} of {failures.ended:,} failed"
