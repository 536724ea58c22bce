"""What an order costs, and how much may be spent: the options, and what they must agree on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from batchdub.cli.options import option, parsed
from batchdub.errors import UnusableInputError
from batchdub.price import (
    DEFAULT_DURATION_COLUMN,
    Amount,
    Price,
    Tariff,
    parse_amount,
    parse_price,
)
from batchdub.run.options import RunOptions

F = TypeVar("F", bound="Callable[..., Any]")

_SAID = frozenset({ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT})
_AMOUNT = parsed("amount", parse_amount)

MONEY_OPTIONS = (
    option(
        "--max-jobs",
        type=click.IntRange(0),
        metavar="N",
        help="Order at most N rows, then exit 5 if rows are left.",
    ),
    option(
        "--price",
        type=parsed("price", parse_price),
        metavar="AMOUNT/job|min",
        help="What an order costs, each or by the minute of its media: 1.20/job, '0.35 EUR/min'."
        " Nothing is rounded but up to a millionth.",
    ),
    option(
        "--duration-column",
        metavar="COLUMN",
        default=DEFAULT_DURATION_COLUMN,
        help="Where a price by the minute finds the media's length: seconds, mm:ss or hh:mm:ss.",
    ),
    option(
        "--max-cost",
        type=_AMOUNT,
        metavar="AMOUNT",
        help="Order for at most so much in this run, then exit 5 if rows are left.",
    ),
    option(
        "--max-cost-per-day",
        type=_AMOUNT,
        metavar="AMOUNT",
        help="The same for all runs on this ledger since midnight, this machine's time.",
    ),
)


def money_again(context: click.Context) -> tuple[str, ...]:
    """Give the options that have another command count and cap as this one does.

    What a config file says holds there as well, and needs no word.
    """
    options: list[str] = []
    for name in ("max_jobs", "price", "duration_column", "max_cost", "max_cost_per_day"):
        value = context.params.get(name)
        if value is not None and context.get_parameter_source(name) in _SAID:
            # Thousands have a comma to be read by people, and none to be read by the parser.
            options += ["--" + name.replace("_", "-"), str(value).replace(",", "")]
    return tuple(options)


def money_options(command: F) -> F:
    """Give a command these options; it takes them as keywords, for a `Money`."""
    return reduce(lambda wrapped, decorate: decorate(wrapped), reversed(MONEY_OPTIONS), command)


@dataclass(frozen=True, slots=True)
class Money:
    """The values of these options, by their names.

    Raises UnusableInputError for a cap on cost without a price to count by, or in another currency.
    """

    max_jobs: int | None = None
    price: Price | None = None
    duration_column: str = DEFAULT_DURATION_COLUMN
    max_cost: Amount | None = None
    max_cost_per_day: Amount | None = None

    def __post_init__(self) -> None:
        for cap in filter(None, (self.max_cost, self.max_cost_per_day)):
            if self.price is None:
                raise UnusableInputError(
                    f"a cap of {cap} needs to know what an order costs",
                    "say it with --price, such as 1.20/job or '0.35 EUR/min'",
                )
            if cap.currency not in {"", self.price.amount.currency}:
                raise UnusableInputError(
                    f"a cap of {cap} and a price of {self.price} are not in one currency",
                    "write both in the same, such as --price '1.20 EUR/job' --max-cost '50 EUR'",
                )

    def within(self, options: RunOptions) -> RunOptions:
        """Give a run's options with this price and these caps."""
        return replace(
            options,
            max_jobs=self.max_jobs,
            tariff=None if self.price is None else Tariff(self.price, self.duration_column),
            max_cost=_millionths(self.max_cost),
            max_cost_per_day=_millionths(self.max_cost_per_day),
        )


def _millionths(amount: Amount | None) -> int | None:
    return None if amount is None else amount.millionths
