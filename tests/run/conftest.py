"""What the run's tests share: a night of a ledger and a provider, and signals that arrive."""

from __future__ import annotations

import signal

import pytest

from tests.support.night import Night

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def night(tmp_path):
    """A night without faults; tests script their own."""
    return Night(tmp_path)


@pytest.fixture(autouse=True)
def _signals_arrive():
    """Whoever starts the tests in the background has them ignore signals; here they count."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
