"""How a sandbox behaves: one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from batchdub.errors import UnusableInputError
from batchdub.sandbox.faults import refuse_repeats
from batchdub.sandbox.limits import WindowKind
from batchdub.units import DOCUMENTED_RATE, Rate

if TYPE_CHECKING:
    from batchdub.redact import Secret
    from batchdub.sandbox.faults import Fault

_GENEROUS = Rate(calls=6000, window_s=60.0)
ListOrder = Literal["desc", "asc", "hash"]


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What the sandbox accepts, how it counts and what goes wrong; UnusableInputError if absurd.

    `key` None takes any key that is not empty. `rate` holds for both POSTs together, `get_rate`
    for both GETs together, unless `one_limit` counts these against `rate` too.
    `tokens` None never runs out. `list_order` is by time, newest or
    oldest first, or by request_id ("hash", which looks random). A page holds at most
    `list_limit_max` requests. Links to outputs die after `link_ttl_s`. `retry_after` sends that
    header with a 429 (whether the real API does is not documented).
    """

    key: Secret | None = None
    rate: Rate = DOCUMENTED_RATE
    window: WindowKind = WindowKind.SLIDING
    get_rate: Rate = _GENEROUS
    one_limit: bool = False
    tokens: int | None = None
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    list_order: ListOrder = "desc"
    list_limit_max: int = 100
    link_ttl_s: float = 3600.0
    retry_after: bool = False
    account_name: str = "a stand-in account"

    def __post_init__(self) -> None:
        refuse_repeats(self.faults)
        if self.tokens is not None and self.tokens < 0:
            raise UnusableInputError(f"`{self.tokens}` tokens make no sense", "give 0 or more")
        if self.list_limit_max < 1:
            raise UnusableInputError("a page must hold at least one request")
