"""`batchdub cancel`: take pending rows out."""

from __future__ import annotations

from collections.abc import Sequence

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.options import ledger_option, reason_option
from batchdub.cli.run_options import yes_option
from batchdub.cli.selection import id_option, only_option
from batchdub.errors import UnusableInputError


@click.command(
    "cancel",
    cls=BatchdubCommand,
    examples=(
        "batchdub cancel --id S02E07-ja --reason 'episode dropped'",
        "batchdub cancel --only language=no --reason 'rights not cleared' --yes",
    ),
)
@ledger_option
@only_option
@id_option
@reason_option
@yes_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    ledger: str,
    only: Sequence[str],
    ids: Sequence[str],
    reason: str | None,
    yes: bool,
) -> None:
    """Take pending rows out, so that no run orders them.

    Needs --reason, and --id or --only. Nothing is sent, and no order is undone: what was ordered,
    or may have been, is left as it is, and told. `batchdub retry --cancelled --id ID` puts a
    row back that was taken out.
    """
    from batchdub.cli.cancelling import cancel_rows  # noqa: PLC0415  not for `--help`
    from batchdub.run.picking import Wish  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above
    from batchdub.states import Event  # noqa: PLC0415  as above

    del ledger  # settled with the environment by `settings_of`
    rows = parse_selection(only, ids)
    if not rows.clauses:
        raise UnusableInputError(
            "nothing says which rows to take out", "add --id or --only; --id '*' means all"
        )
    if not reason:
        raise UnusableInputError("to take out needs a reason", "say why with `--reason TEXT`")
    cancel_rows(context, Wish(Event.CANCEL, rows), reason, asks=not yes)
