"""batchdub as it runs nowhere but here: `python -m tests.secrets.wrapped HOW ARGUMENT...`.

`chatty`: whatever library wants to log may do so, at every level, to standard error.
`crashing`: a fault of ours in the middle of an order, whose text and values hold all secrets.
`dying`: the interpreter itself dies there, and prints where each thread was.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import resource
import signal
import sys
import warnings

from batchdub.cli.main import main
from batchdub.wire import ApiClient


def _log_everything() -> None:
    logging.basicConfig(level=1, stream=sys.stderr, force=True)
    logging.captureWarnings(capture=True)
    warnings.simplefilter("always")
    real = asyncio.BaseEventLoop.__init__

    def with_debug(loop):
        real(loop)
        loop.set_debug(enabled=True)
        loop.slow_callback_duration = 0.0  # every callback is told, with its arguments

    asyncio.BaseEventLoop.__init__ = with_debug


def _crash_while_ordering() -> None:
    real = ApiClient.generate

    async def generate(self, body):
        await real(self, body)
        raise RuntimeError(f"cannot send {body} with {self._headers} and {dict(os.environ)}")

    ApiClient.generate = generate


def _die_while_ordering() -> None:
    faulthandler.enable()
    # Of an image of its memory nothing can be promised, so none is left.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    async def generate(_self, body):
        os.kill(os.getpid(), signal.SIGABRT if body else signal.SIGSEGV)

    ApiClient.generate = generate


if __name__ == "__main__":
    how = sys.argv.pop(1)
    {"chatty": _log_everything, "crashing": _crash_while_ordering, "dying": _die_while_ordering}[
        how
    ]()
    main()
