"""The door of the command line: the one place where errors become messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from batchdub.cli.completing import VARIABLE, complete
from batchdub.cli.failures import Failure, explain
from batchdub.cli.group import batchdub
from batchdub.cli.invocation import Invocation
from batchdub.cli.streams import OutputError, dependable_streams, forget_output, forget_unsaid
from batchdub.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

# A run holds all its rows until it ends, and each collection goes through them again: at
# Python's own threshold of 700 that is a twentieth of a run's time, and frees next to nothing.
_COLLECT_EVERY = 50_000


def main() -> NoReturn:
    """Run the command that the process was started with, and exit with its code."""
    if asked := os.environ.get(VARIABLE):
        sys.exit(complete(asked))
    gc.set_threshold(_COLLECT_EVERY)
    code = run_command(sys.argv[1:])
    forget_unsaid()
    sys.exit(code)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command to its end and give its exit code; every failure is told on the way."""
    with dependable_streams():
        invocation = Invocation(tuple(arguments))
        try:
            code = _call(arguments, invocation)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
            _rescue_output(error)
            failure = explain(error, invocation.secrets)
            _tell(failure, invocation)
            return failure.exit
        return code


def _call(arguments: Sequence[str], invocation: Invocation) -> int:
    try:
        with batchdub.make_context("batchdub", list(arguments), obj=invocation) as context:
            code = batchdub.invoke(context)
    except click.exceptions.Exit as end:
        code = end.exit_code
    return Exit.DONE if code is None else int(code)


def _tell(failure: Failure, invocation: Invocation) -> None:
    talk = invocation.talk
    if invocation.wants_traces:
        talk.plain(failure.trace)
    talk.plain(failure.places)
    for message in failure.messages:
        talk.problem(message)
    for hint in failure.hints:
        talk.hint(hint)


def _rescue_output(error: BaseException) -> None:
    """Print what a failed command had to give; what can no more be printed is forgotten."""
    try:
        if isinstance(error, OutputError):
            forget_output()
        sys.stdout.flush()
    except OutputError:
        forget_output()
