"""Printing a plan: a line for each row and why, then the totals and the time they take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from batchdub.cli.invocation import Invocation
from batchdub.cli.options import settings_of
from batchdub.cli.render import render
from batchdub.ledger import open_for_reading
from batchdub.plan import Fate, PlannedRow, Totals, expected_duration_s
from batchdub.units import Rate, counted, format_duration

if TYPE_CHECKING:
    from batchdub.cli.talk import Talk
    from batchdub.run.source import Source

PLAN_COLUMNS = ("source", "reference_id", "fate", "reason")


def print_plan(
    context: click.Context,
    source: Source,
    rate: Rate,
    format_name: str,
    *,
    allow_same_media: bool,
) -> None:
    """Print what a run would do with every row; changes nothing."""
    invocation = context.ensure_object(Invocation)
    path = settings_of(context).ledger
    totals = Totals()
    if path.is_file() and path.stat().st_size:
        with open_for_reading(path) as ledger:
            planned = source.planned(ledger, allow_same_media=allow_same_media)
            rows = _rows(planned, totals)
            render(rows, PLAN_COLUMNS, format_name, invocation.environ)
    else:
        rows = _rows(source.planned(None, allow_same_media=allow_same_media), totals)
        render(rows, PLAN_COLUMNS, format_name, invocation.environ)
    _tell_totals(invocation.talk, totals, rate)


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
