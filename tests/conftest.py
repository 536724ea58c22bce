"""How every test runs: coroutine tests on a virtual clock, unless marked `real_time`.

Those marked `both_loops` as well run on asyncio's own loop and on the one that runs are given.
"""

from __future__ import annotations

import inspect
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from batchdub.run.looping import fastest_loop, run_on
from tests.support.virtual import virtual_run

# A test need not wait for the disk: every commit of a real ledger is an fsync.
_MEMORY = Path("/dev/shm")  # noqa: S108  pytest makes a folder of its own in it
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Where the tests run in the background of a script Ctrl-C is ignored, and a child inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Time limits on examples would assert speed; and the same examples everywhere keep CI honest.
settings.register_profile("batchdub", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("batchdub")


def pytest_generate_tests(metafunc):
    if metafunc.definition.get_closest_marker("both_loops"):
        metafunc.fixturenames.append("loop_kind")
        metafunc.parametrize("loop_kind", ["asyncio", "uvloop"])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    coroutine = pyfuncitem.obj(**arguments)
    if pyfuncitem.get_closest_marker("real_time"):
        chosen = getattr(pyfuncitem, "callspec", None)
        kind = chosen.params.get("loop_kind") if chosen else None
        run_on(fastest_loop() if kind == "uvloop" else None, coroutine)
    else:
        virtual_run(coroutine)
    return True


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path_factory):
    """A test sees no `BATCHDUB_*`, `CHAMELAION_*` or proxy variable of the machine it runs on."""
    for name in list(os.environ):
        if name.startswith(("BATCHDUB_", "CHAMELAION_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")  # nor the config file of whoever runs it
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
