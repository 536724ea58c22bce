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
from batchdub.cli.options import settings_of
from batchdub.cli.ordering import sandbox_of, target_of
from batchdub.cli.run_options import Wanted
from batchdub.cli.standing import read_overview, tell_next
from batchdub.clock import SystemClock
from batchdub.ledger import Actor
from batchdub.run.decisions import Deciding, Decision, Kind, decide

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from batchdub.run.connecting import Target


def carry_out_decisions(
    context: click.Context, wanted: Wanted, decisions: Sequence[Decision], reason: str
) -> None:
    """Carry out a person's decisions, and tell what to do next."""
    talk = context.ensure_object(Invocation).talk
    settings = settings_of(context)
    talk.say(f"ledger: {settings.ledger.absolute()}")
    asks = any(decision.kind is Kind.ADOPT for decision in decisions)
    target: AbstractContextManager[Target | None] = (
        target_of(context, sandbox_of(wanted)) if asks else nullcontext()
    )
    with target as api:
        deciding = Deciding(
            settings.ledger,
            Actor(who_decides(), reason),
            SystemClock(),
            __version__,
            talk.say,
            api,
        )
        decide(deciding, decisions)
    tell_next(read_overview(settings.ledger), settings, talk)


def who_decides() -> str:
    """Name the person at this machine, as far as it knows them."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"
