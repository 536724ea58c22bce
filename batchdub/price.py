"""What an order costs by the price that a person has set: exact, in whole millionths, never float.

There is no price of ours: the API does not tell one, nor how it rounds. What cannot be priced is
unknown, and an unknown cost is never a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from batchdub.errors import UnusableInputError

MILLIONTHS = 1_000_000
"""Amounts are whole millionths of their currency, so that any sum of them is exact."""

DEFAULT_DURATION_COLUMN = "duration"
_MS_PER_MINUTE = 60_000
_LONGEST_MS = 100 * 60 * _MS_PER_MINUTE
_CURRENCY = r"[A-Za-z]{3}|[€$£¥]"
_AMOUNT = re.compile(rf"(\d{{1,6}}(?:\.\d{{1,6}})?) ?({_CURRENCY})?", re.ASCII)
_PRICE = re.compile(rf"(\d{{1,6}}(?:\.\d{{1,6}})?) ?({_CURRENCY})? ?/ ?(job|min)", re.ASCII)
_LENGTH = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:\.(\d{1,9}))?", re.ASCII)
_AMOUNT_HINT = "write a decimal, and a currency if you like, such as 50 or '50.00 EUR'"
_PRICE_HINT = "write an amount for each job or media minute, such as 1.20/job or '0.35 EUR/min'"


class Per(StrEnum):
    """What a price is for."""

    JOB = "job"
    """Each order."""
    MINUTE = "min"
    """Each minute of media, by the second."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Some money: `millionths` of a currency, which may have no name."""

    millionths: int
    currency: str = ""

    def __str__(self) -> str:
        whole, rest = divmod(self.millionths, MILLIONTHS)
        decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
        return f"{whole:,}.{decimals} {self.currency}".rstrip()


@dataclass(frozen=True, slots=True)
class Price:
    """An amount for each job, or for each minute of media."""

    amount: Amount
    per: Per

    def __str__(self) -> str:
        return f"{self.amount}/{self.per}"


@dataclass(frozen=True, slots=True)
class Tariff:
    """A price, and the manifest's column that has the media's length where it is per minute."""

    price: Price
    column: str = DEFAULT_DURATION_COLUMN

    @property
    def currency(self) -> str:
        """The currency of all costs by this tariff."""
        return self.price.amount.currency

    def cost_of(self, columns: Mapping[str, str]) -> int | None:
        """Give what a row of these columns costs, in millionths, rounded up; None if unknown."""
        if self.price.per is Per.JOB:
            return self.price.amount.millionths
        length_ms = parse_length_ms(columns.get(self.column, ""))
        if length_ms is None:
            return None
        return -(-self.price.amount.millionths * length_ms // _MS_PER_MINUTE)

    def doubt(self, columns: Mapping[str, str]) -> str:
        """Say why the cost of a row of these columns is not known."""
        if self.column not in columns:
            return f"there is no column `{self.column}`"
        if not columns[self.column].strip():
            return f"`{self.column}` is empty"
        return f"`{self.column}` is no length (write seconds, mm:ss or hh:mm:ss)"

    def amount(self, millionths: int) -> Amount:
        """Give a sum of costs with its currency."""
        return Amount(millionths, self.currency)


def parse_amount(text: str) -> Amount:
    """Read `50`, `49.99` or `50 EUR`. Raises UnusableInputError."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise UnusableInputError(f"`{text}` is not an amount of money", _AMOUNT_HINT)
    return Amount(_millionths(match[1]), _currency(match[2]))


def parse_price(text: str) -> Price:
    """Read `1.20/job`, `0.35/min` or `0.35 EUR/min`. Raises UnusableInputError."""
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        raise UnusableInputError(f"`{text}` is not a price", _PRICE_HINT)
    amount = Amount(_millionths(match[1]), _currency(match[2]))
    if not amount.millionths:
        raise UnusableInputError(f"`{text}` is no price: an order costs money", _PRICE_HINT)
    return Price(amount, Per(match[3]))


def parse_length_ms(text: str) -> int | None:
    """Read seconds, `mm:ss` or `hh:mm:ss`, each with decimals, rounded up to a millisecond.

    None for what is no length: empty, nothing at all, more than a hundred hours, or minutes and
    seconds beyond 59 below a higher unit.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if (match[2] and seconds > 59) or (match[1] and minutes > 59):
        return None
    fraction = (match[4] or "").ljust(9, "0")
    part_ms = -(-int(fraction) // MILLIONTHS)  # of nanoseconds
    length_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + part_ms
    return length_ms if 0 < length_ms <= _LONGEST_MS else None


def _millionths(decimal: str) -> int:
    whole, _, fraction = decimal.partition(".")
    return int(whole) * MILLIONTHS + int(fraction.ljust(6, "0") or 0)


def _currency(text: str | None) -> str:
    return (text or "").upper()
