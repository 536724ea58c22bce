"""`batchdub support-bundle`: what someone else needs in order to look at a ledger."""

from __future__ import annotations

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.options import (
    base_url_option,
    format_option,
    key_file_option,
    ledger_option,
    option,
)


@click.command(
    "support-bundle",
    cls=BatchdubCommand,
    examples=(
        "batchdub support-bundle",
        "batchdub support-bundle --output for-support.zip --log-file night.log",
        "batchdub support-bundle --whose row-3f2c9a01be",
    ),
)
@ledger_option
@base_url_option
@key_file_option
@option("--output", metavar="FILE", help="Where it goes; by default its name has the time in it.")
@option("--events", metavar="FILE", help="The runs' events file; its end goes in.")
@option("--log-file", metavar="FILE", help="The runs' log; its end goes in.")
@option(
    "--with-names",
    is_flag=True,
    help="Leave reference_ids, URLs, file names and people as they are.",
)
@option(
    "--whose",
    metavar="PSEUDONYM",
    help="Make no bundle: print the row that has this pseudonym in those of this ledger.",
)
@format_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    ledger: str,
    base_url: str | None,
    key_file: str | None,
    output: str | None,
    events: str | None,
    log_file: str | None,
    with_names: bool,
    whose: str | None,
    format_name: str,
) -> None:
    """Pack what someone else needs to look into a problem.

    A zip file of versions, configuration, disk and files, the ledger's check and its last events,
    and the ends of events and log files. Keys, logins and the query strings of URLs are never in
    it; reference_ids, URLs, files and people have pseudonyms that stay the same. Its README.txt
    says what it holds. No part is larger than 1 MB. Works with a broken ledger, and with none:
    what cannot be had says why. Nothing is sent anywhere, and nothing is changed.
    """
    from batchdub.cli.bundling import bundle, tell_whose  # noqa: PLC0415  not for `--help`

    del ledger, base_url, key_file, events, log_file  # taken from the context
    if whose is not None:
        tell_whose(context, whose)
    else:
        bundle(context, output, format_name, plain=with_names)
