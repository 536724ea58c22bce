"""From the options of a decision to its record: who decided, and whom to ask."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from batchdub import __version__
from batchdub.cli.invocation import Invocation
from batchdub.cli.next_steps import Found, Leads, leads_of, next_commands, resume_with
from batchdub.cli.options import settings_of
from batchdub.cli.ordering import sandbox_of, target_of
from batchdub.cli.run_options import Wanted
from batchdub.clock import SystemClock
from batchdub.ledger import Actor
from batchdub.run.decisions import Deciding, Decision, Kind, Remains, decide
from batchdub.states import JobState
from batchdub.units import counted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from batchdub.cli.talk import Talk
    from batchdub.run.connecting import Target


def carry_out_decisions(
    context: click.Context, wanted: Wanted, decisions: Sequence[Decision], reason: str
) -> None:
    """Carry out a person's decisions, and tell what is left to decide."""
    talk = context.ensure_object(Invocation).talk
    settings = settings_of(context)
    talk.say(f"ledger: {settings.ledger.absolute()}")
    asks = any(decision.kind is Kind.ADOPT for decision in decisions)
    target: AbstractContextManager[Target | None] = (
        target_of(context, sandbox_of(wanted)) if asks else nullcontext()
    )
    with target as api:
        remains = decide(
            Deciding(
                settings.ledger,
                Actor(who_decides(), reason),
                SystemClock(),
                __version__,
                talk.say,
                api,
            ),
            decisions,
        )
    _tell(remains, leads_of(settings, remains.api), talk)


def _tell(remains: Remains, leads: Leads, talk: Talk) -> None:
    in_doubt, pending = remains.states[JobState.IN_DOUBT], remains.states[JobState.PENDING]
    if in_doubt:
        talk.say(f"{counted(in_doubt, 'row')} still in doubt")
    found = Found(
        left=resume_with(leads) if pending and not in_doubt else (),
        unsettled=in_doubt > 0,
        duplicate=next((request_id for _, request_id in remains.duplicates), ""),
    )
    for command in next_commands(found, leads):
        talk.say(f"next: {command}")


def who_decides() -> str:
    """Name the person at this machine, as far as it knows them."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"
