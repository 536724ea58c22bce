"""What a run's orders cost: the rows priced, those that cannot be, and what was spent today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from batchdub.clock import Clock
from batchdub.errors import UnusableInputError
from batchdub.hours import day_of
from batchdub.ledger import Queries
from batchdub.ledger.spend import Spend, spend_since
from batchdub.models import Row
from batchdub.plan import Holds, PlannedRow
from batchdub.price import Amount, Tariff
from batchdub.run.desk import Order
from batchdub.run.options import RunOptions
from batchdub.run.prepare import Prepared
from batchdub.run.purse import NO_CAPS, Caps, Purse, Reached, SpentToday
from batchdub.units import counted

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Priced:
    """What orders cost together: the sum of those whose cost is known, and how many others."""

    amount: Amount
    unpriced: int = 0

    def __str__(self) -> str:
        if not self.unpriced:
            return str(self.amount)
        return f"{self.amount} and what {counted(self.unpriced, 'row')} of unknown cost come to"


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be sent: the first `orders` of `of`, as many as every limit lets go.

    `cost` is None without a price; `reached` is the limit that leaves the others for later.
    """

    orders: int
    of: int
    cost: Priced | None = None
    reached: Reached | None = None


def make_offer(
    costs: Iterable[int | None], options: RunOptions, clock: Clock, today: SpentToday | None
) -> Offer:
    """Count the orders that the caps let go, of which these are the costs, in their turn."""
    purse = Purse(options.caps, clock, today)
    if options.caps == NO_CAPS and options.tariff is None:
        number = sum(1 for _ in costs)
        return Offer(number, number)
    orders, of, reached = 0, 0, None
    for cost in costs:
        of += 1
        reached = reached or purse.refusal(cost)
        if reached is None:
            purse.hand_out(-of, cost)  # no job has such a number
            orders += 1
    return Offer(orders, of, spent_by(options, purse), reached)


def spent_by(options: RunOptions, purse: Purse) -> Priced | None:
    """Give what a purse's orders cost; None without a price."""
    if options.tariff is None:
        return None
    return Priced(options.tariff.amount(purse.spent), purse.unpriced)


def put_prices(options: RunOptions, prepared: Prepared) -> None:
    """Have every order know what it costs."""
    if options.tariff is not None:
        for order in chain(prepared.orders, prepared.doubtful.values()):
            order.cost = options.tariff.cost_of(order.row.columns)


# -- rows that have no price ----------------------------------------------------------------------


@dataclass(slots=True)
class Pricing:
    """Watches rows being planned for those whose cost is not known.

    Where a cap must count every cost such a row is held back: no price is invented for it.
    """

    tariff: Tariff | None
    caps: Caps = NO_CAPS
    unpriced: int = 0
    first: list[str] = field(default_factory=list)

    def holds(self, before: Holds) -> Holds:
        """Hold back what `before` holds, and rows that no cap can count."""
        tariff = self.tariff
        if tariff is None or not self.caps.of_money:
            return before

        def hold(row: Row, ahead: int) -> str:
            held = before(row, ahead)
            if held or tariff.cost_of(row.columns) is not None:
                return held
            reason = uncountable(tariff, row)
            self._note(f"{row.source}: `{row.reference_id}`: held back: {reason}")
            return reason

        return hold

    def noting(self, planned: Iterable[PlannedRow]) -> Iterator[PlannedRow]:
        """Pass planned rows on, and note those that will be sent at a cost that is not known."""
        tariff = self.tariff
        if tariff is None:
            yield from planned
            return
        for item in planned:
            row = item.row
            if item.fate.sends and tariff.cost_of(row.columns) is None:
                self._note(
                    f"{row.source}: `{row.reference_id}`: {tariff.doubt(row.columns)},"
                    " so its cost is not known, and in no sum"
                )
            yield item

    def lines(self) -> Iterator[str]:
        """Tell which rows they are: the first ten, then the count."""
        yield from self.first
        if more := self.unpriced - len(self.first):
            yield f"… and {counted(more, 'more row')} of unknown cost"

    def _note(self, line: str) -> None:
        self.unpriced += 1
        if len(self.first) < _SHOWN:
            self.first.append(line)


def uncountable(tariff: Tariff, row: Row) -> str:
    """Say why a row cannot be sent where a cap must count its cost."""
    return f"{tariff.doubt(row.columns)}, so no cap can count what it costs"


def why_unpriced(options: RunOptions, order: Order) -> str:
    """Say why an order must not be sent: a cap counts costs, and its own is not known."""
    if options.tariff is None or order.cost is not None or not options.caps.of_money:
        return ""
    return uncountable(options.tariff, order.row)


# -- what was spent today -------------------------------------------------------------------------


def spent_today(ledger: Queries | None, options: RunOptions, now: datetime) -> SpentToday | None:
    """Give what the ledger says was spent today, or may have been; None if no cap asks for it.

    An order that was sent without a price counts by this run's, applied to the row as it was
    recorded. Raises UnusableInputError if one cannot be counted so, or has another currency.
    """
    tariff = options.tariff
    if options.max_cost_per_day is None or tariff is None:
        return None
    settled, doubtful = 0, {}
    for spend in spend_since(ledger, day_of(now)[0]) if ledger else ():
        cost = _cost_of(spend, tariff)
        if spend.open:
            doubtful[spend.job_id] = cost
        else:
            settled += cost
    return SpentToday(settled, doubtful)


def _cost_of(spend: Spend, tariff: Tariff) -> int:
    where = f"{spend.source}: `{spend.reference_id}` was ordered today"
    if spend.cost is None:
        cost = tariff.cost_of(spend.columns)
        if cost is None:
            raise UnusableInputError(
                f"{where}, and its cost is not known: {tariff.doubt(spend.columns)}",
                "--max-cost-per-day cannot count it, so order without that cap, or tomorrow",
            )
        return cost
    if spend.currency != tariff.currency:
        was, now = (text or "no currency" for text in (spend.currency, tariff.currency))
        raise UnusableInputError(
            f"{where} in {was}, and the price is in {now}",
            "one cap counts one currency: name it with --price, or order tomorrow",
        )
    return spend.cost
