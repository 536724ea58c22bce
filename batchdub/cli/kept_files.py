"""Files that no output may be written over: a ledger, what lies beside it, and its manifests."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.run.sandboxed import books_path

_BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
_HINT = "name another file with {}"


def require_not_kept(
    output: str | None, option: str, ledger: Path, manifests: Iterable[str] = ()
) -> None:
    """Raise UnusableInputError for a file that would be lost: it is the only record of orders.

    `option` is what named the file. A manifest's signed links are nowhere else, either.
    """
    if output is None or output == "-":
        return
    if any(_is_one(output, ledger.with_name(ledger.name + ending)) for ending in _BESIDE):
        raise UnusableInputError(f"{output}: is the ledger, or belongs to it", _HINT.format(option))
    if _is_one(output, books_path(ledger)):
        raise UnusableInputError(f"{output}: is the sandbox's books", _HINT.format(option))
    for path in manifests if Path(output).is_file() else ():
        if _is_one(output, Path(path)):
            raise UnusableInputError(
                f"{output}: is a manifest that rows come from", _HINT.format(option)
            )


def _is_one(output: str, kept: Path) -> bool:
    """Whether both names lead to one file, by whatever links, also where it is not there yet."""
    if os.path.realpath(output) == os.path.realpath(kept):
        return True
    return Path(output).is_file() and kept.is_file() and kept.samefile(output)
