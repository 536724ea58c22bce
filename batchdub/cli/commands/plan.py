"""`batchdub plan`: what a run would do with each row, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.download_options import naming_options, planned_download, require_download
from batchdub.cli.invocation import Invocation
from batchdub.cli.money_options import Money, money_options
from batchdub.cli.options import (
    RATE,
    base_url_option,
    format_option,
    ledger_option,
    manifests_argument,
    option,
    settings_of,
)
from batchdub.cli.probe_options import probe_option, reorder_changed_option
from batchdub.cli.run_options import (
    link_margin_option,
    sandbox_option,
    strict_option,
)
from batchdub.cli.selection import choice_of, id_option, limit_option, only_option
from batchdub.errors import UnusableInputError
from batchdub.run.file_names import NameTemplate
from batchdub.units import Rate


@click.command(
    "plan",
    cls=BatchdubCommand,
    examples=(
        "batchdub plan tonight.csv",
        "batchdub plan tonight.csv --rate 600/min --preflight",
        "batchdub plan tonight.csv --price '0.35 EUR/min' --max-cost 200",
        "batchdub plan tonight.csv --download dubs --download-name '{episode}.mp4'",
        "batchdub plan tonight.csv --format csv > plan.csv",
        "batchdub plan tonight.csv --probe --only language=ja",
        "batchdub plan tonight.csv --output plan.json && batchdub run --plan plan.json",
    ),
)
@manifests_argument
@ledger_option
@base_url_option
@sandbox_option
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
@reorder_changed_option
@naming_options
@format_option
@option(
    "--output",
    env="BATCHDUB_PLAN_OUTPUT",
    metavar="FILE",
    help="Write the plan to a file instead, as JSON, for `run --plan`.",
)
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    ledger: str,
    base_url: str | None,
    sandbox: bool,
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
    reorder_changed: bool,
    download: str | None,
    download_name: NameTemplate | None,
    format_name: str,
    output: str | None,
    **money: Any,
) -> None:
    """Print what would happen to each row, and why.

    A row with a signed link that is dead already is a problem; one whose link will be dead by the
    row's turn is held back. With a price it tells what the orders cost, and with a cap how many
    fit. With --download it is a problem if a dub would have no file name of its own. Nothing is
    sent and nothing is changed; no key is needed.

    With --probe it tells which rows are done and yet have media that changed since they were
    ordered, and with --reorder-changed what it means to order those again.

    With --output the plan becomes a file: `run --plan FILE` does exactly that, or refuses and says
    what has changed. It is bound to the API of the ledger, or to the one that is named here.
    """
    from batchdub.cli.plan_files import Saving, api_meant  # noqa: PLC0415  not for `--help`
    from batchdub.cli.planning import Projection, checks_of, print_plan  # noqa: PLC0415  as above
    from batchdub.cli.probing import ledger_if_any, probe_media  # noqa: PLC0415  as above
    from batchdub.run.options import RunOptions  # noqa: PLC0415  as above
    from batchdub.run.source import open_source  # noqa: PLC0415  as above

    del ledger, base_url  # settled with the environment by `settings_of`
    if output and context.get_parameter_source("format_name") is ParameterSource.COMMANDLINE:
        raise UnusableInputError("`--format` beside `--output`", "a plan's file is JSON")
    require_download(context)
    naming = planned_download(download, download_name)
    options = Money(**money).within(RunOptions(rate, download=naming))
    with ledger_if_any(settings_of(context).ledger) as known:
        api = api_meant(context, known, sandbox=sandbox)
    warn = context.ensure_object(Invocation).talk.warn
    source = open_source(
        manifests,
        choice_of(only, ids, limit),
        warn,
        skip_invalid=skip_invalid,
        checks=checks_of(context, pairs=preflight or strict, strict=strict),
    )
    probed = None
    if probe or reorder_changed:
        probed = probe_media(
            context,
            source,
            allow_same_media=allow_same_media,
            skip_invalid=skip_invalid,
            orders=False,
        )
    saving = output and Saving(
        output,
        settings_of(context).ledger,
        api,
        source.files,
        only,
        ids,
        limit,
        skip_invalid=skip_invalid,
        allow_same_media=allow_same_media,
        reorder_changed=reorder_changed,
        tariff=options.tariff,
    )
    print_plan(
        context,
        source,
        Projection(
            link_margin_s,
            options,
            allow_same_media=allow_same_media,
            reorder_changed=reorder_changed,
        ),
        saving or format_name,
        tell_links=preflight,
        probed=probed,
    )
