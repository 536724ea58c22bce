"""The exit codes: what each means, and the one function that chooses among several."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Exit(IntEnum):
    """Process exit codes; an unknown one is a failure."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """Make a member that is its code and carries its meaning for help and README."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "done"
    UNEXPECTED = 1, "unexpected error"
    INPUT = 2, "input unusable, nothing sent"
    KEY = 3, "key missing or refused"
    TOKEN_LIMIT = 4, "token limit reached, the rest is pending"
    CAP = 5, "our own cap or window reached, the rest is pending (not a failure)"
    NEEDS_A_LOOK = 6, "in doubt, duplicate or a stale ledger: needs a look"
    LEDGER_IN_USE = 7, "ledger in use by another run"
    ROWS_FAILED = 8, "finished; some rows rejected, failed, held, in conflict or left out"
    API_UNAVAILABLE = 9, "API unavailable or the wrong address, the rest is pending"
    LEDGER_UNUSABLE = 10, "ledger unusable: corrupt, full, newer, or another API or account"
    INTERRUPTED = 130, "interrupted (Ctrl-C); the same command goes on"
    TERMINATED = 143, "terminated; the same command goes on"


# The worst comes first. 2 and 7 are not here: they come before any work, so alone.
_PRECEDENCE = (
    Exit.UNEXPECTED,
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.LEDGER_UNUSABLE,
    Exit.KEY,
    Exit.NEEDS_A_LOOK,
    Exit.TOKEN_LIMIT,
    Exit.API_UNAVAILABLE,
    Exit.ROWS_FAILED,
    Exit.CAP,
)


def choose_exit(reasons: Iterable[Exit]) -> Exit:
    """Choose the one code to exit with when several reasons hold; no reason is `DONE`."""
    held = set(reasons)
    for code in (Exit.INPUT, Exit.LEDGER_IN_USE, *_PRECEDENCE):
        if code in held:
            return code
    return Exit.DONE
