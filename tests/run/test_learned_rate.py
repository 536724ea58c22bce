"""What `--rate auto` has learned stays in the ledger, which belongs to one API and one account."""

from __future__ import annotations

import pytest

from batchdub.errors import LedgerUnusableError
from batchdub.redact import Secret
from batchdub.units import parse_rate
from tests.support.night import Night, make_rows

AUTO = parse_rate("auto")


def learned_per_min(night):
    with night.ledger() as ledger:
        return float(ledger.meta("learned_per_s")) * 60


async def test_the_next_run_starts_at_what_was_learned_also_with_a_new_key(tmp_path):
    """A rotated key of the same account has the account's limit, as far as anybody can know."""
    night = Night(tmp_path, rate=parse_rate("60/min"))
    first = await night.run(make_rows(150), rate=AUTO)
    learned = learned_per_min(night)

    again = await night.run(make_rows(250), rate=AUTO, key=Secret("planted-second-key-0123"))

    assert learned == pytest.approx(60, rel=0.05)
    assert first.rate_limited > 0
    assert again.rate_limited <= 2
    assert learned_per_min(night) == pytest.approx(60, rel=0.05)


async def test_a_run_that_is_interrupted_keeps_what_it_learned(tmp_path):
    """The refusals that it cost need not be paid again."""
    night = Night(tmp_path, rate=parse_rate("60/min"))
    night.signal_at(200.0)

    await night.run(make_rows(900), rate=AUTO)

    assert learned_per_min(night) == pytest.approx(60, rel=0.05)


async def test_another_api_never_gets_this_one_s_rate(tmp_path):
    """The ledger that keeps it is bound to one base URL."""
    night = Night(tmp_path, rate=parse_rate("60/min"))
    await night.run(make_rows(150), rate=AUTO)

    with pytest.raises(LedgerUnusableError, match="was made against"):
        await night.run(make_rows(250), rate=AUTO, target="https://api.example.org/api")
