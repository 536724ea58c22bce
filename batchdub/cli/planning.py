"""Printing a plan: a line for each row and why, then the totals and the time they take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batchdub.cli.invocation import Invocation
from batchdub.cli.options import settings_of
from batchdub.cli.ordering import window_of
from batchdub.cli.probing import ledger_if_any
from batchdub.cli.render import render
from batchdub.cli.run_options import Wanted
from batchdub.clock import SystemClock
from batchdub.plan import Fate, PlannedRow, Totals, expected_duration_s
from batchdub.preflight import Signed
from batchdub.run.inspecting import Checks
from batchdub.run.probing import Probed
from batchdub.run.source import noting_links, starting_at, turns_of
from batchdub.units import Rate, counted, format_duration

if TYPE_CHECKING:
    from batchdub.cli.talk import Talk
    from batchdub.run.source import Source

PLAN_COLUMNS = ("source", "reference_id", "fate", "reason")


@dataclass(frozen=True, slots=True)
class Projection:
    """What a plan reckons with: as a run's options of the same names.

    `in_order` tells that rows are served as they stand in the manifest.
    """

    rate: Rate
    link_margin_s: float
    allow_same_media: bool = False
    in_order: bool = True
    opens_at: datetime | None = None


def projection_of(wanted: Wanted) -> Projection:
    """Take from a run's options what its plan reckons with."""
    return Projection(
        wanted.rate,
        wanted.link_margin_s,
        allow_same_media=wanted.allow_same_media,
        in_order=wanted.serving is None,
        opens_at=window_of(wanted, datetime.now(UTC)).opens_at,
    )


def checks_of(context: click.Context, *, pairs: bool, strict: bool) -> Checks:
    """Say what is looked at while manifests are read for this command's ledger."""
    return Checks(datetime.now(UTC), settings_of(context).ledger, pairs=pairs, strict=strict)


def print_plan(
    context: click.Context,
    source: Source,
    projection: Projection,
    format_name: str,
    *,
    tell_links: bool,
    probed: Probed | None = None,
) -> None:
    """Print what a run would do with every row; changes nothing."""
    invocation = context.ensure_object(Invocation)
    totals, signed = Totals(), Signed()
    with ledger_if_any(settings_of(context).ledger) as ledger:
        turns = turns_of(
            ledger,
            projection.rate,
            projection.link_margin_s,
            starting_at(projection.opens_at, SystemClock()),
            in_order=projection.in_order,
        )
        planned = source.planned(
            ledger,
            allow_same_media=projection.allow_same_media,
            holds=(probed or Probed()).before(turns.holds),
        )
        rows = _rows(noting_links(planned, signed), totals)
        render(rows, PLAN_COLUMNS, format_name, invocation.environ)
    for line in signed.lines() if tell_links else ():
        invocation.talk.say(line)
    _tell_totals(invocation.talk, totals, projection.rate)


def _rows(planned: Iterable[PlannedRow], totals: Totals) -> Iterator[dict[str, object]]:
    for item in planned:
        totals.add(item)
        yield {
            "source": str(item.row.source),
            "reference_id": item.row.reference_id,
            "fate": str(item.fate),
            "reason": item.reason,
        }


def _tell_totals(talk: Talk, totals: Totals, rate: Rate) -> None:
    counts = ", ".join(
        f"{totals.fates[fate]:,} {str(fate).replace('_', ' ')}"
        for fate in Fate
        if totals.fates[fate]
    )
    talk.say(f"{counted(totals.rows, 'row')}: {counts}")
    for name, values in totals.groupings().items():
        shares = ", ".join(
            f"{value or '(empty)'} {sum(fates[fate] for fate in Fate if fate.sends):,}"
            f" of {fates.total():,}"
            for value, fates in values.items()
        )
        talk.say(f"to order by {name}: {shares}")
    lasts_s = expected_duration_s(totals.to_send, rate)
    if not totals.to_send:
        talk.say("nothing to order")
    elif lasts_s is None:
        talk.say(f"{counted(totals.to_send, 'order')}, as fast as the API answers")
    else:
        takes = format_duration(lasts_s)
        talk.say(f"{counted(totals.to_send, 'order')} at {rate}: about {takes}")
