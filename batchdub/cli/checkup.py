"""What `doctor` checks: the settings and where they came from, then machine, ledger and API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from batchdub import __version__
from batchdub.cli.group import ENTRIES, batchdub
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import settings_of
from batchdub.cli.ordering import target_of
from batchdub.cli.standing import read_overview
from batchdub.clock import SystemClock
from batchdub.config import shown_setting
from batchdub.errors import BatchdubError, LedgerUnusableError
from batchdub.exits import Exit
from batchdub.run.doctor import (
    Finding,
    Verdict,
    examine_api,
    examine_folder,
    examine_ledger,
    examine_placement,
)
from batchdub.sandbox.settings import SandboxSettings
from batchdub.wire import proxy_for

if TYPE_CHECKING:
    from batchdub.settings import Settings

_NO_OPTION = frozenset({"BATCHDUB_API_KEY", "BATCHDUB_DEBUG"})


def check_up(context: click.Context, *, sandbox: bool) -> list[Finding]:
    """Make every check; what is wrong with one does not keep the others from being made."""
    settings = settings_of(context)
    invocation = context.ensure_object(Invocation)
    found = [*_settings(settings, invocation, sandbox=sandbox)]
    found += _strange_variables(invocation.environ)
    found += examine_folder(settings.ledger)
    found += examine_placement(settings.ledger)
    ledger_seen = False
    try:
        with target_of(context, SandboxSettings() if sandbox else None) as target:
            found += [*examine_ledger(settings.ledger, target.name), *_running(settings)]
            ledger_seen = True
            found += examine_api(target, SystemClock(), __version__, invocation.talk.say)
    except BatchdubError as error:
        if not ledger_seen:
            found += [*examine_ledger(settings.ledger, None), *_running(settings)]
        check = "key" if error.exit_code is Exit.KEY else "target"
        found.append(Finding(check, Verdict.PROBLEM, error.message, error.hint, error.exit_code))
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """A setting in force, its value as it may be shown, and where it came from."""

    name: str
    value: str
    origin: str


def told_settings(settings: Settings, invocation: Invocation) -> Iterator[Told]:
    """Tell the settings in force and those of the config file."""
    base_url = shown_setting("base-url", settings.base_url)
    config, environ = invocation.config, invocation.environ
    for name, value in (("base-url", base_url), ("ledger", str(settings.ledger))):
        origin = settings.origins[name.replace("-", "_")]
        yield Told(name, value, config.origin(name) if origin == str(config) else origin)
    for name, said in config.values.items():
        if name not in {"base-url", "ledger", "key-file"}:
            variable = f"BATCHDUB_{name.upper().replace('-', '_')}"
            over = f", but {variable} goes before it" if environ.get(variable) else ""
            yield Told(name, shown_setting(name, said), f"{config.origin(name)}{over}")


def told_variables(environ: Mapping[str, str]) -> Iterator[Told]:
    """Tell the variables that an option reads, by the option's name."""
    known = variables()
    for variable in sorted(environ):
        if variable.startswith("BATCHDUB_") and variable in known:
            name = variable.removeprefix("BATCHDUB_").lower().replace("_", "-")
            yield Told(name, shown_setting(name, environ[variable]), variable)


def _settings(settings: Settings, invocation: Invocation, *, sandbox: bool) -> Iterator[Finding]:
    yield Finding("config", Verdict.OK, str(invocation.config))
    for told in told_settings(settings, invocation):
        shown = f"{told.value} ({told.origin})"
        if told.name == "base-url" and sandbox:
            shown = "a sandbox inside this command"
        yield Finding("setting", Verdict.OK, f"{told.name}: {shown}")
    if not sandbox:
        yield from _proxy(settings.base_url, invocation.environ)
    for told in told_variables(invocation.environ):
        yield Finding("environment", Verdict.OK, f"{told.origin}={told.value}")
    if settings.key is not None or settings.key_file is not None:
        yield Finding("setting", Verdict.OK, f"key: set by {settings.origins['key']}")


def _proxy(base_url: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        proxy = proxy_for(base_url, environ)
    except BatchdubError as error:
        yield Finding("proxy", Verdict.PROBLEM, error.message, error.hint, error.exit_code)
        return
    if proxy is not None:
        yield Finding("proxy", Verdict.OK, f"{proxy} (HTTPS_PROXY or ALL_PROXY)")


def _strange_variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Name variables that look like ours and that nothing reads: a misspelt cap costs money."""
    known = variables() | _NO_OPTION
    for variable in sorted(environ):
        if variable.startswith("BATCHDUB_") and variable not in known:
            near = get_close_matches(variable, known, n=1, cutoff=0.8)
            yield Finding(
                "environment", Verdict.WARNING, f"nothing reads {variable}",
                f"did you mean {near[0]}?" if near else "take it away",
            )  # fmt: skip


def variables() -> set[str]:
    """Give the environment names of all options of all commands."""
    context = click.Context(batchdub)
    commands = [batchdub.get_command(context, entry.name) for entry in ENTRIES]
    return {
        str(parameter.envvar)
        for command in _all(filter(None, commands))
        for parameter in command.params
        if parameter.envvar
    }


def _all(commands: Iterable[click.Command]) -> Iterator[click.Command]:
    for command in commands:
        yield command
        if isinstance(command, click.Group):
            yield from _all(command.commands.values())


def _running(settings: Settings) -> Iterator[Finding]:
    if not settings.ledger.exists():
        return
    try:
        overview = read_overview(settings.ledger)
    except LedgerUnusableError:
        return  # told already
    if overview.running and overview.last_run is not None:
        yield Finding(
            "lock", Verdict.WARNING, f"in use by `{overview.last_run.command}`",
            "a second run ends with exit 7 until that one is over",
        )  # fmt: skip
    else:
        yield Finding("lock", Verdict.OK, "no run is going on")
