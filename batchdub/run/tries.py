"""What to do after a request gave no more bytes of a dub, and when to give up. Pure but for counts.

Bytes that came count more than requests that failed: as long as each try gets on, a download may
be cut as often as its line likes. What begins anew gets on only where it gets beyond the last try.
"""

from __future__ import annotations

from dataclasses import dataclass

from batchdub.wire import Trouble

_MOST_FAILURES = 5
_MOST_REFUSALS = 3
_MOST_CHANGES = 3
_GETS_ON_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes next. `failures` in a row are waited for, 0 means at once."""

    gives_up: bool = False
    why: str = ""
    from_the_start: bool = False
    fresh_link: bool = False
    failures: int = 0


class Tries:
    """Counts what went wrong with one dub."""

    def __init__(self, length: int) -> None:
        self._furthest = length
        self._failures = 0
        self._refusals = 0
        self._changes = 0

    def after(self, trouble: Trouble, length: int) -> Verdict:
        """Take in what went wrong, with `length` bytes in hand, and say what comes next."""
        if length >= self._furthest + _GETS_ON_BYTES:
            self._furthest = length
            self._failures = self._refusals = 0
        if trouble is Trouble.GONE:
            return self._refused()
        if trouble is Trouble.CHANGED:
            self._changes += 1
            if self._changes > _MOST_CHANGES:
                return Verdict(gives_up=True, why="; it is another file each time it is asked for")
            return Verdict(from_the_start=True)
        self._failures += 1
        if self._failures >= _MOST_FAILURES:
            kept = ", what has come is kept" if length else ""
            return Verdict(gives_up=True, why=f"; given up after {_MOST_FAILURES} tries{kept}")
        fresh = trouble is Trouble.UNFIT or self._failures > 1
        return Verdict(fresh_link=fresh, failures=self._failures)

    def _refused(self) -> Verdict:
        self._refusals += 1
        if self._refusals > _MOST_REFUSALS:
            return Verdict(gives_up=True, why="; fresh links are refused as well")
        # The first one has only grown old; of a fresh one that is refused too, waiting may help.
        return Verdict(fresh_link=True, failures=self._refusals - 1)
