"""`batchdub report`: the ledger's rows for spreadsheets, scripts, wikis and people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import click
from click.core import ParameterSource

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import ledger_option, option
from batchdub.cli.selection import id_option, only_option, state_option
from batchdub.errors import UnusableInputError

_ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}


@click.command(
    "report",
    cls=BatchdubCommand,
    examples=(
        "batchdub report > report.csv",
        "batchdub report --output morning.html",
        "batchdub report --output report.csv --excel",
        "batchdub report --state failed,rejected --format markdown",
        "batchdub report --only language=ja --format jsonl | jq .output_url",
    ),
)
@ledger_option
@option(
    "--format",
    "format_name",
    env="BATCHDUB_REPORT_FORMAT",
    type=click.Choice(["csv", "json", "jsonl", "markdown", "html"]),
    default="csv",
    metavar="NAME",
    help="csv, json, jsonl, markdown or html; else what the ending of --output says.",
)
@option("--output", metavar="FILE", help="Write to a file, which is whole or not there.")
@option(
    "--excel",
    is_flag=True,
    help="Begin the CSV file with the mark by which Excel knows UTF-8; scripts trip over it.",
)
@option(
    "--grid",
    metavar="DOWN[,ACROSS]",
    show_default="language by season, found by their names",
    help="The columns of the HTML page's grid.",
)
@only_option
@id_option
@state_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    ledger: str,
    format_name: str,
    output: str | None,
    excel: bool,
    grid: str | None,
    only: Sequence[str],
    ids: Sequence[str],
    states: Sequence[str],
) -> None:
    """Print what became of every row.

    The rows stand in the order of the manifests. Their columns are reference_id, revision,
    state, request_id, remote_status, error, attempts, http_status, source, video_url,
    audio_url, output_url, output_file, submitted_at, finished_at, run_id, then the manifests'
    own. Times are UTC, URLs have no signatures. Changes nothing, and works during a run.

    The HTML page is one file that needs no network: how many rows are ordered and need you, why
    and what mends it, a grid of languages and seasons with the missing episodes, the night on a
    line of time, and all rows with search and filter.
    """
    from batchdub.cli.reporting import Wanted, write_wanted  # noqa: PLC0415  not for `--help`
    from batchdub.report.choosing import Choice  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above

    del ledger  # settled with the environment by `settings_of`
    name = _format_of(context, format_name, output)
    if excel and (name != "csv" or output is None):
        raise UnusableInputError("`--excel` is for a CSV file", "add `--output FILE.csv`")
    if grid and name != "html":
        raise UnusableInputError("`--grid` is for the HTML page", "add `--format html`")
    choice = Choice(parse_selection(only, ids, states))
    write_wanted(context, Wanted(name, choice, output, excel=excel, grid=grid or ""))
    if output is not None:
        context.ensure_object(Invocation).talk.say(f"wrote {output}")


def _format_of(context: click.Context, named: str, output: str | None) -> str:
    """Choose the format: the flag, else the ending of the file, else the environment's or CSV."""
    source = context.get_parameter_source("format_name")
    if output is None or source is ParameterSource.COMMANDLINE:
        return named
    ending = PurePath(output).suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if source is ParameterSource.ENVIRONMENT:
        return named
    raise UnusableInputError(
        f"{output}: its ending names no format",
        "add `--format`, or end it in .csv, .json, .md, .html",
    )
