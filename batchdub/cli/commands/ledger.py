"""`batchdub ledger`: where it is, whether it is sound, a safe copy of it, and a new one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from batchdub.cli.documented import BatchdubCommand, BatchdubGroup
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import argument, ledger_option, settings_of
from batchdub.cli.rebuilding import rebuild
from batchdub.exits import Exit
from batchdub.units import counted


@click.group(
    "ledger",
    cls=BatchdubGroup,
    examples=("batchdub ledger check", "batchdub ledger backup before-upgrade.db"),
)
def command() -> None:
    """Look after the ledger itself.

    It is a SQLite file that any SQLite tool may read; only batchdub should write to it.
    """


command.add_command(rebuild)


@command.command("path", cls=BatchdubCommand, examples=("batchdub ledger path",))
@ledger_option
@click.pass_context
def path(context: click.Context, /, *, ledger: str) -> None:
    """Print where the ledger is, or would be."""
    del ledger  # settled with the environment by `settings_of`
    click.echo(settings_of(context).ledger.absolute())


@command.command(
    "check",
    cls=BatchdubCommand,
    examples=("batchdub ledger check", "batchdub ledger check --ledger season2.db"),
)
@ledger_option
@click.pass_context
def check(context: click.Context, /, *, ledger: str) -> None:
    """Check that the ledger is sound, and tell what is not.

    Checked are the file itself, its guards and indexes, every job's state against its recorded
    history and attempts, its revisions, request_ids and media. Each finding is printed; if there
    is any, exit 10. Changes nothing.
    """
    from batchdub.ledger import check_ledger, open_for_reading  # noqa: PLC0415  not for `--help`

    del ledger  # settled with the environment by `settings_of`
    talk = context.ensure_object(Invocation).talk
    with open_for_reading(settings_of(context).ledger) as queries:
        findings = check_ledger(queries)
        rows = 0 if findings else queries.counts().total()
        runs = 0 if findings else queries.run_count()
    for finding in findings:
        click.echo(finding)
    if findings:
        talk.problem(f"{counted(len(findings), 'finding')}; order nothing from this ledger")
        context.exit(Exit.LEDGER_UNUSABLE)
    talk.say(
        f"sound: {counted(rows, 'row')} of {counted(runs, 'run')}; checked were the file, its"
        " guards, and each row's history, attempts, revisions, request_ids and media"
    )


@command.command("backup", cls=BatchdubCommand, examples=("batchdub ledger backup copy.db",))
@argument("file", metavar="FILE")
@ledger_option
@click.pass_context
def backup(context: click.Context, /, *, file: str, ledger: str) -> None:
    """Copy the ledger to a new file, also while a run is going.

    FILE is whole or not there, and one that exists is never overwritten.
    """
    from batchdub.ledger import back_up  # noqa: PLC0415  not for `--help`

    del ledger  # settled with the environment by `settings_of`
    source = settings_of(context).ledger
    back_up(source, Path(file))
    context.ensure_object(Invocation).talk.say(f"copied {source} to {file}")


@command.command(
    "datasette-metadata",
    cls=BatchdubCommand,
    examples=(
        "batchdub ledger datasette-metadata > metadata.json",
        "batchdub ledger datasette-metadata --ledger season2.db > metadata.json",
    ),
)
@ledger_option
@click.pass_context
def datasette(context: click.Context, /, *, ledger: str) -> None:
    """Print what Datasette shows of a ledger: its tables in words, and ready questions.

    Datasette is a browser for SQLite files (https://datasette.io): `datasette batchdub.db
    --metadata metadata.json`. The questions are rows by
    cause of failure, the oldest that wait, orders by language or any column, episodes that are
    missing, the night by minute, and rows that took more than one try. Works without a ledger.
    """
    from batchdub.ledger.metadata import datasette_metadata  # noqa: PLC0415  not for `--help`

    del ledger  # settled with the environment by `settings_of`
    metadata = datasette_metadata(settings_of(context).ledger.stem)
    click.echo(json.dumps(metadata, indent=2))
