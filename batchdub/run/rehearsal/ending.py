"""Signals that end a rehearsal: it clears up first, as after Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


class TerminatedError(BaseException):
    """A signal asked the process to end. Like Ctrl-C it is no failure that anything may catch."""


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Raise TerminatedError in the block for a signal that would end the process at once."""
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as `nohup` wants it
            signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise TerminatedError
