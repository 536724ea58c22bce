"""`batchdub show`: one row's whole history, and what happens next."""

from __future__ import annotations

import json

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import argument, ledger_option, option, settings_of


@click.command(
    "show",
    cls=BatchdubCommand,
    examples=("batchdub show S02E07-ja", "batchdub show S02E07-ja --format json | jq .attempts"),
)
@argument("reference_id", metavar="ID")
@ledger_option
@option(
    "--format",
    "format_name",
    env="BATCHDUB_SHOW_FORMAT",
    type=click.Choice(["table", "json"]),
    default="table",
    metavar="NAME",
    help="How the history is printed: table, or json as one object.",
)
@click.pass_context
def command(context: click.Context, /, *, reference_id: str, ledger: str, format_name: str) -> None:
    """Tell one row's whole history, and what happens next.

    Every attempt and how it ended, every change of state with who decided it and why, further
    requests under its reference_id, and one sentence on what comes now. Changes nothing.
    """
    from batchdub.cli.row_history import print_history, read_history  # noqa: PLC0415  not for `--help`

    del ledger  # settled with the environment by `settings_of`
    history = read_history(settings_of(context), reference_id)
    if format_name == "json":
        click.echo(json.dumps(history, indent=2, ensure_ascii=False))
    else:
        print_history(history, context.ensure_object(Invocation).environ)
