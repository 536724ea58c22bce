"""`batchdub doctor`: free checks before a night."""

from __future__ import annotations

from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import (
    KEY_ENVIRONMENT,
    base_url_option,
    format_option,
    key_file_option,
    ledger_option,
    option,
)

DOCTOR_COLUMNS = ("check", "verdict", "detail")


@click.command(
    "doctor",
    cls=BatchdubCommand,
    examples=("batchdub doctor", "batchdub doctor --profile staging --format json"),
    environment=KEY_ENVIRONMENT,
)
@ledger_option
@base_url_option
@key_file_option
@option("--sandbox", is_flag=True, help="Look at a stand-in API inside this command instead.")
@format_option
@click.pass_context
def command(context: click.Context, /, *, format_name: str, **settled: Any) -> None:
    """Check key, host, clock, disk and ledger, free of charge.

    Each setting is printed with where its value came from. Nothing is ordered and nothing is
    changed. Exits with the code that a run would end with now, and 0 if it would go.
    """
    from batchdub.cli.checkup import check_up  # noqa: PLC0415  not for `--help`
    from batchdub.cli.render import render  # noqa: PLC0415  as above
    from batchdub.run.doctor import exit_of  # noqa: PLC0415  as above

    invocation = context.ensure_object(Invocation)
    findings = check_up(context, sandbox=settled["sandbox"])
    rows = [
        {"check": finding.check, "verdict": str(finding.verdict), "detail": finding.detail}
        for finding in findings
    ]
    render(rows, DOCTOR_COLUMNS, format_name, invocation.environ)
    for finding in findings:
        if finding.hint:
            invocation.talk.hint(f"{finding.check}: {finding.hint}")
    context.exit(int(exit_of(findings)))
