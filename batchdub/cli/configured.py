"""The config file's place on the command line: below flags and environment, above the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from batchdub.cli.completing import completer_for
from batchdub.cli.invocation import Invocation
from batchdub.config import NAMES, Config, find_config, load_config

if TYPE_CHECKING:
    from collections.abc import Sequence


def config_options() -> list[click.Parameter]:
    """Make the two options of every command that has something to configure."""
    return [
        click.Option(
            ["--config"],
            metavar="FILE",
            shell_complete=completer_for("FILE"),
            expose_value=False,
            envvar="BATCHDUB_CONFIG",
            show_envvar=True,
            show_default="batchdub.toml beside the manifest, or in ~/.config/batchdub",
            help="Where settings stand that no flag and no variable gives.",
        ),
        click.Option(
            ["--profile"],
            metavar="PROFILE",
            shell_complete=completer_for("PROFILE"),
            expose_value=False,
            envvar="BATCHDUB_PROFILE",
            show_envvar=True,
            help="Which profile of the config file holds.",
        ),
    ]


def is_configurable(command: click.Command) -> bool:
    """Whether a command has an option that may stand in the config file."""
    return any(_name(parameter) in NAMES for parameter in command.params)


def apply_config(command: click.Command, context: click.Context, arguments: Sequence[str]) -> None:
    """Have a command's options default to what the config file says.

    Raises UnusableInputError for a file that cannot be used.
    """
    parsed, _, _ = command.make_parser(context).parse_args(list(arguments))
    given = {name: value for name, value in parsed.items() if isinstance(value, str | tuple)}
    asks_help = command.get_help_option(context)
    if asks_help is not None and parsed.get(str(asks_help.name)) is True:
        return
    invocation = context.ensure_object(Invocation)
    config = _read(given, invocation)
    invocation.config = config
    context.default_map = {
        str(parameter.name): config.values[name]
        for parameter in command.params
        if (name := _name(parameter)) in config.values
    }


def with_origin(error: click.BadParameter) -> click.BadParameter:
    """Give a complaint about a value, saying that it stands in the config file, if it does."""
    context, parameter = error.ctx, error.param
    name = parameter.name if parameter else None
    if context is None or name is None:
        return error
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT_MAP:
        return error
    message = f"{error.message} (in {context.ensure_object(Invocation).config})"
    return click.BadParameter(message, context, parameter)


def _read(given: dict[str, Any], invocation: Invocation) -> Config:
    environ = invocation.environ
    manifests = given.get("manifests") or ()
    beside = Path(manifests[0]).parent if manifests else Path()
    named = given.get("config") or environ.get("BATCHDUB_CONFIG", "")
    profile = given.get("profile") or environ.get("BATCHDUB_PROFILE", "")
    return load_config(find_config(named, beside, environ), profile)


def _name(parameter: click.Parameter) -> str:
    longest = max(parameter.opts, key=len, default="")
    return longest.removeprefix("--") if longest.startswith("--") else ""
