"""The finished dubs of a ledger, and whether their files are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdub.ledger.outputs import any_outputs
from batchdub.report.choosing import Choice
from batchdub.report.on_disk import Disk, Dubs

if TYPE_CHECKING:
    from batchdub.ledger import Queries
    from batchdub.select import Selector


def disk_of(ledger: Queries) -> Disk | None:
    """Give what looks at dubs' files; None for a ledger from which none was downloaded."""
    return Disk() if any_outputs(ledger) else None


def dubs_at_hand(ledger: Queries, selector: Selector) -> Dubs | None:
    """Look at the files of the finished dubs of chosen rows."""
    disk = disk_of(ledger)
    if disk is None:
        return None
    dubs = Dubs()
    for row in disk.checked(Choice(selector).known(ledger)):
        dubs.add(row)
    return dubs
