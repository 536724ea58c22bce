"""`batchdub audit`: prove from the API's own list that each row was ordered once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import (
    KEY_ENVIRONMENT,
    format_option,
    manifests_argument,
    option,
    settings_of,
)
from batchdub.cli.proving_options import asking_options, proving_of
from batchdub.cli.render import render

if TYPE_CHECKING:
    from batchdub.run.audit import Audit

AUDIT_COLUMNS = ("verdict", "reference_id", "source", "ledger_state", "request_ids")


@click.command(
    "audit",
    cls=BatchdubCommand,
    examples=(
        "batchdub audit tonight.csv",
        "batchdub audit tonight.csv --certificate tonight.certificate.json",
        "batchdub audit tonight.csv --all --format csv > audit.csv",
    ),
    environment=KEY_ENVIRONMENT,
)
@manifests_argument
@asking_options
@option("--certificate", metavar="FILE", help="Write a dated JSON of all that was seen.")
@option("--all", "show_all", is_flag=True, help="Print the rows that are as they should be, too.")
@format_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    certificate: str | None,
    show_all: bool,
    format_name: str,
    **asking: Any,
) -> None:
    """Prove from the API's list that each row was ordered once.

    Exit 0 only if every row that the ledger says was ordered is there once, and nothing else is;
    otherwise 6, and the rows that are not as they should be are printed. Changes nothing.
    """
    from batchdub.cli.kept_files import require_not_kept  # noqa: PLC0415  not for `--help`
    from batchdub.run.proving import audit_manifests  # noqa: PLC0415  as above
    from batchdub.run.source import Choice, open_source  # noqa: PLC0415  as above

    invocation = context.ensure_object(Invocation)
    require_not_kept(certificate, "--certificate", settings_of(context).ledger, manifests)
    source = open_source(manifests, Choice(), invocation.talk.warn)
    with proving_of(context, **asking) as proving:
        audit, content = audit_manifests(proving, source)
        if certificate is not None:
            from batchdub.cli.proving_options import write_certificate  # noqa: PLC0415  as above

            write_certificate(certificate, audit, source.files, content, proving)
    rows = list(_rows(audit, show_all=show_all))
    if rows or format_name != "table":  # heads alone tell nothing, and all may be well
        render(rows, AUDIT_COLUMNS, format_name, invocation.environ)
    counts = ", ".join(
        f"{number:,} {str(verdict).replace('_', ' ')}" for verdict, number in audit.counts.items()
    )
    invocation.talk.say(f"{len(audit.findings):,} asked: {counts or 'nothing'}")
    context.exit(int(audit.exit_code))


def _rows(audit: Audit, *, show_all: bool) -> Iterator[dict[str, object]]:
    for finding in audit.findings:
        if show_all or finding.verdict not in {"once", "never"}:
            yield {
                "verdict": str(finding.verdict),
                "reference_id": finding.sent_as,
                "source": finding.source,
                "ledger_state": finding.ledger_state and str(finding.ledger_state),
                "request_ids": " ".join(request.request_id for request in finding.requests),
            }
