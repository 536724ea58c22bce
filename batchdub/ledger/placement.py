"""Where a ledger must not be: on a file system that other machines share, or in a synced folder.

A WAL needs memory that all who open the file share, and locks that hold: neither is there between
machines. A folder that a cloud client copies about brings back old copies. Linux and macOS tell
what a path is mounted from; a synced folder is known by its name, or by a mark in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePath

from batchdub.errors import LedgerUnusableError

_SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "davfs", "glusterfs", "lustre"),
        *("afpfs", "webdav", "9p", "ceph", "beegfs"),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs"),
        *("fuse.davfs", "fuse.davfs2", "fuse.google-drive-ocamlfuse", "fuse.onedriver"),
    }
)
_SYNCED = re.compile(
    r"dropbox|onedrive|google ?drive|my drive|icloud ?drive|mobile documents|cloudstorage"
    r"|nextcloud|owncloud|pclouddrive|box( sync)?$",
    re.IGNORECASE,
)
_MARKS = (".dropbox", ".stfolder")  # Dropbox under another name, and Syncthing
_MOUNTED = re.compile(r"(?P<what>.*?) on (?P<where>/.*) \((?P<kind>[^,()]+)[^()]*\)")
_PATIENCE_S = 5.0
_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_mounts() -> str:
    """Give the list of what is mounted where, as `/proc/mounts` has it; empty if there is none."""
    if sys.platform == "darwin":
        return from_mount_command(_ask_mount())
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def from_mount_command(printed: str) -> str:
    """Turn what macOS's `mount` prints into the form of `/proc/mounts`."""
    found = filter(None, map(_MOUNTED.fullmatch, printed.splitlines()))
    return "".join(
        f"{_escaped(mount['what'])} {_escaped(mount['where'])} {mount['kind']} - 0 0\n"
        for mount in found
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\134").replace(" ", "\\040")


def _ask_mount() -> str:
    try:
        done = subprocess.run(
            ["/sbin/mount"], capture_output=True, check=False, timeout=_PATIENCE_S, text=True
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout


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
    kind = file_system_of(path, mounts)
    return kind if kind in _SHARED else None


def file_system_of(path: Path, mounts: str) -> str:
    """Give the type of the file system that holds a path, as `mounts` tells it; else nothing."""
    folder = PurePath(os.path.realpath(path))
    found, found_at = "", PurePath()
    for line in mounts.splitlines():
        _, where, kind, *_ = [*line.split(" "), "", "", ""]
        at = PurePath(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), where))
        if folder.is_relative_to(at) and len(at.parts) >= len(found_at.parts):
            found, found_at = kind, at
    return found


def synced_folder(path: Path) -> str | None:
    """Give the name of a folder above a ledger that a cloud client seems to copy about."""
    folders = list(Path(os.path.realpath(path)).parents)[::-1]
    return next((folder.name for folder in folders if _is_synced(folder)), None)


def _is_synced(folder: Path) -> bool:
    if _SYNCED.match(folder.name):
        return True
    return any(os.path.lexists(folder / mark) for mark in _MARKS)
