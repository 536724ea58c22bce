"""The breaker: after three attempts in a row that proved nothing, ask for free before paying on.

Pure: a value in, a value out; `gate` turns it into waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

_STRIKES = 3
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 600.0
_PROBES = 5
_REOPENINGS = 10


class Position(StrEnum):
    """Whether orders may pass."""

    CLOSED = "closed"
    """All may."""
    OPEN = "open"
    """None may, until a free call has succeeded."""
    HALF_OPEN = "half_open"
    """One may, to see."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Strikes in a row; probes failed in a row; orders let through in vain since it was closed."""

    position: Position = Position.CLOSED
    strikes: int = 0
    failed_probes: int = 0
    in_vain: int = 0

    @property
    def exhausted(self) -> bool:
        """Whether the run should end: free calls fail, or only the orders do, too often."""
        return self.failed_probes >= _PROBES or self.in_vain >= _REOPENINGS

    @property
    def wait_s(self) -> float:
        """Seconds until the next probe: 1, doubling to ten minutes."""
        doublings = self.failed_probes + self.in_vain
        return float(min(_FIRST_WAIT_S * 2**doublings, _LONGEST_WAIT_S))


def after_attempt(breaker: Breaker, *, clear: bool) -> Breaker:
    """Take in the end of an attempt: `clear` if the API itself answered it."""
    if clear:
        return Breaker() if breaker.position is not Position.OPEN else breaker
    strikes = breaker.strikes + 1
    if breaker.position is Position.HALF_OPEN:
        in_vain = breaker.in_vain + 1
        return replace(breaker, position=Position.OPEN, strikes=strikes, in_vain=in_vain)
    if strikes >= _STRIKES:
        return replace(breaker, position=Position.OPEN, strikes=strikes)
    return replace(breaker, strikes=strikes)


def after_probe(breaker: Breaker, *, succeeded: bool) -> Breaker:
    """Take in the end of a probe."""
    if succeeded:
        return replace(breaker, position=Position.HALF_OPEN, failed_probes=0)
    return replace(breaker, failed_probes=breaker.failed_probes + 1)
