"""What a failure says to a person, and the exit code it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from batchdub.cli.streams import OutputError
from batchdub.errors import BatchdubError, ManifestError, StaleLedgerError, StalePlanError
from batchdub.exits import Exit, choose_exit
from batchdub.redact import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchdub.redact import Secret

_REPORT_IT = (
    "this is a fault in batchdub: run the same command with `-vv` and send all that it prints "
    "to whoever maintains it; the ledger keeps what was ordered"
)


class DeclinedError(KeyboardInterrupt):
    """The answer to the question was no, and that was told: nothing is left to say."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What to print, in this order, and how to exit.

    `places` are printed as they are; `messages` each with the program's name; `hints` after
    them. `trace` is for those who asked for it.
    """

    exit: Exit
    places: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()


def explain(error: BaseException, secrets: Sequence[Secret] = ()) -> Failure:
    """Turn any exception into a message without secrets and the contract's exit code.

    Of a group that holds only failures a user can understand, each is told once.
    """
    leaves = tuple(_leaves(error))
    if any(isinstance(leaf, DeclinedError) for leaf in leaves):
        return Failure(Exit.INTERRUPTED)
    if any(map(_was_interrupted, leaves)):
        return Failure(Exit.INTERRUPTED, messages=("interrupted",))
    known = [leaf for leaf in leaves if isinstance(leaf, BatchdubError)]
    if len(known) == len(leaves):
        return _told(known, secrets)
    if isinstance(error, click.ClickException):
        return _misused(error)
    if isinstance(error, OutputError):
        return _unwritten(error)
    return _unexpected(error, secrets)


def _was_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is at the bottom: Python may wrap one that strikes during an import."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt | click.Abort):
            return True
        cause = cause.__cause__
    return False


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for inner in error.exceptions:
        yield from _leaves(inner)


def _told(errors: Sequence[BatchdubError], secrets: Sequence[Secret]) -> Failure:
    places: list[str] = []
    hints: dict[str, None] = {}
    for error in errors:
        if isinstance(error, ManifestError):
            places += _places(error.problems, error.total)
            hints["mend the manifest and run the same command again; nothing was sent"] = None
        if isinstance(error, StalePlanError):
            places += _places(error.changes, error.total)
        if isinstance(error, StaleLedgerError):
            places += error.problems
        if error.hint:
            hints[scrub(error.hint, *secrets)] = None
    return Failure(
        choose_exit(error.exit_code for error in errors),
        places=tuple(scrub(line, *secrets) for line in places),
        messages=tuple(dict.fromkeys(scrub(error.message, *secrets) for error in errors)),
        hints=tuple(hints),
    )


def _places(lines: Sequence[str], total: int) -> Iterator[str]:
    yield from lines
    untold = total - len(lines)
    if untold > 0:
        yield f"… and {untold:,} more"


def _misused(error: click.ClickException) -> Failure:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "batchdub"
    message = " ".join(error.format_message().split())
    return Failure(Exit.INPUT, messages=(message,), hints=(f"see `{path} --help`",))


def _unwritten(error: OutputError) -> Failure:
    # Whoever closed the pipe has what they wanted (`| head`): nothing is wrong, and no word.
    if error.reader_left:
        return Failure(Exit.DONE)
    return Failure(Exit.UNEXPECTED, messages=(str(error),), hints=("what was written is cut off",))


def _unexpected(error: BaseException, secrets: Sequence[Secret]) -> Failure:
    import traceback  # noqa: PLC0415  what goes well needs none

    text = " ".join(scrub(str(error), *secrets).split())
    lines = "".join(traceback.format_exception(error)).splitlines()
    return Failure(
        Exit.UNEXPECTED,
        messages=(f"unexpected {type(error).__name__}: {text}".rstrip(": "),),
        hints=(_REPORT_IT,),
        trace=tuple(scrub(line, *secrets) for line in lines),
    )
