"""`batchdub report`: the ledger's rows for spreadsheets, scripts, wikis and people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath

import click
from click.core import ParameterSource

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import ledger_option, option, parsed
from batchdub.cli.selection import id_option, only_option, state_option
from batchdub.errors import UnusableInputError
from batchdub.units import parse_moment

_ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xlsx": "xlsx",
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
        "batchdub report --run last --output night.xlsx",
        "batchdub report --as-manifest --state failed --output again.csv",
        "batchdub report --by client --per month",
    ),
)
@ledger_option
@option(
    "--format",
    "format_name",
    env="BATCHDUB_REPORT_FORMAT",
    type=click.Choice(["csv", "json", "jsonl", "markdown", "html", "xlsx"]),
    default="csv",
    metavar="NAME",
    help="csv, json, jsonl, markdown, html or xlsx; else what the ending of --output says.",
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
    help="The columns of the grid, on the HTML page and in the workbook.",
)
@option(
    "--as-manifest",
    is_flag=True,
    help="Write a manifest of the rows that `run` and `retry` take; with --output.",
)
@option("--by", multiple=True, metavar="COLUMN", help="Count orders by this column instead.")
@option(
    "--per",
    type=click.Choice(["month", "run"]),
    metavar="month|run",
    show_default="month, with --by",
    help="Count orders by month (UTC) or by run instead.",
)
@option(
    "--since",
    env="BATCHDUB_REPORT_SINCE",
    type=parsed("time", parse_moment),
    metavar="TIME",
    help="Only rows to which something happened since then, such as 2026-11-01T20:00Z.",
)
@option(
    "--run",
    "run_id",
    env="BATCHDUB_REPORT_RUN",
    metavar="RUN",
    help="Only rows to which something happened in this run; `last` is the last one.",
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
    as_manifest: bool,
    by: Sequence[str],
    per: str | None,
    since: datetime | None,
    run_id: str | None,
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
    line of time, and all rows with search and filter. The workbook (xlsx, an extra) has the rows
    and the grid.

    --by and --per give a statement instead: what was ordered in each month or run, and what it
    cost by the price that held, by the manifests' own columns. A row that was ordered again counts
    again, and so does a duplicate; what is in doubt, and may have been paid, stands apart.

    --as-manifest writes the links whole, signatures included, so the file is readable by its owner
    only. They come from the manifests, since the ledger does not keep signatures; a row whose
    links are nowhere any more is named and left out, exit 8.
    """
    from batchdub.cli.reporting import Wanted, write_wanted  # noqa: PLC0415  not for `--help`
    from batchdub.report.choosing import Choice  # noqa: PLC0415  as above
    from batchdub.report.statement import Per  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above

    del ledger  # settled with the environment by `settings_of`
    name = "csv" if as_manifest else _format_of(context, format_name, output)
    of_orders = Per(per or "month") if per or by else None
    _require_fitting(context, name, output, statement=of_orders is not None)
    choice = Choice(parse_selection(only, ids, states), since, run_id)
    wanted = Wanted(name, choice, output, excel, grid or "", of_orders, by)
    if as_manifest:
        from batchdub.cli.manifest_again import write_again  # noqa: PLC0415  as above

        write_again(context, choice, str(output))
        return
    write_wanted(context, wanted)
    if output is not None:
        context.ensure_object(Invocation).talk.say(f"wrote {output}")


def _require_fitting(
    context: click.Context, name: str, output: str | None, *, statement: bool
) -> None:
    """Raise UnusableInputError for options that mean nothing together."""
    given = context.params
    if given["as_manifest"] and output is None:
        raise UnusableInputError(
            "`--as-manifest` needs a file: its links are whole, and as secret as the manifest's",
            "add `--output FILE.csv`",
        )
    if given["as_manifest"] and (statement or given["grid"] or given["excel"]):
        raise UnusableInputError(
            "`--as-manifest` goes with no `--by`, `--per`, `--grid` or `--excel`",
            "a manifest has rows and nothing else",
        )
    if given["excel"] and (name != "csv" or output is None):
        raise UnusableInputError("`--excel` is for a CSV file", "add `--output FILE.csv`")
    if name == "xlsx" and output is None:
        raise UnusableInputError("a workbook needs a file", "add `--output FILE.xlsx`")
    if given["grid"] and (statement or name not in {"html", "xlsx"}):
        raise UnusableInputError(
            "`--grid` is for the HTML page and the workbook", "add `--format html`"
        )
    if statement and name in {"html", "xlsx"}:
        raise UnusableInputError(
            f"`--by` and `--per` give a statement, which {name} cannot hold",
            "add `--format csv`, json, jsonl or markdown",
        )


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
