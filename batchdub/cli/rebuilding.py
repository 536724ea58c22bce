"""`batchdub ledger rebuild`: restore a lost ledger from the manifests and the API's list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import KEY_ENVIRONMENT, format_option, manifests_argument, option, parsed
from batchdub.cli.proving_options import asking_options, proving_of
from batchdub.cli.render import render
from batchdub.exits import Exit
from batchdub.units import counted, parse_moment

if TYPE_CHECKING:
    from batchdub.run.rebuild import Rebuilt

REBUILD_COLUMNS = ("result", "reference_id", "source", "request_id", "created_at", "status")


@click.command(
    "rebuild",
    cls=BatchdubCommand,
    examples=(
        "batchdub ledger rebuild tonight.csv",
        "batchdub ledger rebuild tonight.csv --since 2026-11-01T00:00Z",
    ),
    environment=KEY_ENVIRONMENT,
)
@manifests_argument
@option(
    "--since",
    type=parsed("time", parse_moment),
    metavar="TIME",
    help="Take only requests created since then, such as 2026-11-01T20:00Z, as this manifest's; "
    "older ones are recorded as known and not ours.",
)
@asking_options
@format_option
@click.pass_context
def rebuild(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    since: datetime | None,
    format_name: str,
    **asking: Any,
) -> None:
    """Restore a lost ledger from the manifests and the API's list.

    Reads the account's whole list and adopts what stands under the rows' reference_ids: request
    ids, statuses, outputs and times. Orders nothing. What was on its way when the ledger was lost
    may show only later: the next run waits for a settle window, looks again, adopts what is there
    by then, and sends only the rest. Exit 6 if a row was ordered more than once.
    """
    from batchdub.run.proving import rebuild_ledger  # noqa: PLC0415  not for `--help`
    from batchdub.run.source import Choice, open_source  # noqa: PLC0415  as above

    invocation = context.ensure_object(Invocation)
    source = open_source(manifests, Choice(), invocation.talk.warn)
    with proving_of(context, **asking) as proving:
        rebuilt = rebuild_ledger(proving, source, since)
    render(_rows(rebuilt), REBUILD_COLUMNS, format_name, invocation.environ)
    for line in _totals(rebuilt):
        invocation.talk.say(line)
    context.exit(Exit.NEEDS_A_LOOK if rebuilt.duplicates else Exit.DONE)


def _rows(rebuilt: Rebuilt) -> Iterator[dict[str, object]]:
    for restored in rebuilt.rows:
        request = restored.request
        yield {
            "result": restored.note,
            "reference_id": restored.job.key.sent_as,
            "source": str(restored.job.source),
            "request_id": request and request.request_id,
            "created_at": request and request.created_at,
            "status": request and request.status,
        }
    for duplicate in rebuilt.duplicates:
        yield {
            "result": "duplicate",
            "reference_id": duplicate.reference_id,
            "request_id": duplicate.request_id,
            "created_at": duplicate.created_at,
            "status": duplicate.status,
        }


def _totals(rebuilt: Rebuilt) -> Iterator[str]:
    restored = sum(row.request is not None for row in rebuilt.rows)
    nothing = sum(row.note == "nothing found" for row in rebuilt.rows)
    yield (
        f"{counted(len(rebuilt.rows), 'row')}: {restored:,} restored, {nothing:,} not found,"
        f" {counted(len(rebuilt.duplicates), 'duplicate')}"
    )
    if nothing:
        yield (
            "what is still on its way shows later: the next run waits for a settle window and looks"
            " again before it orders"
        )
    if rebuilt.older:
        yield f"{counted(rebuilt.older, 'older request')} recorded as not ours"
    if rebuilt.unmatched:
        yield f"{counted(rebuilt.unmatched, 'request')} of the account stand in no row"
