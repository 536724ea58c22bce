"""Where a ledger must not be: on a file system that other machines share, or in a synced folder.

A WAL needs memory that all who open the file share, and locks that hold: neither is there between
machines. A folder that a cloud client copies about brings back old copies. Linux tells what a
path is mounted from; elsewhere only the folder's name can be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePath

from batchdub.errors import LedgerUnusableError

_SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "davfs", "glusterfs", "lustre"),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs"),
        *("fuse.davfs", "fuse.davfs2", "fuse.google-drive-ocamlfuse", "fuse.onedriver"),
    }
)
_SYNCED = re.compile(
    r"dropbox|onedrive|google ?drive|my drive|icloud ?drive|mobile documents|cloudstorage"
    r"|nextcloud|owncloud|pclouddrive",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_mounts() -> str:
    """Give the kernel's list of what is mounted where; empty where there is none."""
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def require_local(path: Path, mounts: Callable[[], str] = read_mounts) -> None:
    """Raise LedgerUnusableError if the ledger would be on a network file system."""
    kind = shared_by(path, mounts())
    if kind is not None:
        raise LedgerUnusableError(
            f"{path}: is on a network file system ({kind}), where no ledger is safe",
            "name one on a local disk with --ledger; `batchdub ledger backup` makes copies",
        )


def shared_by(path: Path, mounts: str) -> str | None:
    """Give the type of the network file system that holds a path; None for any other.

    `mounts` is in the form of `/proc/mounts`; of two mounts at one place the later one counts.
    """
    folder = PurePath(os.path.realpath(path))
    found, found_at = "", PurePath()
    for line in mounts.splitlines():
        _, where, kind, *_ = [*line.split(" "), "", "", ""]
        at = PurePath(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), where))
        if folder.is_relative_to(at) and len(at.parts) >= len(found_at.parts):
            found, found_at = kind, at
    return found if found in _SHARED else None


def synced_folder(path: Path) -> str | None:
    """Give the name of a folder above a ledger that a cloud client seems to copy about."""
    parts = PurePath(os.path.realpath(path)).parts[:-1]
    return next((part for part in parts if _SYNCED.match(part)), None)
