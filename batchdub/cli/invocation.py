"""One call of the program: how it talks, which `-v` and `-q` settle, and what it must not print."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from batchdub.cli.talk import Talk, talk_on
from batchdub.config import Config
from batchdub.settings import secrets_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchdub.notify import Message
    from batchdub.redact import Secret


@dataclass(slots=True)
class Invocation:
    """One call of the program: its environment, how it talks, and what it must not print.

    `arguments` are those it was started with, to name the same command again; `config` is what
    the config file said, and `message` is what others are told of the end.
    """

    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    talk: Talk = field(default_factory=lambda: talk_on(sys.stderr, os.environ))
    secrets: tuple[Secret, ...] = field(default_factory=lambda: secrets_in(os.environ))
    config: Config = field(default_factory=lambda: Config({}))
    message: Message | None = None

    @property
    def wants_traces(self) -> bool:
        """Whether the user asked for tracebacks: `-vv`, or `BATCHDUB_DEBUG` set."""
        return self.talk.verbose > 1 or bool(self.environ.get("BATCHDUB_DEBUG"))


def _set_verbose(context: click.Context, _: click.Parameter, count: int) -> None:
    invocation = context.ensure_object(Invocation)
    invocation.talk = replace(invocation.talk, verbose=max(count, invocation.talk.verbose))


def _set_quiet(context: click.Context, _: click.Parameter, quiet: bool) -> None:  # noqa: FBT001  click's
    invocation = context.ensure_object(Invocation)
    invocation.talk = replace(invocation.talk, quiet=quiet or invocation.talk.quiet)


def talk_options() -> list[click.Parameter]:
    """Make the two options that every command has."""
    shared: dict[str, Any] = {"is_eager": True, "expose_value": False, "show_envvar": True}
    return [
        click.Option(
            ["-v", "--verbose"],
            count=True,
            callback=_set_verbose,
            envvar="BATCHDUB_VERBOSE",
            help="Say more; twice, also tracebacks.",
            **shared,
        ),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            callback=_set_quiet,
            envvar="BATCHDUB_QUIET",
            help="Say only what is wrong.",
            **shared,
        ),
    ]
