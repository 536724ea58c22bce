"""`batchdub status`: how a ledger stands, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import format_option, ledger_option, settings_of
from batchdub.cli.render import render
from batchdub.cli.selection import id_option, only_option, state_option


@click.command(
    "status",
    cls=BatchdubCommand,
    examples=(
        "batchdub status",
        "batchdub status --only language=ja --state failed",
        "batchdub status --ledger season2.db --format json",
    ),
)
@ledger_option
@only_option
@id_option
@state_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    ledger: str,
    only: Sequence[str],
    ids: Sequence[str],
    states: Sequence[str],
    format_name: str,
) -> None:
    """Tell how a ledger stands, and what to do next.

    The rows of each state are printed, with those of them that are held; then, on standard
    error, the last run, what needs a look, and the next command. Changes nothing, and works
    while a run is going.
    """
    from batchdub.cli.standing import STATE_COLUMNS, read_overview, state_rows, tell  # noqa: PLC0415  not for `--help`
    from batchdub.select import parse_selection  # noqa: PLC0415  as above

    del ledger  # settled with the environment by `settings_of`
    invocation = context.ensure_object(Invocation)
    settings = settings_of(context)
    overview = read_overview(settings.ledger, parse_selection(only, ids, states))
    render(state_rows(overview), STATE_COLUMNS, format_name, invocation.environ)
    tell(overview, settings, invocation.talk)
