"""Plans as files: what `plan --output` writes, and what `run --plan` makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from batchdub import __version__
from batchdub.cli.invocation import Invocation
from batchdub.cli.kept_files import require_not_kept
from batchdub.cli.options import settings_of
from batchdub.clock import SystemClock
from batchdub.errors import UnusableInputError
from batchdub.plan import PlannedRow
from batchdub.price import Tariff, parse_price
from batchdub.report import open_output
from batchdub.run.account import may_be_bound_anew, require_bound_to
from batchdub.run.applying import Applying, described
from batchdub.run.plan_file import (
    PlanHead,
    PlannedFile,
    SavedPlan,
    plan_row,
    plan_text,
    read_plan,
)
from batchdub.run.sandboxed import TARGET
from batchdub.settings import DEFAULT_ORIGIN
from batchdub.units import to_stored_time

if TYPE_CHECKING:
    from batchdub.cli.run_options import Wanted
    from batchdub.ledger import Queries
    from batchdub.manifest import ManifestFile

_SETTLED_BY_A_PLAN = (
    "only", "ids", "limit", "skip_invalid", "allow_same_media", "reorder_changed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Saving:
    """A plan that is to be written: where to, for which ledger and API, and of which rows."""

    path: str
    ledger: Path
    api: str
    files: Sequence[ManifestFile]
    only: Sequence[str]
    ids: Sequence[str]
    limit: int | None
    skip_invalid: bool
    allow_same_media: bool
    reorder_changed: bool
    tariff: Tariff | None

    def write(self, ledger: Queries | None, planned: Iterable[PlannedRow]) -> None:
        """Write the plan of these rows; the file is whole or not there.

        Raises UnusableInputError for a file that the plan is made of.
        """
        manifests = [file.path for file in self.files] + (ledger.manifest_paths() if ledger else [])
        require_not_kept(self.path, "--output", self.ledger, manifests)
        tariff = self.tariff
        head = PlanHead(
            made_at=to_stored_time(SystemClock().now()),
            made_by=__version__,
            ledger=_location(str(self.ledger)),
            api=self.api,
            account=ledger.meta("key_fingerprint") if ledger else None,
            manifests=tuple(
                PlannedFile(file.path, _location(file.path), file.sha256) for file in self.files
            ),
            only=tuple(self.only),
            ids=tuple(self.ids),
            limit=self.limit,
            skip_invalid=self.skip_invalid,
            allow_same_media=self.allow_same_media,
            reorder_changed=self.reorder_changed,
            price=str(tariff.price).replace(",", "") if tariff else "",  # as it is read
            duration_column=tariff.column if tariff else "",
        )
        rows = (plan_row(item, tariff) for item in planned)
        with open_output(self.path) as out:
            out.writelines(plan_text(head, rows))


def api_meant(context: click.Context, ledger: Queries | None, *, sandbox: bool) -> str:
    """Give the API that a run would order from, by what a ledger is bound to.

    Raises LedgerUnusableError if the ledger is bound to another one than was named.
    """
    from batchdub.wire import check_base_url  # noqa: PLC0415  slow

    settings = settings_of(context)
    bound = ledger.meta("api") if ledger else None
    named = sandbox or settings.origins["base_url"] != DEFAULT_ORIGIN
    if ledger is not None and bound is not None and not named and not may_be_bound_anew(ledger):
        return bound
    meant = TARGET if sandbox else check_base_url(settings.base_url)
    if ledger is not None:
        require_bound_to(ledger, meant)
    return meant


def planned_run(
    context: click.Context, path: str, wanted: Wanted, manifests: Sequence[str]
) -> tuple[Wanted, Applying, list[str]]:
    """Give a run as a plan has it: what is wanted, what to hold it against, and the manifests.

    Raises UnusableInputError for a plan that cannot be used, for other manifests than its own, for
    an option that it has settled, and for another price.
    """
    plan = read_plan(path)
    head = plan.head
    _require_unsaid(context)
    _require_same_column(context, plan)
    price = parse_price(head.price) if head.price else None
    if wanted.price not in {None, price}:
        raise UnusableInputError(
            f"{path}: the plan is stale: the price was {head.price or 'not known'},"
            f" is {wanted.price}",
            "make a new plan, or leave the price to this one",
        )
    wanted = replace(
        wanted,
        price=price,
        duration_column=head.duration_column or wanted.duration_column,
        allow_same_media=head.allow_same_media,
        reorder_changed=head.reorder_changed,
    )
    applying = Applying(plan, Tariff(price, wanted.duration_column) if price else None)
    context.ensure_object(Invocation).talk.say(f"plan: {described(plan)}")
    return wanted, applying, _manifests_of(plan, manifests)


def _require_unsaid(context: click.Context) -> None:
    for parameter in context.command.params:
        said = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if said and parameter.name in _SETTLED_BY_A_PLAN:
            raise UnusableInputError(
                f"`{parameter.opts[0]}` beside `--plan`",
                "the plan says which rows: leave one of them out",
            )


def _require_same_column(context: click.Context, plan: SavedPlan) -> None:
    """Refuse another column of lengths than the plan's own costs are made of."""
    said = context.get_parameter_source("duration_column") is ParameterSource.COMMANDLINE
    named, before = context.params["duration_column"], plan.head.duration_column
    if said and named != before:
        lengths = f"from `{before}`" if before else "of no column"
        raise UnusableInputError(
            f"{plan.path}: the plan is stale: it has lengths {lengths}, not from `{named}`",
            "make a new plan, or leave the column to this one",
        )


def _manifests_of(plan: SavedPlan, manifests: Sequence[str]) -> list[str]:
    """Give the manifests that a plan was made of, by the names that lead to them from here."""
    named = [_from_here(file) for file in plan.head.manifests]
    if manifests and {*map(_location, manifests)} != {*map(_location, named)}:
        raise UnusableInputError(
            f"{plan.path}: is a plan of {', '.join(named)}, not of {', '.join(manifests)}",
            "name the manifests that it was made of, or none",
        )
    return named


def _from_here(file: PlannedFile) -> str:
    return file.path if _location(file.path) == file.location else file.location


def _location(path: str) -> str:
    return os.path.abspath(Path(path))  # noqa: PTH100  the path as named, links not followed
