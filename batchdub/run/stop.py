"""Why a run sends nothing more; asked for by anyone, read by everyone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from batchdub.exits import Exit

_NO_MORE_CALLS = frozenset(
    {Exit.KEY, Exit.API_UNAVAILABLE, Exit.LEDGER_UNUSABLE, Exit.INTERRUPTED, Exit.TERMINATED}
)
_SIGNALS = frozenset({Exit.INTERRUPTED, Exit.TERMINATED})
_KEPT = 10


@dataclass(frozen=True, slots=True)
class StopReason:
    """An exit code and the sentence that explains it.

    `hint` is what to do where that is more than the code alone tells; `{command}` in it stands for
    the command that goes on, and without one no command gets any further until it is done.
    """

    code: Exit
    message: str
    hint: str = ""


class Stop:
    """The reasons to stop, in the order they came. An order in flight is never cut short by it.

    `may_look` tells whether free look-ups still make sense: not without key, API, ledger or time.
    `on_ask` is called at every stop, for those who wait for something else.
    """

    def __init__(self) -> None:
        self.reasons: list[StopReason] = []
        self.asked = False
        self.may_look = True
        self.on_ask: Callable[[], None] = lambda: None
        self._asked = asyncio.Event()
        self._looked_enough = asyncio.Event()

    def ask(self, code: Exit, message: str, *, hint: str = "", looks_go_on: bool = False) -> None:
        """Send nothing new from now on, because of this.

        `looks_go_on` is for an API that refuses orders and yet answers free calls.
        """
        self.note(code, message, hint)
        self.asked = True
        self._asked.set()
        if code in _NO_MORE_CALLS and not looks_go_on:
            self.may_look = False
            self._looked_enough.set()
        self.on_ask()

    def note(self, code: Exit, message: str, hint: str = "") -> None:
        """Remember a reason for the exit code that does not stop the run.

        The first ten of a code are kept: a thousand rows given up are told by their count. What
        several workers have noticed is one reason.
        """
        reason = StopReason(code, message, hint)
        if reason in self.reasons:
            return
        if sum(reason.code is code for reason in self.reasons) < _KEPT:
            self.reasons.append(reason)

    def has(self, code: Exit) -> bool:
        """Whether this is among the reasons."""
        return any(reason.code is code for reason in self.reasons)

    @property
    def interrupted(self) -> bool:
        """Whether a signal was among the reasons."""
        return any(self.has(code) for code in _SIGNALS)

    async def wait(self) -> None:
        """Wait until nothing new may be sent."""
        await self._asked.wait()

    async def wait_for_last_look(self) -> None:
        """Wait until free look-ups make no sense any more."""
        await self._looked_enough.wait()
