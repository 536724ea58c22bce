"""`batchdub validate`: every problem of the manifests, or what is in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import format_option, manifests_argument
from batchdub.cli.render import render
from batchdub.cli.run_options import strict_option
from batchdub.cli.tally import TALLY_COLUMNS, Tally
from batchdub.units import counted

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(
    "validate",
    cls=BatchdubCommand,
    examples=(
        "batchdub validate tonight.csv",
        "batchdub validate season1.csv season2.yaml",
        "batchdub validate --format json tonight.csv | jq .",
    ),
)
@manifests_argument
@strict_option
@format_option
@click.pass_obj
def command(
    invocation: Invocation, manifests: Sequence[str], *, strict: bool, format_name: str
) -> None:
    """Tell every problem of manifests in one go.

    Each problem stands on standard error as `file:line:column: field: what is wrong`, sorted;
    the exit code is then 2. If there is none, the number of rows of each manifest is printed,
    and how many share each value of its own columns. A signed link that is dead already is a
    problem, a pair that looks wrong a warning. Nothing is sent, no key is needed.
    """
    from batchdub.manifest import Problems, read_manifests  # noqa: PLC0415  not for `--help`
    from batchdub.run.inspecting import Checks, Inspector  # noqa: PLC0415  as above

    problems = Problems()
    checks = Checks(datetime.now(UTC), strict=strict)
    inspector = Inspector(checks, problems, takes=lambda _: True, sends=lambda _: True)
    tally = Tally(manifests)
    for row in read_manifests(manifests, problems, inspect=inspector):
        tally.add(row)
    inspector.finish()
    for warning in problems.warnings():
        invocation.talk.warn(str(warning))
    problems.raise_if_any()
    render(tally.rows(), TALLY_COLUMNS, format_name, invocation.environ)
    files = counted(len(set(manifests)), "manifest")
    invocation.talk.say(f"{counted(tally.total, 'row')} in {files}, no problems; nothing was sent")
