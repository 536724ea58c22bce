"""`batchdub retry`: put failed, rejected or cancelled rows back, and order them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.hook_options import hook_options, telling, without_hooks
from batchdub.cli.options import KEY_ENVIRONMENT, option, optional_manifests, reason_option
from batchdub.cli.run_options import Wanted, run_options
from batchdub.cli.selection import id_option, only_option
from batchdub.errors import UnusableInputError


@click.command(
    "retry",
    cls=BatchdubCommand,
    examples=(
        "batchdub retry --failed",
        "batchdub retry --failed --error 'not accessible' --only language=ja,ko",
        "batchdub retry --rejected --id 'S02E0[1-5]*' --max-jobs 20",
        "batchdub retry --cancelled --id S02E07-ja --reason 'rights are cleared'",
        "batchdub retry fresh-links.csv --failed --reason 'the CDN is back'",
    ),
    environment=KEY_ENVIRONMENT,
)
@optional_manifests
@option("--failed", is_flag=True, help="Rows that were ordered, and whose dub failed.")
@option("--rejected", is_flag=True, help="Rows that the API refused.")
@option("--cancelled", is_flag=True, help="Rows that `batchdub cancel` took out.")
@option(
    "--error",
    metavar="TEXT",
    default="",
    show_default=False,
    help="Rows whose error has this text in it.",
)
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
    failed: bool,
    rejected: bool,
    cancelled: bool,
    error: str,
    only: Sequence[str],
    ids: Sequence[str],
    reason: str | None,
    **shared: Any,
) -> None:
    """Put failed, rejected or cancelled rows back, and order them.

    All options given must hold; of --failed, --rejected and --cancelled any. A rejected row was
    not paid and is sent again as it was. So is one that was taken out, with --cancelled, unless it
    was in doubt then. A failed one may have been paid: it is ordered as its next revision, under
    a reference_id of its own (REF~r2), so that the old order is never taken for the new one.
    What is completed, on its way or in doubt is left as it is, and told.

    The links come from the manifests that the rows stand in, or from those named here. A row
    that is gone there, or has other media, is named and not sent: `batchdub reorder` takes other
    media.
    """
    from batchdub.cli.again import order_again  # noqa: PLC0415  not for `--help`
    from batchdub.run.picking import Wish  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above
    from batchdub.states import Event, JobState  # noqa: PLC0415  as above

    rows = parse_selection(only, ids)
    states = [JobState.FAILED] * failed + [JobState.REJECTED] * rejected
    states += [JobState.CANCELLED] * cancelled
    if not (states or error or rows.clauses):
        raise UnusableInputError(
            "nothing says which rows to retry",
            "add --failed, --rejected, --cancelled, --error TEXT, --only or --id; see"
            " `batchdub status`",
        )
    if not states and not rows.clauses:
        states = [JobState.FAILED, JobState.REJECTED]
    wish = Wish(Event.RETRY, rows, states, error)
    wanted = Wanted(**without_hooks(shared))
    with telling(context):
        order_again(context, wanted, wish, manifests, reason or "")
