"""`batchdub reorder`: order rows that have ended once more, on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.hook_options import hook_options, telling, without_hooks
from batchdub.cli.options import KEY_ENVIRONMENT, optional_manifests, reason_option
from batchdub.cli.run_options import Wanted, run_options
from batchdub.cli.selection import id_option, only_option
from batchdub.errors import UnusableInputError


@click.command(
    "reorder",
    cls=BatchdubCommand,
    examples=(
        "batchdub reorder --id S02E07-ja --reason 'the client sent a new mix'",
        "batchdub reorder tonight.csv --id S02E07-ja --reason 'the link is mended'",
        "batchdub reorder new-mix.csv --id 'S02E0[1-5]-ja' --reason 'first mix refused'",
    ),
    environment=KEY_ENVIRONMENT,
)
@optional_manifests
@only_option
@id_option
@reason_option
@run_options
@hook_options
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    only: Sequence[str],
    ids: Sequence[str],
    reason: str | None,
    **shared: Any,
) -> None:
    """Order rows that have ended once more, on purpose.

    Each is ordered and paid anew, as its next revision, under a reference_id of its own (REF~r2);
    its media may be others now, so this is also the way out for a row that was rejected or failed
    because of a wrong link. Needs --reason, and --id or --only. What is not completed, failed or
    rejected is left as it is, and told.

    The links come from the manifests that the rows stand in, or from those named here.
    """
    from batchdub.cli.again import order_again  # noqa: PLC0415  not for `--help`
    from batchdub.run.picking import Wish  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above
    from batchdub.states import Event  # noqa: PLC0415  as above

    rows = parse_selection(only, ids)
    if not rows.clauses:
        raise UnusableInputError(
            "nothing says which rows to order once more",
            "add --id or --only; `batchdub report --state completed` lists them",
        )
    if not reason:
        raise UnusableInputError("to order again needs a reason", "say why with `--reason TEXT`")
    wanted = Wanted(**without_hooks(shared))
    with telling(context):
        order_again(context, wanted, Wish(Event.REORDER, rows), manifests, reason)
