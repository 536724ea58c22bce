"""`batchdub init`: a first manifest to start from."""

from __future__ import annotations

import os

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import argument, option
from batchdub.errors import UnusableInputError
from batchdub.report.output import open_output


@click.command(
    "init",
    cls=BatchdubCommand,
    examples=(
        "batchdub init",
        "batchdub init season3.yaml",
        "batchdub init && batchdub run manifest.yaml --sandbox",
    ),
)
@argument("file", metavar="[FILE]", default="manifest.yaml")
@option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_obj
def command(invocation: Invocation, file: str, force: bool) -> None:  # noqa: FBT001  click's
    """Write a first manifest to start from.

    FILE is `manifest.yaml` unless it is named. It says in comments what can be in it, and can
    be run on the sandbox as it is. A file that is there already stays as it is.
    """
    if not file.endswith((".yaml", ".yml")):
        raise UnusableInputError(f"{file}: the first manifest is YAML", "end its name in .yaml")
    # What cannot even be looked at is told when it is opened.
    if not force and os.path.exists(file):  # noqa: PTH110  Path's raises for a name too long
        raise UnusableInputError(
            f"{file}: is there already", "choose another name, or write over it with `--force`"
        )
    from batchdub.manifest import starter_manifest  # noqa: PLC0415  not for `--help`

    with open_output(file) as out:
        out.write(starter_manifest())
    talk = invocation.talk
    talk.say(f"wrote {file}; to try it, with nothing ordered for real:")
    talk.say(f"  batchdub run {file} --sandbox")
