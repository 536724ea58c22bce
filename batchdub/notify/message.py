"""What is told at the end of a run: one message, for people to read and for programs to take."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from batchdub.exits import Exit

_FINE = frozenset({Exit.DONE, Exit.CAP})


@dataclass(frozen=True, slots=True)
class Message:
    """How a run ended. `lines` are the details, the most important first.

    `next_commands` are what to type next, exact enough to be pasted.
    """

    title: str
    exit_code: Exit
    lines: tuple[str, ...] = ()
    next_commands: tuple[str, ...] = ()
    run_id: str = ""

    @property
    def fine(self) -> bool:
        """Whether nobody needs to look: reaching our own cap or window is no failure."""
        return self.exit_code in _FINE

    def text(self) -> str:
        """Give the message for people, without its title."""
        nexts = (f"next: {command}" for command in self.next_commands)
        return "\n".join((*self.lines, *nexts))

    def as_dict(self) -> dict[str, object]:
        """Give the message for programs."""
        return {
            **asdict(self),
            "exit_code": int(self.exit_code),
            "meaning": self.exit_code.meaning,
            "fine": self.fine,
        }


def title_of(said: str, exit_code: Exit) -> str:
    """Give the line that a message is known by: what is said, by whom, and how it ended."""
    return f"batchdub: {said} (exit {int(exit_code)})"
