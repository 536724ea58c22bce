"""From the options of `retry` and `reorder` to the run that orders those rows again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from batchdub.cli.deciding import who_decides
from batchdub.cli.invocation import Invocation
from batchdub.cli.next_steps import Leads, led
from batchdub.cli.options import settings_of
from batchdub.cli.ordering import carry_out, probed_as_wanted
from batchdub.cli.run_options import Wanted
from batchdub.cli.standing import duplicate_lines, leads_at, read_overview, tell_next
from batchdub.cli.summary import summarise_again
from batchdub.ledger import Actor
from batchdub.run.again import Again
from batchdub.run.judging import Refused, exit_of
from batchdub.run.leftovers import open_rows
from batchdub.run.picking import Wish, pick
from batchdub.run.tonight import order
from batchdub.states import Event
from batchdub.units import counted

_SHOWN = 10
_QUESTION = {Event.RETRY: "again", Event.REORDER: "again, each paid anew,"}


def order_again(
    context: click.Context, wanted: Wanted, wish: Wish, manifests: Sequence[str], reason: str
) -> None:
    """Order again what is wanted and may be, and leave with the run's exit code.

    Where nothing may be, that is told, and the exit code is that of how the rows stand.
    """
    talk, path = context.ensure_object(Invocation).talk, settings_of(context).ledger
    judged = pick(path, wish)
    for line in refused_lines(judged.refused, leads_at(context)):
        talk.warn(line)
    if not judged.granted:
        leave_with_nothing(context, wish, judged.refused)
    again = Again(
        wish.event,
        Actor(who_decides(), reason),
        frozenset(job.key.reference_id for job in judged.granted),
        cancelled=wish.cancelled,
    )
    source = open_rows(path, again.wanted, talk.warn, manifests)
    probed = probed_as_wanted(context, source, wanted, skip_invalid=True, again=True)
    carry_out(
        context,
        wanted,
        lambda tonight, person: order(tonight, source, person, again, probed),
        summarise_again,
        _QUESTION[wish.event],
    )


def leave_with_nothing(context: click.Context, wish: Wish, refused: Sequence[Refused]) -> None:
    """Tell that there is nothing to do, and what to do instead."""
    talk, settings = context.ensure_object(Invocation).talk, settings_of(context)
    overview = read_overview(settings.ledger)
    talk.say(f"nothing to {wish.event}{_why(wish, refused, settings.ledger)}")
    for line in duplicate_lines(overview.duplicates):
        talk.problem(line)
    tell_next(overview, settings, talk)
    context.exit(int(exit_of(refused, duplicates=bool(overview.duplicates))))


def refused_lines(refused: Sequence[Refused], leads: Leads) -> Iterator[str]:
    """Say which rows were left as they are, and why: the first ten, then the count."""
    yield from (led(str(each), leads) for each in refused[:_SHOWN])
    if len(refused) > _SHOWN:
        yield f"… and {counted(len(refused) - _SHOWN, 'more row')} left alone"


def _why(wish: Wish, refused: Sequence[Refused], path: Path) -> str:
    if refused:
        return ""
    which = "that was chosen " if wish.rows.clauses else ""
    wanted = f": no row {which}is {' or '.join(sorted(wish.states))}"
    return f"{wanted}, with `{wish.error}` in its error" if wish.error else wanted
