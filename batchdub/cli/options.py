"""Options that several commands have, each with the one environment name it has everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from batchdub.cli.completing import completer_for
from batchdub.cli.invocation import Invocation
from batchdub.errors import UnusableInputError
from batchdub.settings import DEFAULT_LEDGER, Flags, Settings, load_settings, require_key
from batchdub.units import parse_duration_s, parse_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchdub.redact import Secret

F = TypeVar("F", bound="Callable[..., Any]")

KEY_ENVIRONMENT = (
    ("CHAMELAION_API_KEY", "the API key; BATCHDUB_API_KEY and CHAMELAION_BEARER_TOKEN do as well"),
)
"""For the help of commands that call the API."""


def option(*names: str, env: str = "", **kwargs: Any) -> Callable[[F], F]:
    """Declare an option as `click.option` does, with its environment name shown in the help.

    The name is `BATCHDUB_` and the long option's; `env` gives another where two commands mean
    different things by one option, since a variable has one meaning everywhere.
    """
    longest = max((name for name in names if name.startswith("--")), key=len)
    variable = env or "BATCHDUB_" + longest.lstrip("-").upper().replace("-", "_")
    kwargs.setdefault("show_default", True)
    kwargs.setdefault("shell_complete", completer_for(kwargs.get("metavar")))
    return click.option(*names, envvar=variable, show_envvar=True, **kwargs)


def argument(name: str, *, metavar: str, **kwargs: Any) -> Callable[[F], F]:
    """Declare an argument as `click.argument` does, completed by its placeholder in the help."""
    return click.argument(name, metavar=metavar, shell_complete=completer_for(metavar), **kwargs)


def parsed(name: str, parse: Callable[[str], object]) -> Callable[[str], object]:
    """Make an option's type of a parser that raises UnusableInputError; `name` is for the help."""

    def convert(text: str) -> object:
        try:
            return parse(text)
        except UnusableInputError as error:
            raise click.BadParameter(f"{error.message}: {error.hint}") from None

    convert.__name__ = name
    return convert


class _Several(click.types.StringParamType):
    """Text that may be given several times; a variable holds one a line, or `;` between them.

    click would split it at every space, and titles have spaces. What stands in double quotes is
    not split.
    """

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        found = map(str.strip, re.findall(r'(?:"[^"]*"|[^;\n])+', rv))
        return [text for text in found if text]


several = _Several()
"""The type of an option that chooses rows."""

DURATION_S = parsed("duration", parse_duration_s)
"""A duration such as `5m`; the command gets seconds."""
RATE = parsed("rate", parse_rate)
"""A rate such as `60/min`; the command gets a `units.Rate`."""

manifests_argument = argument("manifests", metavar="MANIFEST...", nargs=-1, required=True)
optional_manifests = argument("manifests", metavar="[MANIFEST]...", nargs=-1)

format_option = option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    default="table",
    metavar="NAME",
    help="How data is printed: table, json, jsonl or csv.",
)

ledger_option = option(
    "--ledger", metavar="FILE", default=DEFAULT_LEDGER, help="The ledger, a SQLite file."
)

base_url_option = option(
    "--base-url", metavar="URL", help="Where the API is; CHAMELAION_BASE_URL does as well."
)

reason_option = option(
    "--reason", metavar="TEXT", help="Why; is recorded with the decision, and who decided."
)

key_file_option = option("--key-file", metavar="FILE", help="A file that holds the API key.")


def settings_of(context: click.Context) -> Settings:
    """Settle the settings of a command that has any of the three options above."""
    invocation = context.ensure_object(Invocation)
    return load_settings(
        invocation.environ,
        _flags(context, ParameterSource.COMMANDLINE),
        _flags(context, ParameterSource.DEFAULT_MAP),
        str(invocation.config),
    )


def key_of(context: click.Context, settings: Settings) -> Secret:
    """Give the API key and see to it that no message of this invocation prints it."""
    key = require_key(settings)
    invocation = context.ensure_object(Invocation)
    invocation.secrets = (*invocation.secrets, key)
    return key


def _flags(context: click.Context, source: ParameterSource) -> Flags:
    """Give those of the three options that come from one source."""

    def said(name: str) -> str | None:
        if context.get_parameter_source(name) is not source:
            return None
        return str(context.params[name])

    return Flags(base_url=said("base_url"), ledger=said("ledger"), key_file=said("key_file"))
