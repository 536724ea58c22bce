"""Whether the process of a run is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def is_alive(host: str, pid: int) -> bool:
    """Whether a process is there; one of another machine is taken to be."""
    if host != socket.gethostname():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has died and only nobody has asked how; known on Linux alone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return told.rpartition(")")[2].split()[:1] == ["Z"]
