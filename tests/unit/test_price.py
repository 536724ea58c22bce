"""Money is counted in whole millionths: what cannot be priced exactly is unknown, never a guess."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.price import MILLIONTHS, Tariff, parse_amount, parse_length_ms, parse_price


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1.20/job", "1.20/job"),
        ("0.35 EUR/min", "0.35 EUR/min"),
        ("0.35eur/min", "0.35 EUR/min"),
        (" 5€ / job ", "5.00 €/job"),
        ("0.000001/min", "0.000001/min"),
    ],
)
def test_a_price_is_for_a_job_or_a_minute(written, shown):
    """Its currency is a name that is carried along."""
    assert str(parse_price(written)) == shown


@pytest.mark.parametrize(
    "written",
    ["1.20", "1,20/job", "-1/job", "1e2/job", "0/job", "0.00/min", "1/h", "0.0000001/job", "1/JOB"],
)
def test_what_is_no_price_is_refused(written):
    """A price of nothing would make every cap a lie."""
    with pytest.raises(UnusableInputError, match="price"):
        parse_price(written)


@pytest.mark.parametrize("written", ["", "50,00", "-1", "1e3", "50 euros", "0x10", "٣"])
def test_what_is_no_amount_is_refused(written):
    with pytest.raises(UnusableInputError, match="not an amount"):
        parse_amount(written)


def test_an_amount_is_shown_as_money():
    """Two decimals at least, and what lies behind them if there is any."""
    assert [str(parse_amount(text)) for text in ("0", "1234.5 EUR", "0.527917usd")] == [
        "0.00", "1,234.50 EUR", "0.527917 USD",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "length_ms"),
    [
        ("90", 90_000), ("90.5", 90_500), ("1:30", 90_000), ("24:10", 1_450_000),
        ("01:02:03.5", 3_723_500), (" 00:24:10 ", 1_450_000), ("0.0001", 1), ("120:00", 7_200_000),
        ("", None), ("0", None), ("0:00", None), ("1:75", None), ("1:60:00", None), ("90,5", None),
        ("24m", None), ("00:24:10:12", None), ("-5", None), ("1e3", None), ("100:00:01", None),
        ("1 30", None), ("n/a", None),
    ],
)  # fmt: skip
def test_a_length_is_seconds_or_a_clock_or_unknown(written, length_ms):
    """Rounded up to a millisecond; nothing is no length."""
    assert parse_length_ms(written) == length_ms


@given(
    st.decimals("0.000001", "999999", places=6),
    st.integers(1, 100 * 60 * 60 * 1000),
)
def test_a_cost_is_exact_and_never_less_than_it_is(price, length_ms):
    """Decimal arithmetic is the oracle; what lies beyond a millionth is rounded up."""
    tariff = Tariff(parse_price(f"{price:f}/min"))
    seconds = f"{length_ms // 1000}.{length_ms % 1000:03d}"

    exact = (price * length_ms * MILLIONTHS / 60_000).to_integral_value(ROUND_CEILING)

    assert tariff.cost_of({"duration": seconds}) == exact
    shown = str(tariff.amount(int(exact))).replace(",", "")
    assert Decimal(shown) * MILLIONTHS == exact


def test_a_cost_that_is_not_known_says_why():
    """By the column's name, so that it can be mended."""
    tariff = Tariff(parse_price("1/min"), "length")

    assert [tariff.cost_of(row) for row in ({}, {"length": " "}, {"length": "x"})] == [None] * 3
    assert tariff.doubt({}) == "there is no column `length`"
    assert tariff.doubt({"length": " "}) == "`length` is empty"
    assert tariff.doubt({"length": "x"}).startswith("`length` is no length")
    assert Tariff(parse_price("1.20/job")).cost_of({}) == 1_200_000
