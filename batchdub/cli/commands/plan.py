"""`batchdub plan`: what a run would do with each row, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.money_options import Money, money_options
from batchdub.cli.options import RATE, format_option, ledger_option, manifests_argument, option
from batchdub.cli.run_options import link_margin_option, probe_option, strict_option
from batchdub.cli.selection import choice_of, id_option, limit_option, only_option
from batchdub.units import Rate


@click.command(
    "plan",
    cls=BatchdubCommand,
    examples=(
        "batchdub plan tonight.csv",
        "batchdub plan tonight.csv --rate 600/min --preflight",
        "batchdub plan tonight.csv --price '0.35 EUR/min' --max-cost 200",
        "batchdub plan tonight.csv --format csv > plan.csv",
    ),
)
@manifests_argument
@ledger_option
@only_option
@id_option
@limit_option
@option(
    "--rate",
    type=RATE,
    metavar="RATE",
    default="60/min",
    help="The pace to reckon with: N/s, N/min, N/h, auto or unlimited.",
)
@money_options
@option(
    "--allow-same-media",
    is_flag=True,
    help="Plan to order a row although the same media is ordered under another id.",
)
@option("--skip-invalid", is_flag=True, help="Leave rows with a problem out.")
@option(
    "--preflight",
    is_flag=True,
    help="Tell also which pairs look wrong, and what is known of signed links, as `run` does.",
)
@strict_option
@link_margin_option
@probe_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    ledger: str,
    only: Sequence[str],
    ids: Sequence[str],
    limit: int | None,
    rate: Rate,
    allow_same_media: bool,
    skip_invalid: bool,
    preflight: bool,
    strict: bool,
    link_margin_s: float,
    probe: bool,
    format_name: str,
    **money: Any,
) -> None:
    """Print what would happen to each row, and why.

    A row with a signed link that is dead already is a problem; one whose link will be dead by the
    row's turn is held back. With a price it tells what the orders cost, and with a cap how many
    fit. Nothing is sent and nothing is changed; no key is needed.
    """
    from batchdub.cli.planning import Projection, checks_of, print_plan  # noqa: PLC0415  not for `--help`
    from batchdub.run.options import RunOptions  # noqa: PLC0415  as above
    from batchdub.run.source import open_source  # noqa: PLC0415  as above

    del ledger  # settled with the environment by `settings_of`
    warn = context.ensure_object(Invocation).talk.warn
    source = open_source(
        manifests,
        choice_of(only, ids, limit),
        warn,
        skip_invalid=skip_invalid,
        checks=checks_of(context, pairs=preflight or strict, strict=strict),
    )
    probed = None
    if probe:
        from batchdub.cli.probing import probe_media  # noqa: PLC0415  as above

        probed = probe_media(
            context, source, allow_same_media=allow_same_media, skip_invalid=skip_invalid
        )
    print_plan(
        context,
        source,
        Projection(
            link_margin_s,
            Money(**money).within(RunOptions(rate)),
            allow_same_media=allow_same_media,
        ),
        format_name,
        tell_links=preflight,
        probed=probed,
    )
