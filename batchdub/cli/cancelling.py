"""From the options of `cancel` to the rows taken out: asked, done, told."""

from __future__ import annotations

from collections.abc import Sequence

import click

from batchdub import __version__
from batchdub.cli.again import leave_with_nothing, refused_lines
from batchdub.cli.deciding import who_decides
from batchdub.cli.invocation import Invocation
from batchdub.cli.next_steps import Leads, led, retry_with
from batchdub.cli.options import settings_of
from batchdub.cli.question import ask, can_ask
from batchdub.cli.standing import leads_at, read_overview, tell_next
from batchdub.clock import SystemClock
from batchdub.ledger import Actor
from batchdub.models import Job
from batchdub.run.decisions import Deciding
from batchdub.run.picking import Wish, pick
from batchdub.run.taking_out import take_out
from batchdub.units import counted


def cancel_rows(context: click.Context, wish: Wish, reason: str, *, asks: bool) -> None:
    """Take the pending ones of these rows out, and tell which are left as they are."""
    talk, settings = context.ensure_object(Invocation).talk, settings_of(context)
    judged = pick(settings.ledger, wish)
    leads = leads_at(context)
    for line in refused_lines(judged.refused, leads):
        talk.warn(line)
    if not judged.granted:
        leave_with_nothing(context, wish, judged.refused)
    if asks and can_ask(talk):
        ask(f"Take {counted(len(judged.granted), 'row')} out?", talk, "nothing was done")
    actor = Actor(who_decides(), reason)
    deciding = Deciding(settings.ledger, actor, SystemClock(), __version__, talk.say)
    done = take_out(deciding, [job.key.reference_id for job in judged.granted])
    for line in refused_lines(done.refused, leads):
        talk.warn(line)
    talk.say(_told(done.granted, leads) if done.granted else "nothing was cancelled")
    tell_next(read_overview(settings.ledger), settings, talk)


def _told(rows: Sequence[Job], leads: Leads) -> str:
    """Say which rows were taken out, and how they come back."""
    if len(rows) == 1:
        again = retry_with(leads, rows[0].key.reference_id, "--cancelled")
        return f"1 row cancelled: no run orders it; `{again}` puts it back, and orders it"
    again = led("`batchdub retry --cancelled`", leads)
    back = f"{again} puts all that are cancelled back, and orders them"
    return f"{len(rows):,} rows cancelled: no run orders them; {back}"
