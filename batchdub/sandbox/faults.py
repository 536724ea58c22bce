"""Faults that the sandbox injects, and who is hit.

Who is hit follows from the seed, the fault, the reference_id and how often that reference_id
came, and from nothing else. So a run can be repeated: neither the order of arrival nor the
number of workers moves a fault from one row to another. Only a `throttle` hits whoever comes
while it lasts.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from batchdub.errors import UnusableInputError
from batchdub.units import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kind(StrEnum):
    """What can be made to go wrong. "Before" leaves no order behind, "after" leaves one."""

    THROTTLE = "throttle"
    """429 `rate limit exceeded` to every order for a while; nothing was ordered."""
    DROP_BEFORE = "drop-before"
    """The connection closes without an answer; nothing was ordered."""
    DROP_AFTER = "drop-after"
    """The connection closes without an answer; the order was taken."""
    ERROR_BEFORE = "error-before"
    """500 `internal error`; nothing was ordered."""
    ERROR_AFTER = "error-after"
    """500 `internal error`; the order was taken."""
    GATEWAY_BEFORE = "gateway-before"
    """502 or 504 with an HTML page; nothing was ordered."""
    GATEWAY_AFTER = "gateway-after"
    """502 or 504 with an HTML page; the order was taken."""
    JUNK_AFTER = "junk-after"
    """200 with HTML or with JSON cut short; the order was taken."""
    LIST_ERROR = "list-error"
    """The list of requests answers 500 `internal error`."""
    FAIL = "fail"
    """The order is taken, and its dub ends `failed`."""
    LATE = "late"
    """The connection closes without an answer; the order is taken only a while later."""
    SLOW = "slow"
    """The order is taken; the answer to it comes a while later."""
    LIST_LAG = "list-lag"
    """The order is taken; the list and look-ups by reference_id show it a while later."""
    OUTPUT_DROP = "output-drop"
    """A dub's download breaks off in the middle of what was asked for."""
    OUTPUT_SLOW = "output-slow"
    """A dub's bytes take so long to come, piece by piece."""
    OUTPUT_EXPIRED = "output-expired"
    """A dub's link is refused with 403, as one that is too old."""
    OUTPUT_LAPSE = "output-lapse"
    """Links to a dub are good for no longer than this after each was given."""
    OUTPUT_PAGE = "output-page"
    """In place of a dub comes a page of HTML, with 200."""


TIMED = frozenset(
    {Kind.THROTTLE, Kind.LATE, Kind.SLOW, Kind.LIST_LAG, Kind.OUTPUT_SLOW, Kind.OUTPUT_LAPSE}
)
BEFORE = frozenset({Kind.THROTTLE, Kind.DROP_BEFORE, Kind.ERROR_BEFORE, Kind.GATEWAY_BEFORE})

# An order has one ending: the first of these that hits it.
_ENDINGS = (
    Kind.THROTTLE,
    Kind.DROP_BEFORE,
    Kind.ERROR_BEFORE,
    Kind.GATEWAY_BEFORE,
    Kind.LATE,
    Kind.DROP_AFTER,
    Kind.ERROR_AFTER,
    Kind.GATEWAY_AFTER,
    Kind.JUNK_AFTER,
)
_PROBABILITY = re.compile(r"\d+(?:\.\d+)?|\.\d+")


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind, how probable it is for one call (0 to 1), and for a timed kind how long it lasts."""

    kind: Kind
    probability: float
    duration_s: float = 0.0

    def __str__(self) -> str:
        """Write the fault as `parse_fault` reads it."""
        lasts = f":{_decimal(self.duration_s)}s" if self.kind in TIMED else ""
        return f"{self.kind}={_decimal(self.probability)}{lasts}"


def _decimal(value: float) -> str:
    """Write a number without an exponent, which the contract's decimals do not have."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one order that the API would accept.

    `ending` is None where the answer simply arrives. `coin` chooses between two forms of the
    same fault (502 or 504, HTML or JSON cut short). For `throttle_s` this order and all others
    are turned away.
    """

    ending: Kind | None = None
    _: KW_ONLY
    throttle_s: float = 0.0
    late_s: float = 0.0
    slow_s: float = 0.0
    list_lag_s: float = 0.0
    fails: bool = False
    coin: bool = False

    @property
    def taken(self) -> bool:
        """Whether the order is taken, now or later."""
        return self.ending not in BEFORE


def parse_fault(text: str) -> Fault:
    """Read `KIND=PROBABILITY`, for kinds that last a while `KIND=PROBABILITY:DURATION`.

    Raises UnusableInputError, which names the kinds.
    """
    name, equals, value = text.strip().partition("=")
    if name not in set(Kind):
        raise UnusableInputError(
            f"`{text}` is not a fault", "the kinds are " + ", ".join(f"`{kind}`" for kind in Kind)
        )
    kind = Kind(name)
    probability, colon, duration = value.partition(":")
    well_formed = bool(equals) and bool(colon) == (kind in TIMED)
    if not well_formed or not _PROBABILITY.fullmatch(probability) or float(probability) > 1:
        raise UnusableInputError(
            f"`{text}` is not a fault",
            f"write `{_example(kind)}`, with a probability from 0 to 1",
        )
    return Fault(kind, float(probability), parse_duration_s(duration) if colon else 0.0)


def _example(kind: Kind) -> str:
    return f"{kind}=0.1:2s" if kind in TIMED else f"{kind}=0.1"


def parse_faults(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Read several faults, each kind at most once; raises UnusableInputError."""
    faults = tuple(parse_fault(text) for text in texts)
    refuse_repeats(faults)
    return faults


def refuse_repeats(faults: tuple[Fault, ...]) -> None:
    """Raise UnusableInputError if a kind is there twice: which one should hold?"""
    kinds = [fault.kind for fault in faults]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise UnusableInputError(f"fault `{kind}` is given twice", "give each kind once")


def chance(seed: int, *about: object) -> float:
    """Give a number in [0, 1) that depends on nothing but the arguments."""
    text = "\0".join((str(seed), *map(str, about)))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def hit(
    faults: tuple[Fault, ...], kind: Kind, seed: int, subject: str, seen_no: int
) -> Fault | None:
    """Give the fault of `kind` if it hits call number `seen_no` about `subject`.

    A higher probability hits the same calls as a lower one, and more.
    """
    for fault in faults:
        if fault.kind is kind and chance(seed, kind, subject, seen_no) < fault.probability:
            return fault
    return None


def draw_fate(faults: tuple[Fault, ...], seed: int, subject: str, seen_no: int) -> Fate:
    """Decide what happens to an order that the API would accept."""
    hits = {kind: hit(faults, kind, seed, subject, seen_no) for kind in Kind}
    lasts_s = {kind: fault.duration_s for kind, fault in hits.items() if fault is not None}
    ending = next((kind for kind in _ENDINGS if kind in lasts_s), None)
    return Fate(
        ending=ending,
        throttle_s=lasts_s[Kind.THROTTLE] if ending is Kind.THROTTLE else 0.0,
        late_s=lasts_s[Kind.LATE] if ending is Kind.LATE else 0.0,
        slow_s=lasts_s.get(Kind.SLOW, 0.0),
        list_lag_s=lasts_s.get(Kind.LIST_LAG, 0.0),
        fails=Kind.FAIL in lasts_s,
        coin=chance(seed, "coin", subject, seen_no) < 0.5,
    )
