"""Facts about where batchdub runs: versions, the machine, and the files beside a ledger."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from re import split

from batchdub.ledger.extract import SQLITE_VERSION
from batchdub.ledger.placement import file_system_of, read_mounts, synced_folder
from batchdub.support.names import Names
from batchdub.units import to_stored_time

_BESIDE = ("", "-wal", "-shm", "-journal", ".lock")


def versions() -> Iterator[tuple[str, str]]:
    """Give what runs here: batchdub, Python, SQLite, the libraries, the operating system."""
    yield "batchdub", _version("batchdub")
    yield "python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "sqlite", SQLITE_VERSION
    for requirement in requires("batchdub") or ():
        if "extra ==" not in requirement or "notify" in requirement:
            name = split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
            yield name, _version(name)
    yield "system", platform.platform()
    yield "processors", str(os.cpu_count())
    preferred = locale.getpreferredencoding(do_setlocale=False)
    yield "encoding", f"{sys.getfilesystemencoding()}, {preferred}"
    yield "time zone", "/".join(time.tzname)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def files(ledger: Path, names: Names) -> Iterator[Mapping[str, object]]:
    """Give the ledger and what lies beside it: size, mode, last change; then the disk."""
    for ending in _BESIDE:
        yield _file(ledger.with_name(ledger.name + ending), names)
    folder = ledger.absolute().parent
    usage = shutil.disk_usage(folder)
    yield {
        "folder": names.of("folder", str(folder)),
        "writable": os.access(folder, os.W_OK | os.X_OK),
        "file_system": file_system_of(ledger, read_mounts()) or "unknown",
        "synced": synced_folder(ledger) is not None,
        "free_bytes": usage.free,
        "total_bytes": usage.total,
    }


def _file(path: Path, names: Names) -> Mapping[str, object]:
    name = names.file(path.name)
    try:
        found = path.stat()
    except FileNotFoundError:
        return {"file": name, "there": False}
    except OSError as error:
        return {"file": name, "there": f"unknown: {error.strerror}"}
    return {
        "file": name,
        "there": True,
        "bytes": found.st_size,
        "mode": stat.filemode(found.st_mode),
        "ours": found.st_uid == os.getuid(),
        "changed_at": to_stored_time(datetime.fromtimestamp(found.st_mtime, UTC)),
        "link": path.is_symlink(),
    }
