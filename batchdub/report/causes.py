"""Why rows do not go on by themselves: grouped by cause, each with what mends it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from batchdub.alike import cause_of
from batchdub.preflight.links import FRESH_LINKS
from batchdub.states import JobState

_MOST_CAUSES = 100
_EXAMPLES = 8
_SHORTEST = 4
_OTHER = "(other causes)"


@dataclass(frozen=True, slots=True)
class Lead:
    """The options that lead a command to this ledger, and to its API."""

    ledger: Sequence[str] = ()
    api: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stuck:
    """A row that does not go on by itself; `reason` is what was seen, or why it is held."""

    reference_id: str
    source: str
    state: JobState
    held: bool
    reason: str


@dataclass(slots=True)
class Cause:
    """Rows of one state and one cause: how many, the first few, and what mends it."""

    state: JobState
    held: bool
    text: str
    rows: int = 0
    examples: list[Stuck] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Give the word for such rows: their state, or `held`."""
        waits = self.held and self.state is JobState.PENDING
        return "held" if waits else str(self.state).replace("_", " ")

    @property
    def title(self) -> str:
        """Give the cause without the advice that it may end with, which `fix` gives."""
        return self.text.removesuffix(f"; {FRESH_LINKS}")

    def fix(self) -> str:
        """Say in a sentence or two what mends it."""
        return _fix(self)

    def command(self, lead: Lead) -> str:
        """Give the command for it, exact enough to be pasted into a shell."""
        return shlex.join(["batchdub", *_command(self, lead)])


class Causes:
    """Groups rows by cause as they pass by, in bounded memory."""

    def __init__(self) -> None:
        self._causes: dict[tuple[JobState, bool, str], Cause] = {}

    def add(self, row: Stuck) -> None:
        """Take in one more row."""
        kind = cause_of(row.reason)
        key = (row.state, row.held, kind)
        if key not in self._causes and len(self._causes) >= _MOST_CAUSES:
            key = (row.state, row.held, _OTHER)
        if key not in self._causes:
            text = _OTHER if key[2] == _OTHER else row.reason or "no reason given"
            self._causes[key] = Cause(row.state, row.held, text)
        cause = self._causes[key]
        cause.rows += 1
        if len(cause.examples) < _EXAMPLES:
            cause.examples.append(row)
        if cause.text != row.reason and kind:
            cause.text = key[2]

    def sorted(self) -> list[Cause]:
        """Give the causes: in doubt first, since money is at stake, then by how many rows."""
        return sorted(
            self._causes.values(),
            key=lambda each: (each.state is not JobState.IN_DOUBT, -each.rows),
        )


def _fix(cause: Cause) -> str:  # noqa: PLR0911  a table with patterns for keys
    text = cause.text.casefold()
    match cause.state:
        case JobState.IN_DOUBT if cause.held:
            return "Nobody but you can decide: adopt the order, order again, or cancel."
        case JobState.IN_DOUBT:
            return "It may have been ordered. The API's own list settles that; nothing is sent."
        case JobState.FAILED if "accessible" in text:
            return (
                "The API could not fetch the media. Open the link in a private window: if it does"
                " not play there, put the file back or make a fresh link. Then order again."
            )
        case JobState.FAILED:
            return (
                "The API took the order and could not make the dub; it may have been paid. Look at"
                " the media of one row before you order them again."
            )
        case JobState.REJECTED:
            return "The API refused the row, unpaid. Mend it in the manifest, then send it again."
    if FRESH_LINKS in cause.text:
        return f"Not sent, unpaid: {FRESH_LINKS}, and run it."
    if "the same media as" in text:
        return (
            "Not sent, unpaid: another row orders the same media. Take this one out, or run with"
            " --allow-same-media."
        )
    return "Not sent, unpaid. Mend the cause, and run the manifest again."


def _command(cause: Cause, lead: Lead) -> Iterable[str]:
    both = (*lead.api, *lead.ledger)
    match cause.state:
        case JobState.IN_DOUBT if cause.held:
            return ("show", *lead.ledger, *_last(cause.examples[0].reference_id))
        case JobState.IN_DOUBT:
            return ("reconcile", *both)
        case JobState.FAILED | JobState.REJECTED:
            return ("retry", f"--{cause.state}", *_with_error(cause.text), *both)
    path = cause.examples[0].source.rpartition(":")[0]
    return ("run", *both, *_last(path))


def _last(text: str) -> Sequence[str]:
    return ("--", text) if text.startswith("-") else (text,)


def _with_error(text: str) -> Sequence[str]:
    """Give the option that chooses rows of this cause: the longest part that all of them have."""
    part = max(text.split("…"), key=len).strip()
    told = text != _OTHER and len(part) >= _SHORTEST and text != "no reason given"
    return ("--error", part) if told else ()
