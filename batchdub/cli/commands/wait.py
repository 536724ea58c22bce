"""`batchdub wait`: ask about submitted rows until every one of them has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.hook_options import hook_options, telling, without_hooks
from batchdub.cli.options import KEY_ENVIRONMENT, settings_of
from batchdub.cli.run_options import Wanted, waiting_options
from batchdub.cli.selection import id_option, only_option


@click.command(
    "wait",
    cls=BatchdubCommand,
    examples=(
        "batchdub wait",
        "batchdub wait --wait-limit 30m",
        "batchdub wait --only language=ja,ko --ledger season2.db",
        "batchdub wait --download dubs --download-name '{language}/{reference_id}.mp4'",
        "batchdub wait --on-finish 'mail -s dubs team@example.com' --log-file wait.log",
    ),
    environment=KEY_ENVIRONMENT,
)
@only_option
@id_option
@waiting_options
@hook_options
@click.pass_context
def command(
    context: click.Context, /, *, only: Sequence[str], ids: Sequence[str], **shared: Any
) -> None:
    """Ask about submitted rows until every one of them has ended.

    Orders nothing. A row ends as completed or failed; one that has not after --wait-limit is
    stalled: that is said, it stays submitted, and the same command asks about it again. Exit 8 if
    any has failed, 6 if a request turned out not to be its row's.

    With --download each finished dub is fetched as well, also of rows that ended in earlier runs.
    A file that is there is looked at and never overwritten, one that is gone is fetched again, one
    that was cut is gone on with. Exit 8 if any could not be fetched.
    """
    from batchdub.cli.ordering import carry_out  # noqa: PLC0415  not for `--help`
    from batchdub.cli.summary import summarise_waiting  # noqa: PLC0415  as above
    from batchdub.ledger import open_for_reading  # noqa: PLC0415  as above
    from batchdub.run.tonight import wait  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above

    wanted = Wanted(**without_hooks(shared), wait=True)
    chosen = parse_selection(only, ids)
    with telling(context):
        # Opening it for a run would make a new one where there is none.
        open_for_reading(settings_of(context).ledger).close()
        carry_out(
            context,
            wanted,
            lambda tonight, person: wait(tonight, person, chosen),
            summarise_waiting,
        )
