"""From the options of a run to the run itself: target, person, and the sandbox if it is wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from batchdub import __version__
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import key_of, settings_of
from batchdub.cli.progress import progress_line
from batchdub.cli.run_options import Wanted
from batchdub.cli.summary import summarise
from batchdub.clock import SystemClock
from batchdub.redact import Secret
from batchdub.run.options import DEFAULT_SETTLE_S, SANDBOX_SETTLE_S, RunOptions
from batchdub.run.sandboxed import TARGET, books_path, running_sandbox
from batchdub.run.tonight import Person, Target, Tonight
from batchdub.units import DOCUMENTED_RATE, counted, format_duration

if TYPE_CHECKING:
    from batchdub.plan import Totals
    from batchdub.run.result import RunResult

_SANDBOX_KEY = Secret("sandbox")


def carry_out(
    context: click.Context, wanted: Wanted, call: Callable[[Tonight, Person], RunResult]
) -> None:
    """Do one run as it is wanted, show it, summarise it, and leave with its exit code."""
    invocation = context.ensure_object(Invocation)
    settings = settings_of(context)
    command = str(context.info_name)
    with _target(context, wanted) as target:
        tonight = Tonight(
            ledger_path=settings.ledger,
            target=target,
            options=_options(wanted),
            command=command,
            version=__version__,
            clock=SystemClock(),
            allow_same_media=wanted.allow_same_media,
        )
        _announce(invocation, tonight, wanted)
        with progress_line(invocation.talk) as line:
            person = Person(line.talk.say, line.on_progress, _confirmation(invocation, tonight, wanted))
            result = call(tonight, person)
    summarise(result, invocation, settings.ledger)
    context.exit(int(result.exit_code))


@contextmanager
def _target(context: click.Context, wanted: Wanted) -> Iterator[Target]:
    settings = settings_of(context)
    if wanted.sandbox:
        with running_sandbox(settings.ledger, _sandbox_settings(wanted), SystemClock()) as base_url:
            yield Target(base_url, _SANDBOX_KEY, TARGET)
        return
    from batchdub.wire import check_base_url, check_key, find_proxy  # noqa: PLC0415  slow

    base_url = check_base_url(settings.base_url)
    key = check_key(key_of(context, settings).reveal())
    proxy = find_proxy(base_url, context.ensure_object(Invocation).environ)
    yield Target(base_url, key, base_url, proxy)


def _sandbox_settings(wanted: Wanted):  # noqa: ANN202  imported late
    from batchdub.sandbox.settings import SandboxSettings  # noqa: PLC0415  for sandboxes only

    rate = DOCUMENTED_RATE if wanted.rate.auto else wanted.rate
    return SandboxSettings(
        rate=rate, tokens=wanted.tokens, faults=tuple(wanted.faults), seed=wanted.seed
    )
