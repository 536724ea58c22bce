"""A free call that did not give what was asked: raised by the GETs, never by an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdub.errors import ApiUnavailableError

if TYPE_CHECKING:
    from batchdub.models import Outcome


class CallFailedError(ApiUnavailableError):
    """A GET failed; nothing follows from it, above all not that a request does not exist.

    `outcome` says how, in the words of an attempt: its `cause` (`KEY`, `RATE_LIMIT`, `ADDRESS`,
    `TLS`, …) tells what to do next, `retry_after_s` when. The message is scrubbed.
    """

    def __init__(self, what: str, outcome: Outcome) -> None:
        super().__init__(f"{what}: {outcome.message}")
        self.what = what
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[CallFailedError], tuple[str, Outcome]]:
        return type(self), (self.what, self.outcome)
