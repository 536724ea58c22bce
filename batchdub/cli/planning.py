"""Printing a plan: a line for each row and why, then the totals and the time they take."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from batchdub.cli.changed import way_with_changed
from batchdub.cli.invocation import Invocation
from batchdub.cli.next_steps import Leads, leads_of, led
from batchdub.cli.options import settings_of
from batchdub.cli.ordering import options_of, window_of
from batchdub.cli.plan_files import Saving, api_meant
from batchdub.cli.probing import ledger_if_any
from batchdub.cli.render import render
from batchdub.cli.run_options import Wanted
from batchdub.clock import SystemClock
from batchdub.hours import day_of
from batchdub.models import JobKey
from batchdub.plan import Fate, PlannedRow, Totals, expected_duration_s
from batchdub.preflight import Signed
from batchdub.price import DEFAULT_DURATION_COLUMN
from batchdub.run.changes import with_changes
from batchdub.run.desk import Order
from batchdub.run.destinations import naming_as_planned
from batchdub.run.inspecting import Checks
from batchdub.run.options import RunOptions
from batchdub.run.pricing import Offer, Priced, Pricing, make_offer, spent_today
from batchdub.run.probing import Probed
from batchdub.run.serving import Serving, served_in_turn
from batchdub.run.source import noting_links, starting_at, turns_of
from batchdub.units import Rate, counted, format_duration, local_time

if TYPE_CHECKING:
    from batchdub.cli.talk import Talk
    from batchdub.run.applying import Applying
    from batchdub.run.purse import SpentToday
    from batchdub.run.source import Source

PLAN_COLUMNS = ("source", "reference_id", "fate", "reason")


@dataclass(frozen=True, slots=True)
class Projection:
    """What a plan reckons with: as a run's options of the same names.

    Of the `options` the rate counts, the price, and what may be spent; `serving` tells that rows
    are not served as they stand in the manifest.
    """

    link_margin_s: float
    options: RunOptions
    allow_same_media: bool = False
    reorder_changed: bool = False
    serving: Serving | None = None
    opens_at: datetime | None = None


def projection_of(wanted: Wanted) -> Projection:
    """Take from a run's options what its plan reckons with."""
    return Projection(
        wanted.link_margin_s,
        options_of(wanted, datetime.now(UTC), planned=True),
        allow_same_media=wanted.allow_same_media,
        reorder_changed=wanted.reorder_changed,
        serving=wanted.serving,
        opens_at=window_of(wanted, datetime.now(UTC)).opens_at,
    )


def checks_of(context: click.Context, *, pairs: bool, strict: bool) -> Checks:
    """Say what is looked at while manifests are read for this command's ledger."""
    return Checks(datetime.now(UTC), settings_of(context).ledger, pairs=pairs, strict=strict)


def print_plan(
    context: click.Context,
    source: Source,
    projection: Projection,
    out: str | Saving,
    *,
    tell_links: bool,
    probed: Probed | None = None,
    applying: Applying | None = None,
) -> None:
    """Print what a run would do with every row, in a format, or save it; changes nothing.

    Raises StalePlanError, after it, if it is not what the plan that is being applied says, and
    ManifestError if finished dubs are to be downloaded and not each has a name of its own.
    """
    invocation, clock = context.ensure_object(Invocation), SystemClock()
    options = projection.options
    totals, signed, pricing = Totals(), Signed(), Pricing(options.tariff, options.caps)
    orders: list[Order] = []
    with ledger_if_any(settings_of(context).ledger) as ledger:
        turns = turns_of(
            ledger,
            options.rate,
            projection.link_margin_s,
            starting_at(projection.opens_at, clock),
            in_order=projection.serving is None,
        )
        planned = source.planned(
            ledger,
            allow_same_media=projection.allow_same_media,
            holds=pricing.holds((probed or Probed()).before(turns.holds)),
            revise=with_changes(ledger, probed, reorder=projection.reorder_changed),
        )
        if applying is not None:
            api = api_meant(context, ledger, sandbox=context.params["sandbox"])
            applying.require_target(settings_of(context).ledger, api)
            planned = applying.compare(ledger, planned)
        if options.download is not None:
            planned = naming_as_planned(ledger, planned, options.download)
        watched = pricing.noting(noting_links(planned, signed))
        counted_rows = _counting(_drawing_up(watched, orders, projection), totals)
        if isinstance(out, Saving):
            out.write(ledger, counted_rows)
        else:
            here = leads_of(settings_of(context), (ledger and ledger.meta("api")) or "")
            shown = (_shown(item, here) for item in counted_rows)
            render(shown, PLAN_COLUMNS, out, invocation.environ)
        today = spent_today(ledger, options, clock.now())
    for line in chain(signed.lines() if tell_links else (), pricing.lines()):
        invocation.talk.say(line)
    _tell_totals(invocation.talk, totals, options.rate)
    costs = list(_costs(orders, projection))
    offer = make_offer(costs, options, clock, today)
    if offer.of:
        all_of_it = make_offer(costs, _uncapped(options), clock, None).cost
        _tell_money(invocation.talk, offer, all_of_it, today, options)
    if isinstance(out, Saving) and totals.to_send:
        leads = leads_of(settings_of(context), out.api)
        run = ("batchdub", "run", "--plan", out.path, *leads.api, *leads.ledger, *_pace(context))
        invocation.talk.say(f"next: {shlex.join(run)}")
    if applying is not None:
        applying.require_same()


def _pace(context: click.Context) -> tuple[str, ...]:
    """Give the pace that was reckoned with, for the run, if it was typed: links die by it."""
    if context.get_parameter_source("rate") is not ParameterSource.COMMANDLINE:
        return ()
    return "--rate", str(context.params["rate"])


def _drawing_up(
    planned: Iterable[PlannedRow], orders: list[Order], projection: Projection
) -> Iterator[PlannedRow]:
    """Pass planned rows on, and keep those to be sent where it matters what they cost."""
    tariff, max_jobs = projection.options.tariff, projection.options.max_jobs
    for item in planned:
        if item.fate.sends and (tariff is not None or max_jobs is not None):
            cost = None if tariff is None else tariff.cost_of(item.row.columns)
            orders.append(Order(0, JobKey(item.row.reference_id), item.row, cost=cost))
        yield item


def _costs(orders: list[Order], projection: Projection) -> Iterator[int | None]:
    """Give what the orders cost, in the turn in which they are served."""
    serving = projection.serving
    for order in orders if serving is None else served_in_turn(orders, serving):
        yield order.cost


def _uncapped(options: RunOptions) -> RunOptions:
    return replace(options, max_jobs=None, max_cost=None, max_cost_per_day=None)


def _tell_money(
    talk: Talk,
    offer: Offer,
    all_of_it: Priced | None,
    today: SpentToday | None,
    options: RunOptions,
) -> None:
    """Tell what all orders cost, what was spent today, and how many orders the limits let go."""
    if today is not None and options.tariff is not None and today.total:
        since = local_time(day_of(datetime.now(UTC))[0])
        talk.say(f"since {since}: {options.tariff.amount(today.total)} spent or maybe spent")
    if all_of_it is not None:
        talk.say(f"cost at {options.tariff and options.tariff.price}: {all_of_it}")
    if offer.reached is not None:
        costs = f", for {offer.cost}" if offer.cost is not None and offer.orders else ""
        fit = f"{offer.orders:,} of {counted(offer.of, 'order')}"
        talk.say(f"within `{offer.reached.limit}`: {fit}{costs}")


def _counting(planned: Iterable[PlannedRow], totals: Totals) -> Iterator[PlannedRow]:
    for item in planned:
        totals.add(item)
        yield item


def _shown(item: PlannedRow, leads: Leads) -> dict[str, object]:
    return {
        "source": str(item.row.source),
        "reference_id": item.row.reference_id,
        "fate": str(item.fate),
        "reason": led(item.reason, leads),
    }


def _tell_totals(talk: Talk, totals: Totals, rate: Rate) -> None:
    counts = ", ".join(
        f"{totals.fates[fate]:,} {str(fate).replace('_', ' ')}"
        for fate in Fate
        if totals.fates[fate]
    )
    talk.say(f"{counted(totals.rows, 'row')}: {counts}")
    for name, values in totals.groupings().items() if totals.to_send else ():
        if name == DEFAULT_DURATION_COLUMN:  # a length tells nobody which rows these are
            continue
        shares = ", ".join(
            f"{value or '(empty)'} ({sum(fates[fate] for fate in Fate if fate.sends):,}"
            f" of {fates.total():,})"
            for value, fates in values.items()
        )
        talk.say(f"to order by {name}: {shares}")
    lasts_s = expected_duration_s(totals.to_send, rate)
    if way := way_with_changed(totals):
        talk.hint(way)
    if not totals.to_send:
        talk.say("nothing to order")
    elif lasts_s is None:
        talk.say(f"{counted(totals.to_send, 'order')}, as fast as the API answers")
    else:
        takes = format_duration(lasts_s)
        talk.say(f"{counted(totals.to_send, 'order')} at {rate}: about {takes}")
