"""`batchdub schema`: what a manifest may hold, for editors and other programs."""

from __future__ import annotations

import json

import click

from batchdub.cli.documented import BatchdubCommand


@click.command(
    "schema",
    cls=BatchdubCommand,
    examples=("batchdub schema > manifest.schema.json",),
)
def command() -> None:
    """Print the JSON Schema of a manifest.

    It describes the YAML and JSON forms, so that an editor completes and checks them. What it
    cannot say, such as that no reference_id comes twice, `batchdub validate` checks.
    """
    from batchdub.manifest import json_schema  # noqa: PLC0415  not for `--help`

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
