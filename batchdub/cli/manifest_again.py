"""`report --as-manifest`: chosen rows as a file that `run` and `retry` take as it is."""

from __future__ import annotations

import click

from batchdub.cli.invocation import Invocation
from batchdub.cli.kept_files import require_not_kept
from batchdub.cli.options import settings_of
from batchdub.cli.reporting import with_run
from batchdub.exits import Exit
from batchdub.ledger import Queries, open_for_reading
from batchdub.ledger.overview import column_names
from batchdub.report import open_output
from batchdub.report.choosing import Choice
from batchdub.report.manifest_again import (
    Links,
    Lost,
    found_links,
    kept_links,
    whole_rows,
    write_manifest,
)
from batchdub.units import counted

_SHOWN = 10


def write_again(context: click.Context, choice: Choice, output: str) -> None:
    """Write the chosen rows with their whole links; leave with exit 8 if some have none any more.

    Where no row has links there is no file: a manifest of no rows is an error to whoever reads it.
    """
    talk = context.ensure_object(Invocation).talk
    lost: list[Lost] = []
    path = settings_of(context).ledger
    with open_for_reading(path) as ledger, ledger.moment():
        require_not_kept(output, "--output", path, ledger.manifest_paths())
        choice = with_run(ledger, choice)
        found = _links(ledger, choice)
        rows = sum(1 for _ in whole_rows(choice.known(ledger), found, lost))
        if rows:
            again = whole_rows(choice.known(ledger), found, [])
            with open_output(output, private=True) as out:
                write_manifest(again, column_names(ledger), out)
    for each in lost[:_SHOWN]:
        talk.problem(str(each))
    if len(lost) > _SHOWN:
        talk.problem(f"… and {counted(len(lost) - _SHOWN, 'more row')} left out")
    if lost:
        talk.hint("put the manifest back, or take these rows from a fresh export")
    talk.say(f"wrote {output}: {counted(rows, 'row')}" if rows else f"{output}: nothing to write")
    context.exit(Exit.ROWS_FAILED if lost else Exit.DONE)


def _links(ledger: Queries, choice: Choice) -> dict[str, Links]:
    """Look up the rows whose links the ledger has only a part of; holds those rows' links."""
    wanted = {
        row["reference_id"]: row["media_key"]
        for row in choice.known(ledger)
        if kept_links(row) is None
    }
    return found_links(wanted, ledger.manifest_paths())
