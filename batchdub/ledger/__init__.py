"""The ledger: what was ordered, what is in doubt, and how it came to be."""

from batchdub.ledger.backup import back_up
from batchdub.ledger.batch_lock import held_batch
from batchdub.ledger.check import check_ledger
from batchdub.ledger.lock import HeldLock, held_lock
from batchdub.ledger.placement import require_local, synced_folder
from batchdub.ledger.queries import Queries, open_for_reading
from batchdub.ledger.records import Doubt, Move, RunRecord
from batchdub.ledger.store import PAID_REASON, Attempt, Ledger
from batchdub.ledger.writer import Actor

__all__ = [
    "PAID_REASON", "Actor", "Attempt", "Doubt", "HeldLock", "Ledger", "Move", "Queries",
    "RunRecord", "back_up", "check_ledger", "held_batch", "held_lock", "open_for_reading",
    "require_local", "synced_folder",
]  # fmt: skip
