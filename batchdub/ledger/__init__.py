"""The ledger: what was ordered, what is in doubt, and how it came to be.

Its parts are imported when they are first named: who only reads does not wait for what writes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchdub.ledger.backup import back_up
    from batchdub.ledger.batch_lock import held_batch
    from batchdub.ledger.check import check_ledger
    from batchdub.ledger.lock import HeldLock, held_lock, lock_path
    from batchdub.ledger.placement import require_local, synced_folder
    from batchdub.ledger.queries import Queries, open_for_reading
    from batchdub.ledger.records import Doubt, Move, RunRecord
    from batchdub.ledger.store import PAID_REASON, Attempt, Ledger
    from batchdub.ledger.writer import Actor

__all__ = [
    "PAID_REASON", "Actor", "Attempt", "Doubt", "HeldLock", "Ledger", "Move", "Queries",
    "RunRecord", "back_up", "check_ledger", "held_batch", "held_lock", "lock_path",
    "open_for_reading", "require_local", "synced_folder",
]  # fmt: skip

_HOMES = {
    "backup": ("back_up",),
    "batch_lock": ("held_batch",),
    "check": ("check_ledger",),
    "lock": ("HeldLock", "held_lock", "lock_path"),
    "placement": ("require_local", "synced_folder"),
    "queries": ("Queries", "open_for_reading"),
    "records": ("Doubt", "Move", "RunRecord"),
    "store": ("PAID_REASON", "Attempt", "Ledger"),
    "writer": ("Actor",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found
