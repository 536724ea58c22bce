"""`batchdub run`: order what is left of the manifests' rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.download_options import require_download
from batchdub.cli.hook_options import hook_options, telling, without_hooks
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import KEY_ENVIRONMENT, option, optional_manifests
from batchdub.cli.probe_options import reorder_changed_option
from batchdub.cli.run_options import Wanted, run_options, strict_option
from batchdub.cli.selection import choice_of, id_option, limit_option, only_option
from batchdub.errors import ManifestError

if TYPE_CHECKING:
    from batchdub.run.source import Source


@click.command(
    "run",
    cls=BatchdubCommand,
    examples=(
        "batchdub run tonight.csv",
        "batchdub run tonight.csv --only language=ja,ko --max-jobs 100",
        "batchdub run tonight.csv --dry-run",
        "batchdub run tonight.csv --price '0.35 EUR/min' --max-cost-per-day 200",
        "batchdub run --plan plan.json",
        "batchdub run tonight.csv --reorder-changed --max-cost 50 --price 1.20/job",
        "batchdub run tonight.csv --download dubs",
        "batchdub run manifests/nightly.yaml --sandbox --fault drop-after=0.2",
    ),
    environment=KEY_ENVIRONMENT,
)
@optional_manifests
@option(
    "--plan",
    "plan_path",
    metavar="FILE",
    help="Do exactly what this plan of `plan --output` says, or refuse and say what has changed.",
)
@option("--dry-run", is_flag=True, help="Print the plan and order nothing, as `batchdub plan`.")
@only_option
@id_option
@limit_option
@option(
    "--skip-invalid",
    is_flag=True,
    help="Leave rows with a problem out, and order the others.",
)
@strict_option
@reorder_changed_option
@run_options
@hook_options
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    plan_path: str | None,
    dry_run: bool,
    only: Sequence[str],
    ids: Sequence[str],
    limit: int | None,
    skip_invalid: bool,
    strict: bool,
    **shared: Any,
) -> None:
    """Order what is left of the manifests' rows.

    Every row is ordered once. The same command again is the resume: it settles what is in doubt
    from the API's own list, and sends only what was never ordered.

    Before that it looks, free of charge, for signed links that are dead or will be by their row's
    turn, pairs that look wrong, and media that is ordered already under another id: such rows are
    problems, held back, or warned of. Then it asks once, on a terminal only. A row that is held
    back stays pending, exit 8.

    With --probe the media's servers are asked what they have. It is kept with each order, and a row
    that is done whose media changed since is told, and not sent; with --reorder-changed it is
    ordered and paid anew, as its next revision (REF~r2), and the first dub stays.

    With --plan the plan names the manifests and says which rows; a row that has changed since,
    other media, a new or a missing row, another price or another API refuse all of it, exit 2.

    With --download the names of all files are settled first: a column that is not there, or two
    rows that want one file, is told before anything is ordered.
    """
    from batchdub.cli.deciding import who_decides  # noqa: PLC0415  not for `--help`
    from batchdub.cli.ordering import carry_out, probed_as_wanted  # noqa: PLC0415  as above
    from batchdub.cli.planning import checks_of, print_plan, projection_of  # noqa: PLC0415  as above
    from batchdub.run.source import open_source  # noqa: PLC0415  as above
    from batchdub.run.tonight import order  # noqa: PLC0415  as above

    wanted = Wanted(**without_hooks(shared))
    applying = None
    if plan_path is not None:
        from batchdub.cli.plan_files import planned_run  # noqa: PLC0415  rarely wanted

        wanted, applying, manifests = planned_run(context, plan_path, wanted, manifests)
        head = applying.plan.head
        only, ids, limit, skip_invalid = head.only, head.ids, head.limit, head.skip_invalid
    elif not manifests:
        raise click.UsageError("Missing argument 'MANIFEST...'.", context)

    def read() -> Source:
        try:
            return open_source(
                manifests,
                choice_of(only, ids, limit),
                context.ensure_object(Invocation).talk.warn,
                skip_invalid=skip_invalid,
                checks=checks_of(context, pairs=True, strict=strict),
            )
        except ManifestError as error:
            error.hint = "or leave these rows out with --skip-invalid" if error.of_rows else ""
            raise

    if dry_run:
        require_download(context)
        source = read()
        probed = probed_as_wanted(context, source, wanted, skip_invalid=skip_invalid)
        print_plan(
            context,
            source,
            projection_of(wanted),
            "table",
            tell_links=True,
            probed=probed,
            applying=applying,
        )
        return
    with telling(context):
        source = read()
        probed = probed_as_wanted(context, source, wanted, skip_invalid=skip_invalid)
        decider = who_decides() if wanted.reorder_changed else ""
        send = partial(order, source=source, probed=probed, applying=applying, decider=decider)
        carry_out(context, wanted, lambda tonight, person: send(tonight, person=person))
