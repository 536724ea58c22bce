"""Writing a bundle to a new file of the owner's: whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

from batchdub.errors import UnusableInputError


def write_new(path: Path, content: bytes) -> None:
    """Write a file, mode 0600, that must not be there yet.

    Raises UnusableInputError if it is, or cannot be made: then there is none.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise UnusableInputError(
            f"{path}: exists already, and is not overwritten", "name another file with --output"
        ) from None
    except OSError as error:
        raise UnusableInputError(
            f"{path}: cannot be written: {error.strerror}", "name another file with --output"
        ) from None
