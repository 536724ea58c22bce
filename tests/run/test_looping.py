"""Which event loop a run goes on: speed hangs on it, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from batchdub.run.looping import fastest_loop, run_on

pytestmark = pytest.mark.real_time


async def _kind():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def test_a_run_goes_on_uvloop_where_that_is_installed():
    assert run_on(fastest_loop(), _kind()) == "uvloop"


def test_without_uvloop_a_run_goes_on_asyncios_own_loop(monkeypatch):
    """It is not built for every platform, and what cannot be imported is no reason to stop."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert run_on(fastest_loop(), _kind()) == "asyncio"


def test_ctrl_c_ends_what_runs_on_either_loop():
    """Before a run has handlers of its own, Python's own one is what ends it."""

    async def interrupted():
        asyncio.get_running_loop().call_soon(signal_self)
        await asyncio.sleep(30)

    for make_loop in (None, fastest_loop()):
        with pytest.raises(KeyboardInterrupt):
            run_on(make_loop, interrupted())


def signal_self():
    signal.raise_signal(signal.SIGINT)
