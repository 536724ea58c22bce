"""What happens in a run, as events for programs: each a flat mapping, in a schema with a version.

A row's events are read from the ledger's own history, after the commit. So they tell nothing that
is not on disk, they come in the order in which it happened, and the paid path does not wait for
whoever listens. `SCHEMA_VERSION` grows when a key goes or changes its meaning; new keys may come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from batchdub.clock import Clock
from batchdub.ledger import Move, Queries
from batchdub.units import to_stored_time

SCHEMA_VERSION = 1

OnEvent = Callable[[Mapping[str, object]], None]
"""Takes an event. It must not raise: nothing of a run depends on who listens."""


class Feed:
    """The events of one run, handed on as the ledger comes to hold them."""

    def __init__(
        self, ledger: Queries, run_id: str, clock: Clock, on_event: OnEvent | None
    ) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._clock = clock
        self._on_event = on_event
        self._last_move = ledger.last_move() if on_event else 0

    def tell(self, event: str, **details: object) -> None:
        """Hand on an event of the run itself, such as `run.begin`."""
        self._hand_on(to_stored_time(self._clock.now()), event, details)

    def tell_file(self, event: str, details: Mapping[str, object]) -> None:
        """Hand on an event about a downloaded file, such as `row.downloaded`."""
        self.tell(event, **details)

    def pump(self) -> None:
        """Hand on what the ledger's history has that was not handed on yet."""
        if self._on_event is None:
            return
        for move in self._ledger.moves_after(self._last_move):
            self._last_move = move.transition_id
            self._hand_on(move.at, f"row.{move.event}", _details(move))

    def _hand_on(self, at: str, event: str, details: Mapping[str, object]) -> None:
        head = {"schema": SCHEMA_VERSION, "at": at, "run_id": self._run_id, "event": event}
        said = {name: value for name, value in details.items() if value is not None}
        if self._on_event is not None:
            self._on_event({**head, **said})


def _details(move: Move) -> Mapping[str, object]:
    return {
        "reference_id": move.key.reference_id,
        "revision": move.key.revision,
        "source": str(move.source),
        "from": str(move.from_state),
        "to": str(move.to_state),
        "attempt_no": move.attempt_no,
        "cause": move.cause,
        "http_status": move.http_status,
        "request_id": move.request_id,
        "message": move.message,
        "actor": move.actor,
        "note": move.note,
    }
