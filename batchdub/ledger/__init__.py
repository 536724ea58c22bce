"""The ledger: what was ordered, what is in doubt, and how it came to be."""

from batchdub.ledger.lock import held_lock
from batchdub.ledger.queries import Doubt, Queries, RunRecord, open_for_reading
from batchdub.ledger.store import Actor, Attempt, Ledger

__all__ = [
    "Actor", "Attempt", "Doubt", "Ledger", "Queries", "RunRecord", "held_lock", "open_for_reading",
]  # fmt: skip
