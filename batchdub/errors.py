"""What can go wrong, sorted by what the caller may do next.

    BatchdubError                 told to the user as one line and a hint, never as a traceback
    ├── UnusableInputError        mend the input and run again; nothing was sent        (exit 2)
    │   ├── ManifestError         the same, with every problem and where it stands
    │   └── StalePlanError        make a new plan; the same, with every change
    ├── KeyRefusedError           get a working key                                     (exit 3)
    ├── NeedsALookError           a person must decide before more is spent             (exit 6)
    │   └── StaleLedgerError      rebuild the ledger; nothing was sent
    ├── LedgerInUseError          wait for the other run, or stop it                    (exit 7)
    ├── ApiUnavailableError       come back later, or correct the address               (exit 9)
    └── LedgerUnusableError       mend or replace the ledger; nothing more was sent     (exit 10)
        └── LedgerWriteError      the disk refused; the transaction is not there
    IllegalTransitionError        another writer was faster, or a bug: send nothing

`IllegalTransitionError` stands outside the tree on purpose: it must never be mistaken for
something that a user can mend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from batchdub.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence


class BatchdubError(Exception):
    """A failure that the user can understand: what is wrong, and a hint what to do.

    `message` starts with the file or thing it is about; `hint` is a whole sentence or empty.
    """

    exit_code: ClassVar[Exit] = Exit.UNEXPECTED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UnusableInputError(BatchdubError):
    """An option, a file or a selection cannot be used; nothing was sent."""

    exit_code = Exit.INPUT


class ManifestError(UnusableInputError):
    """A manifest has problems.

    `problems` are the first of them as printable lines, sorted; `total` counts all of them.
    `of_rows` tells that without the rows that have one the rest could be used.
    """

    def __init__(self, problems: Sequence[str], total: int, *, of_rows: bool = False) -> None:
        super().__init__(f"{total} problem{'' if total == 1 else 's'} in the manifest")
        self.of_rows = of_rows
        self.problems = tuple(problems)
        self.total = total


class StalePlanError(UnusableInputError):
    """What a run would do is not what its plan says.

    `changes` are the first of the differences as printable lines; `total` counts all of them.
    """

    def __init__(self, path: str, changes: Sequence[str], total: int) -> None:
        times = "thing has" if total == 1 else "things have"
        super().__init__(
            f"{path}: the plan is stale: {total:,} {times} changed since it was made;"
            " nothing was sent",
            f"make a new one with `batchdub plan … --output {path}`, look at it, and run it",
        )
        self.changes = tuple(changes)
        self.total = total


class KeyRefusedError(BatchdubError):
    """The API key is missing, malformed or refused."""

    exit_code = Exit.KEY


class NeedsALookError(BatchdubError):
    """Something at the API cannot be explained from the ledger; nothing more is spent."""

    exit_code = Exit.NEEDS_A_LOOK


class StaleLedgerError(NeedsALookError):
    """The API knows rows of these `manifests` that the ledger does not.

    `problems` are the first of them as printable lines.
    """

    def __init__(
        self, message: str, hint: str, manifests: Sequence[str], problems: Sequence[str]
    ) -> None:
        super().__init__(message, hint)
        self.manifests = tuple(manifests)
        self.problems = tuple(problems)


class LedgerInUseError(BatchdubError):
    """Another run holds the ledger's lock."""

    exit_code = Exit.LEDGER_IN_USE


class ApiUnavailableError(BatchdubError):
    """The API does not answer, or what answers is not the API."""

    exit_code = Exit.API_UNAVAILABLE


class LedgerUnusableError(BatchdubError):
    """The ledger is corrupt, newer than this program, or made against another API or account."""

    exit_code = Exit.LEDGER_UNUSABLE


class LedgerWriteError(LedgerUnusableError):
    """A commit failed: nothing of its transaction is in the ledger. Never retry in this process."""


class IllegalTransitionError(Exception):
    """A job was not in the state that a move starts from.

    Raised by the transition table and by the ledger's own guards. Send nothing for that job.
    """
