"""`batchdub reconcile`: settle what is in doubt, from the API's list or by a person's word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.options import KEY_ENVIRONMENT, option, reason_option, settings_of
from batchdub.cli.run_options import Wanted, settling_options
from batchdub.cli.selection import id_option, only_option
from batchdub.errors import UnusableInputError

if TYPE_CHECKING:
    from batchdub.run.decisions import Decision
    from batchdub.select import Selector


@click.command(
    "reconcile",
    cls=BatchdubCommand,
    examples=(
        "batchdub reconcile",
        "batchdub reconcile --only language=ja",
        "batchdub reconcile --cancel S02E07-ja --reason 'episode dropped'",
        "batchdub reconcile --order-again S02E07-ja --reason 'support found no order'",
        "batchdub reconcile --acknowledge 5d1f7a52-6a0e-4d5b-9c43-0f2b8a6f7c11",
    ),
    environment=KEY_ENVIRONMENT,
)
@option(
    "--adopt",
    "adopted",
    nargs=2,
    multiple=True,
    metavar="ID REQUEST_ID",
    help="This request is the row's order; the API is asked whether that can be.",
)
@option(
    "--order-again",
    "again",
    multiple=True,
    metavar="ID",
    help="This row has no order: the next run may send it.",
)
@option("--cancel", "cancelled", multiple=True, metavar="ID", help="Take this row out.")
@option(
    "--acknowledge",
    "acknowledged",
    multiple=True,
    metavar="REQUEST_ID",
    help="This duplicate has been seen to.",
)
@reason_option
@only_option
@id_option
@settling_options
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    adopted: Sequence[tuple[str, str]],
    again: Sequence[str],
    cancelled: Sequence[str],
    acknowledged: Sequence[str],
    reason: str | None,
    only: Sequence[str],
    ids: Sequence[str],
    **shared: Any,
) -> None:
    """Settle what is in doubt, and order nothing.

    Without a decision every row in doubt, or those that --only and --id choose, is looked for in
    the API's list: one that is there is ordered; one that two looks, the settle window apart, do
    not show is pending again. Exit 6 if any is left in doubt, or a duplicate waits for a look.

    The four decisions are a person's, for what the list cannot settle. They need a --reason,
    except --acknowledge; several of them are carried out together or not at all.
    """
    from batchdub.select import parse_selection  # noqa: PLC0415  not for `--help`

    wanted = Wanted(**shared)
    decisions = list(_decisions(adopted, again, cancelled, acknowledged))
    rows = parse_selection(only, ids)
    if decisions:
        from batchdub.cli.deciding import carry_out_decisions  # noqa: PLC0415  not for `--help`

        if rows.clauses:
            raise UnusableInputError(
                "--only and --id choose what is looked for", "a decision names its own row"
            )
        if not reason and len(decisions) > len(acknowledged):
            raise UnusableInputError("a decision needs a reason", "say why with `--reason TEXT`")
        carry_out_decisions(context, wanted, decisions, reason or "")
        return
    if reason:
        raise UnusableInputError("`--reason` without a decision", "leave it out, or decide")
    _settle(context, wanted, rows)


def _decisions(
    adopted: Sequence[tuple[str, str]],
    again: Sequence[str],
    cancelled: Sequence[str],
    acknowledged: Sequence[str],
) -> Iterator[Decision]:
    from batchdub.run.decisions import Decision, Kind  # noqa: PLC0415  not for `--help`

    for reference_id, request_id in adopted:
        yield Decision(Kind.ADOPT, reference_id, request_id)
    for reference_id in again:
        yield Decision(Kind.ORDER_AGAIN, reference_id)
    for reference_id in cancelled:
        yield Decision(Kind.CANCEL, reference_id)
    for request_id in acknowledged:
        yield Decision(Kind.ACKNOWLEDGE, request_id=request_id)


def _settle(context: click.Context, wanted: Wanted, rows: Selector) -> None:
    from batchdub.cli.ordering import carry_out  # noqa: PLC0415  not for `--help`
    from batchdub.cli.summary import summarise_settling  # noqa: PLC0415  as above
    from batchdub.ledger import open_for_reading  # noqa: PLC0415  as above
    from batchdub.run.tonight import settle  # noqa: PLC0415  as above

    # Opening it for a run would make a new one where there is none.
    open_for_reading(settings_of(context).ledger).close()
    carry_out(
        context,
        wanted,
        lambda tonight, person: settle(tonight, person, rows),
        summarise_settling,
    )
