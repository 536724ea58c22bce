"""Room on a disk for downloads, which must never take what the ledger needs."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from batchdub.run.session import LEAST_FREE_BYTES

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskFullError(Exception):
    """A download does not fit; what has come of it is kept."""


def free_bytes(folder: Path) -> int:
    """Give how much the disk under a folder takes. Raises OSError."""
    return shutil.disk_usage(folder).free


def require_room(folder: Path, needed: int, promised: int = 0) -> None:
    """Raise DiskFullError unless `needed` bytes fit beside what is `promised` to others.

    So much stays free as a run needs to begin: the ledger may be on the same disk.
    """
    room = max(0, free_bytes(folder) - promised - LEAST_FREE_BYTES)
    if room < needed or room == 0:
        raise DiskFullError(
            f"the disk is full: {size(needed)} needed, {size(room)} free in {folder} beside a"
            f" reserve of {size(LEAST_FREE_BYTES)}"
        )


def is_full(error: OSError) -> bool:
    """Whether the disk, a quota or a limit on files' sizes takes no more."""
    return error.errno in _FULL


def size(number: float) -> str:
    """Write a number of bytes for people: `512 B`, `3.4 MB`, `1.2 GB`."""
    if number < 1000:
        return f"{number:.0f} B"
    units = ["GB", "MB", "kB"]
    number /= 1000
    while number >= 1000 and len(units) > 1:
        number /= 1000
        units.pop()
    return f"{number:.1f} {units[-1]}"
