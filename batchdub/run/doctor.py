"""Free checks before a night: folder, ledger, API, key and clock. Nothing is ordered or changed.

Each check gives findings; whatever is wrong in one does not keep the others from being made.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import stat
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from batchdub.clock import Clock
from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit, choose_exit
from batchdub.ledger import open_for_reading, require_local, synced_folder
from batchdub.ledger.placement import read_mounts
from batchdub.models import Cause, Outcome
from batchdub.run.account import may_be_bound_anew
from batchdub.run.asking import Asking, Say
from batchdub.run.connecting import Target, asking
from batchdub.run.session import LEAST_FREE_BYTES
from batchdub.units import UNLIMITED, counted, format_duration
from batchdub.wire import CallFailedError

T = TypeVar("T")

_LITTLE_SPACE_BYTES = 500_000_000
_CLOCK_SLACK_S = 30.0
_CODES = {Cause.KEY: Exit.KEY}


class Verdict(StrEnum):
    """What a finding means for tonight."""

    OK = "ok"
    """As it should be."""
    WARNING = "warning"
    """A run would go, but look at this."""
    PROBLEM = "problem"
    """A run would not go."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; a problem has the exit code that a run would end with."""

    check: str
    verdict: Verdict
    detail: str
    hint: str = ""
    code: Exit = Exit.DONE


def exit_of(findings: list[Finding]) -> Exit:
    """Choose the exit code: that of the worst problem, 0 if there are only warnings."""
    return choose_exit(finding.code for finding in findings if finding.verdict is Verdict.PROBLEM)


# -- this machine ---------------------------------------------------------------------------------


def examine_folder(ledger: Path) -> Iterator[Finding]:
    """Look at the folder of the ledger: there, writable, and with room."""
    folder = ledger.absolute().parent
    if not folder.is_dir():
        yield _unusable("folder", f"there is no folder {folder}", "create it, or --ledger")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield _unusable("folder", f"{folder} cannot be written", "check its owner and mode")
    else:
        yield Finding("folder", Verdict.OK, str(folder))
    yield judge_space(shutil.disk_usage(folder).free)


def examine_placement(ledger: Path, mounts: Callable[[], str] = read_mounts) -> Iterator[Finding]:
    """Look at what the ledger's folder is on: a network's disk, or a cloud client's folder."""
    try:
        require_local(ledger, mounts)
    except LedgerUnusableError as error:
        yield _unusable("folder", error.message, error.hint)
    synced = synced_folder(ledger)
    if synced is not None:
        yield Finding(
            "folder", Verdict.WARNING,
            f"{ledger}: stands in `{synced}`, which a cloud client may copy about",
            "an old copy that comes back lacks orders: name a ledger elsewhere with --ledger, or"
            " in batchdub.toml; `batchdub ledger backup FILE` copies this one there safely",
        )  # fmt: skip


def judge_space(free_bytes: int) -> Finding:
    """Say whether the disk has room for a night's ledger, in bytes."""
    detail = f"{free_bytes / 1e9:,.1f} GB free"
    if free_bytes < LEAST_FREE_BYTES:
        return _unusable("disk", detail, "free some space: a run must never fail to record")
    if free_bytes < _LITTLE_SPACE_BYTES:
        return Finding("disk", Verdict.WARNING, detail, "a million rows need about 1.2 GB")
    return Finding("disk", Verdict.OK, detail)


def examine_ledger(ledger: Path, api: str | None) -> Iterator[Finding]:
    """Look at the ledger: sound, private, and bound to this API; there need not be one yet.

    Without an API, because no key or address is usable, it may be bound to any.
    """
    if not ledger.exists():
        yield Finding("ledger", Verdict.OK, f"{ledger}: not there yet; the first run makes it")
        return
    try:
        with open_for_reading(ledger) as queries:
            bound = queries.meta("api")
            anew = may_be_bound_anew(queries)
            runs = queries.run_count()
    except LedgerUnusableError as error:
        yield _unusable("ledger", error.message, error.hint)
        return
    if api is not None and bound != api and not anew:
        yield _unusable("ledger", f"{ledger}: made against {bound}, not {api}",
                        "name another ledger with --ledger, or its API")  # fmt: skip
    else:
        yield Finding("ledger", Verdict.OK, f"{ledger}: {counted(runs, 'run')} so far")
    mode = stat.S_IMODE(ledger.stat().st_mode)
    if mode & 0o077:
        yield Finding("ledger", Verdict.WARNING, f"{ledger}: others may read it (mode {mode:o})",
                      f"chmod 600 {ledger}")  # fmt: skip


def _unusable(check: str, detail: str, hint: str) -> Finding:
    return Finding(check, Verdict.PROBLEM, detail, hint, Exit.LEDGER_UNUSABLE)


# -- the API --------------------------------------------------------------------------------------


def examine_api(target: Target, clock: Clock, version: str, say: Say) -> list[Finding]:
    """Ask the API for its health, the key's name, and a page of the list; all of it is free."""

    async def examine() -> list[Finding]:
        async with asking(target, UNLIMITED, clock, version, say) as means:
            return await _examine(means)

    return asyncio.run(examine())


async def _examine(means: Asking) -> list[Finding]:
    began_s = means.clock.monotonic_s()
    health = await _try(means.api.health)
    if isinstance(health, Outcome):
        host = judge_failure("host", health)
        if health.http_status is None:  # nothing answers, so nothing else is worth asking
            return [host]
    else:
        took_ms = 1000 * (means.clock.monotonic_s() - began_s)
        host = Finding("host", Verdict.OK, f"answers, in {took_ms:.0f} ms")
    name = await _try(means.api.display_name)
    if isinstance(name, Outcome):
        return [host, judge_failure("key", name)]
    key = Finding("key", Verdict.OK, f"accepted, as `{name}`")
    return [host, key, *await _examine_list(means)]


async def _examine_list(means: Asking) -> list[Finding]:
    page = await _try(partial(means.api.list_requests, limit=1))
    if isinstance(page, Outcome):
        return [judge_failure("list", page)]
    has = Finding("list", Verdict.OK, f"the account has {counted(page.total, 'request')}")
    return [has, judge_clock(means.clock.now(), page.server_date)]


async def _try(call: Callable[[], Coroutine[Any, Any, T]]) -> T | Outcome:
    """Make a free call, once; gives its answer, or how it failed."""
    try:
        return await call()
    except CallFailedError as error:
        return error.outcome


def judge_failure(check: str, outcome: Outcome) -> Finding:
    """Say what a free call that failed means for tonight."""
    code = _CODES.get(outcome.cause, Exit.API_UNAVAILABLE)
    hint = "set a key that works" if code is Exit.KEY else "check the base URL and the network"
    return Finding(check, Verdict.PROBLEM, outcome.message, hint, code)


def judge_clock(here: datetime, server: datetime | None) -> Finding:
    """Hold our wall clock against the server's Date, which is cut to the second."""
    if server is None:
        return Finding("clock", Verdict.WARNING, "the API's answers carry no Date",
                       "orders that got lost are settled more slowly")  # fmt: skip
    ahead_s = (here - server).total_seconds()
    if abs(ahead_s) <= _CLOCK_SLACK_S:
        return Finding("clock", Verdict.OK, f"within {math.ceil(abs(ahead_s)) or 1} s of the API")
    side = "ahead of" if ahead_s > 0 else "behind"
    return Finding("clock", Verdict.WARNING, f"{format_duration(abs(ahead_s))} {side} the API",
                   "set this machine's clock: times in reports and --until go by it")  # fmt: skip
