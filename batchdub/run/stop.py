"""Why a run sends nothing more; asked for by anyone, read by everyone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from batchdub.exits import Exit

_NO_MORE_CALLS = frozenset(
    {Exit.KEY, Exit.API_UNAVAILABLE, Exit.LEDGER_UNUSABLE, Exit.INTERRUPTED, Exit.TERMINATED}
)
_KEPT = 10


@dataclass(frozen=True, slots=True)
class StopReason:
    """An exit code and the sentence that explains it."""

    code: Exit
    message: str


class Stop:
    """The reasons to stop, in the order they came. What is in flight is never cut short by it."""

    def __init__(self) -> None:
        self.reasons: list[StopReason] = []
        self.asked = False
        self._event = asyncio.Event()

    def ask(self, code: Exit, message: str) -> None:
        """Send nothing new from now on, because of this."""
        self.note(code, message)
        self.asked = True
        self._event.set()

    def note(self, code: Exit, message: str) -> None:
        """Remember a reason for the exit code that does not stop the run.

        The first ten of a code are kept: a thousand rows given up are told by their count.
        """
        if sum(reason.code is code for reason in self.reasons) < _KEPT:
            self.reasons.append(StopReason(code, message))

    @property
    def may_look(self) -> bool:
        """Whether free look-ups still make sense: not without key, API, ledger or time."""
        codes = {reason.code for reason in self.reasons}
        return not (self.asked and codes & _NO_MORE_CALLS)

    async def wait(self) -> None:
        """Wait until someone asks."""
        await self._event.wait()
