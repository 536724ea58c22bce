"""From the options of a run to the run itself: target, person, and the sandbox if it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from batchdub import __version__
from batchdub.cli.download_options import download_of, planned_download, require_download
from batchdub.cli.invocation import Invocation
from batchdub.cli.kept_files import require_not_kept
from batchdub.cli.next_steps import Leads, leads_of, rebuild_with
from batchdub.cli.options import key_of, settings_of
from batchdub.cli.progress import progress_line
from batchdub.cli.question import announce, confirmation
from batchdub.cli.recording import recording
from batchdub.cli.run_options import Wanted
from batchdub.cli.summary import summarise
from batchdub.clock import SystemClock
from batchdub.errors import StaleLedgerError, UnusableInputError
from batchdub.hours import next_moment, opening_moment
from batchdub.redact import Secret
from batchdub.run.connecting import Target
from batchdub.run.looping import fastest_loop
from batchdub.run.options import (
    DEFAULT_SETTLE_S,
    DEFAULT_WAIT_LIMIT_S,
    SANDBOX_SETTLE_S,
    RunOptions,
    Window,
)
from batchdub.run.sandboxed import TARGET, running_sandbox
from batchdub.run.tonight import Person, Tonight
from batchdub.sandbox.settings import SandboxSettings
from batchdub.settings import state_folder
from batchdub.units import DOCUMENTED_RATE

if TYPE_CHECKING:
    from batchdub.run.probing import Probed
    from batchdub.run.result import RunResult
    from batchdub.run.source import Source

_SANDBOX_KEY = Secret("sandbox")


def carry_out(
    context: click.Context,
    wanted: Wanted,
    call: Callable[[Tonight, Person], RunResult],
    tell: Callable[[RunResult, click.Context, str], None] = summarise,
    again: str = "",
) -> None:
    """Do one run as it is wanted, show it, summarise it, and leave with its exit code.

    `again` says in the question how rows are ordered that were ordered before.
    """
    invocation = context.ensure_object(Invocation)
    settings = settings_of(context)
    command = str(context.info_name)
    _require_waiting(context, wanted)
    require_download(context)
    manifests = context.params.get("manifests") or ()
    require_not_kept(wanted.events, "--events", settings.ledger, manifests)
    require_not_kept(wanted.log_file, "--log-file", settings.ledger, manifests)
    with target_of(context, sandbox_of(wanted)) as target:
        tonight = Tonight(
            ledger_path=settings.ledger,
            target=target,
            options=options_of(wanted, SystemClock().now()),
            command=command,
            version=__version__,
            clock=SystemClock(),
            allow_same_media=wanted.allow_same_media,
            serving=wanted.serving,
            proxy_of=partial(_proxy_of, invocation),
            locks=None if wanted.sandbox else state_folder(invocation.environ) / "locks",
            make_loop=fastest_loop(),
        )
        announce(invocation, tonight, wanted)
        with (
            recording(wanted.events, wanted.log_file, invocation.talk) as on_event,
            progress_line(invocation.talk) as line,
        ):
            person = Person(
                line.talk.say,
                line.on_progress,
                confirmation(invocation, tonight, wanted, again),
                on_event,
            )
            try:
                result = call(tonight, person)
            except StaleLedgerError as error:
                raise _with_exact_command(error, leads_of(settings, target.name)) from None
    tell(result, context, target.name)
    context.exit(int(result.exit_code))


def _proxy_of(invocation: Invocation, url: str) -> Secret | None:
    from batchdub.wire import find_proxy  # noqa: PLC0415  slow

    return find_proxy(url, invocation.environ)


def _require_waiting(context: click.Context, wanted: Wanted) -> None:
    """Refuse a limit that nothing would heed; in a config file it stands for other runs."""
    said = context.get_parameter_source("wait_limit_s") is ParameterSource.COMMANDLINE
    if said and not wanted.waits and wanted.max_in_flight is None:
        raise UnusableInputError("`--wait-limit` without `--wait`", "add --wait, or leave it out")


def probed_as_wanted(
    context: click.Context,
    source: Source,
    wanted: Wanted,
    *,
    skip_invalid: bool,
    again: bool = False,
) -> Probed | None:
    """Look at the media if that is wanted. Raises ManifestError, as `probe_media`."""
    if not (wanted.probe or wanted.reorder_changed):
        return None
    from batchdub.cli.probing import probe_media  # noqa: PLC0415  slow, and rarely wanted

    return probe_media(
        context,
        source,
        allow_same_media=wanted.allow_same_media,
        skip_invalid=skip_invalid,
        again=again,
    )


def _with_exact_command(error: StaleLedgerError, leads: Leads) -> StaleLedgerError:
    rebuild = rebuild_with(leads, error.manifests)
    hint = f"`{rebuild}` adopts them; with --since TIME only newer ones"
    return StaleLedgerError(error.message, hint, error.manifests, error.problems)


@contextmanager
def target_of(context: click.Context, sandbox: SandboxSettings | None) -> Iterator[Target]:
    """Settle which API is meant, for as long as the block lasts: a sandbox runs in it.

    Raises KeyRefusedError without a usable key, UnusableInputError for an unusable address.
    """
    settings = settings_of(context)
    if sandbox is not None:
        with running_sandbox(settings.ledger, sandbox, SystemClock()) as base_url:
            yield Target(base_url, _SANDBOX_KEY, TARGET)
        return
    from batchdub.wire import check_base_url, check_key, find_proxy  # noqa: PLC0415  slow

    base_url = check_base_url(settings.base_url)
    key = check_key(key_of(context, settings).reveal())
    proxy = find_proxy(base_url, context.ensure_object(Invocation).environ)
    yield Target(base_url, key, base_url, proxy)


def sandbox_of(wanted: Wanted) -> SandboxSettings | None:
    """Give how the sandbox inside the run behaves; None if none is wanted."""
    if not wanted.sandbox:
        return None
    rate = DOCUMENTED_RATE if wanted.rate.auto else wanted.rate
    return SandboxSettings(
        rate=rate, tokens=wanted.tokens, faults=tuple(wanted.faults), seed=wanted.seed
    )


def options_of(wanted: Wanted, now: datetime, *, planned: bool = False) -> RunOptions:
    """Give what a run is told, of what is wanted; where it is only `planned` no folder is made."""
    download = planned_download(wanted.download, wanted.download_name) if planned else None
    default_s = SANDBOX_SETTLE_S if wanted.sandbox else DEFAULT_SETTLE_S
    options = RunOptions(
        rate=wanted.rate,
        concurrency=wanted.concurrency,
        settle_s=default_s if wanted.settle_s is None else wanted.settle_s,
        hold_unknown=wanted.on_unknown == "hold",
        max_attempts=wanted.max_attempts,
        verify=wanted.verify,
        link_margin_s=wanted.link_margin_s,
        canary=not (wanted.sandbox or wanted.no_canary),
        max_failures=wanted.max_failures,
        window=window_of(wanted, now),
        wait=wanted.waits,
        wait_limit_s=DEFAULT_WAIT_LIMIT_S if wanted.wait_limit_s is None else wanted.wait_limit_s,
        max_in_flight=wanted.max_in_flight,
        download=download if planned else download_of(wanted),
    )
    return wanted.money.within(options)


def window_of(wanted: Wanted, now: datetime) -> Window:
    """Give the moments that the times of day mean: the next ones, an end after its beginning."""
    opens_at = None if wanted.not_before is None else opening_moment(wanted.not_before, now)
    begins_at = max(now, opens_at or now)
    closes_at = None if wanted.until is None else next_moment(wanted.until, begins_at)
    return Window(opens_at, closes_at, wanted.max_duration_s)
