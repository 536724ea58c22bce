"""Talk: everything that is said to a person, on standard error, never in the way of the work.

An order that was paid must be recorded even if the terminal is gone or the log disk is full, so
a line that cannot be written is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from batchdub.cli.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Talk:
    """Where talk goes, and how much of it.

    `quiet` leaves only problems; `verbose` is the number of `-v`. `terminal` says that a person
    watches, `colour` that they want colours.
    """

    stream: TextIO
    terminal: bool = False
    colour: bool = False
    quiet: bool = False
    verbose: int = 0

    def say(self, text: str) -> None:
        """Say one line, unless quiet."""
        if not self.quiet:
            self._write(text)

    def detail(self, text: str) -> None:
        """Say one line to those who asked for more with `-v`."""
        if self.verbose and not self.quiet:
            self._write(text)

    def warn(self, text: str) -> None:
        """Say what may be wrong, however quiet."""
        self._write(text, label="warning:", ink="\x1b[33m")

    def problem(self, text: str) -> None:
        """Say what is wrong, however quiet."""
        self._write(text, label="batchdub:", ink="\x1b[31m")

    def hint(self, text: str) -> None:
        """Say what to do about the problem before, however quiet."""
        self._write(text, label="hint:", ink="\x1b[36m")

    def plain(self, lines: Iterable[str]) -> None:
        """Say lines as they are, however quiet: the places of a manifest's problems."""
        for line in lines:
            self._write(line)

    def _write(self, text: str, *, label: str = "", ink: str = "") -> None:
        if label and self.colour:
            label = f"{ink}{label}\x1b[0m"
        with suppress(OSError, ValueError):
            self.stream.write(f"{label} {visible(text)}\n" if label else f"{visible(text)}\n")
            self.stream.flush()


def talk_on(stream: TextIO, environ: Mapping[str, str]) -> Talk:
    """Make a Talk for a stream: control characters only where a person watches and wants them."""
    terminal = is_terminal(stream, environ)
    return Talk(stream, terminal=terminal, colour=terminal and not environ.get("NO_COLOR"))


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that understands control characters."""
    with suppress(OSError, ValueError):
        return stream.isatty() and environ.get("TERM", "dumb") != "dumb"
    return False
