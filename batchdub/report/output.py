"""A report's file: whole or not there at all, whatever ends the program."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from batchdub.errors import UnusableInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

# A report is made to be handed on and holds no secrets, so others may read it; the user's
# umask still takes away what it takes away everywhere. A manifest holds links that are secret.
_MODE = 0o644
_PRIVATE_MODE = 0o600


@contextmanager
def open_output(
    path: str, *, byte_order_mark: bool = False, private: bool = False
) -> Iterator[TextIO]:
    """Open a file to write text to; it appears under its name only when all of it is written.

    A device or a pipe is written to as it is. `byte_order_mark` is what Excel needs to see that
    a CSV is UTF-8; a `private` file is its owner's only. Raises UnusableInputError if the file
    cannot be made or the disk refuses; what stood under the name before is then still there.
    """
    encoding = "utf-8-sig" if byte_order_mark else "utf-8"
    with open_bytes(path, private=private) as raw:
        # A path on disk may hold bytes that are no text; they are shown, not stumbled over.
        out = TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", newline="")
        yield out
        out.flush()
        out.detach()


@contextmanager
def open_bytes(path: str, *, private: bool = False) -> Iterator[BinaryIO]:
    """Do the same for a file that is no text."""
    try:
        with _opener(path)(_PRIVATE_MODE if private else _MODE) as out:
            yield out
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnusableInputError(f"{path}: cannot be written: {reason}") from None


def _opener(path: str) -> Callable[[int], AbstractContextManager[BinaryIO]]:
    # Through a symbolic link, the file that it points to is replaced, not the link.
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise UnusableInputError(f"{path}: is a folder", "name a file in it")
    if target.exists() and not target.is_file():
        return partial(_open_device, target)
    return partial(_open_whole, target)


@contextmanager
def _open_device(target: Path, _mode: int) -> Iterator[BinaryIO]:
    with target.open("wb") as out:
        yield out


@contextmanager
def _open_whole(target: Path, mode: int) -> Iterator[BinaryIO]:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as out:  # noqa: PTH123  a descriptor, not a path
            yield out
            out.flush()
            os.fsync(descriptor)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
