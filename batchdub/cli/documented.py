"""Commands whose help is complete: examples, environment names and exit codes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from batchdub.cli.configured import apply_config, config_options, is_configurable, with_origin
from batchdub.cli.invocation import talk_options
from batchdub.errors import UnusableInputError
from batchdub.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE = 1000  # characters: longer than any first sentence


class Documented(click.Command):
    """A command whose help ends with examples, its further environment, and the exit codes."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        environment: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.environment = tuple(environment)
        self.configurable = is_configurable(self)
        self.params += [*(config_options() if self.configurable else ()), *talk_options()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the command line apart; what it leaves open, the config file may settle."""
        if self.configurable:
            # While somebody still types, a broken config file is no reason to offer nothing.
            with suppress(*(UnusableInputError,) if ctx.resilient_parsing else ()):
                apply_config(self, ctx, args)
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            raise with_origin(error) from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the README and the contract promise in every command's help."""
        del ctx
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")
        if self.environment:
            with formatter.section("Environment"):
                formatter.write_dl(self.environment)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), code.meaning) for code in Exit])


class BatchdubCommand(Documented):
    """A command: pass it as `cls` to `click.command`, with `examples`."""


class BatchdubGroup(Documented, click.Group):
    """A command that also has commands under it."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first sentence of each whole: click would cut it."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, found.get_short_help_str(_WHOLE)) for name, found in commands if found]
            )
