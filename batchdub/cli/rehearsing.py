"""A rehearsal from the command line: what tonight would do, the rehearsal itself, the judgement."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchdub.cli.invocation import Invocation
from batchdub.cli.options import settings_of
from batchdub.cli.progress import progress_line
from batchdub.cli.rehearsed import row_of, tell
from batchdub.clock import SystemClock
from batchdub.exits import Exit
from batchdub.hours import TimeOfDay, opening_moment
from batchdub.ledger import open_for_reading
from batchdub.plan import Fate, Totals
from batchdub.progress import Snapshot
from batchdub.run.inspecting import Checks
from batchdub.run.rehearsal.ending import TerminatedError, ending_cleanly
from batchdub.run.rehearsal.folder import Folder, copied_ledger, rehearsal_folder
from batchdub.run.rehearsal.judge import Judgement, judge
from batchdub.run.rehearsal.perform import OnOrders, Performance, perform
from batchdub.run.rehearsal.script import Script, write_script
from batchdub.run.rehearsal.stage import set_stage
from batchdub.run.source import Choice, open_source, starting_at, turns_of
from batchdub.sandbox.books import read_books
from batchdub.sandbox.faults import Fault
from batchdub.units import Rate, counted

if TYPE_CHECKING:
    from batchdub.cli.talk import Talk
    from batchdub.run.asking import Say
    from batchdub.run.source import Source

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be rehearsed, and how: the command's own options by their names.

    `as_given` are the options of the selection as they were written, for the run's command line.
    """

    manifests: tuple[str, ...]
    choice: Choice
    as_given: tuple[str, ...]
    skip_invalid: bool
    strict: bool
    allow_same_media: bool
    rate: Rate
    not_before: TimeOfDay | None
    link_margin_s: float
    faults: tuple[Fault, ...]
    tokens: int | None
    seed: int
    kills: int
    keep: Path | None


def rehearse(context: click.Context, wish: Wish, format_name: str) -> Exit:
    """Rehearse, print the judgement, and give the exit code. Nothing real is asked or written."""
    talk = context.ensure_object(Invocation).talk
    try:
        with ending_cleanly(), rehearsal_folder(wish.keep) as folder:
            return _rehearse(context, wish, format_name, folder)
    except TerminatedError:
        talk.problem("terminated")
        return Exit.TERMINATED


def _rehearse(context: click.Context, wish: Wish, format_name: str, folder: Folder) -> Exit:
    invocation = context.ensure_object(Invocation)
    talk = invocation.talk
    source, tonight = _look_ahead(context, wish, folder)
    _tell_tonight(tonight, talk)
    script = write_script(
        source.rows, faults=wish.faults, tokens=wish.tokens, seed=wish.seed, kills=wish.kills
    )
    _announce(script, talk)
    with set_stage(folder, script, invocation.environ) as stage:
        command = _command(stage.base_url, folder, script, wish)
        performance = _performed(talk, source.rows, partial(perform, stage, command, script))
        if performance.broken:
            return _broken(performance, talk)
        judgement, causes = _judge(folder, source, performance)
    orders = tonight.totals.to_send
    row = row_of(
        judgement,
        causes,
        performance,
        seed=script.seed,
        tonight_orders=orders if wish.tokens is None else min(orders, wish.tokens),
        rate=wish.rate,
    )
    tell(row, judgement, wish.rate, format_name, invocation)
    if folder.kept:
        _tell_kept(folder, talk)
    return Exit.DONE if judgement.fine else Exit.NEEDS_A_LOOK


# -- before -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tonight:
    """What a run tonight would do with the rows, and the first of those that it would not order."""

    totals: Totals
    held: tuple[str, ...]


def _look_ahead(context: click.Context, wish: Wish, folder: Folder) -> tuple[Source, _Tonight]:
    """Read the manifests as a run would, and plan tonight with what the real ledger knows.

    Raises ManifestError and UnusableInputError as a run would.
    """
    talk = context.ensure_object(Invocation).talk
    clock = SystemClock()
    opens_at = opening_moment(wish.not_before, clock.now()) if wish.not_before else None
    with copied_ledger(settings_of(context).ledger, folder) as (copy, ledger):
        checks = Checks(datetime.now(UTC), copy, pairs=True, strict=wish.strict)
        source = open_source(
            wish.manifests, wish.choice, talk.warn, skip_invalid=wish.skip_invalid, checks=checks
        )
        turns = turns_of(ledger, wish.rate, wish.link_margin_s, starting_at(opens_at, clock))
        totals, held = Totals(), []
        for item in source.planned(
            ledger, allow_same_media=wish.allow_same_media, holds=turns.holds
        ):
            totals.add(item)
            if item.fate.waits or item.fate is Fate.CONFLICT:
                held.append(f"{item.row.source}: `{item.row.reference_id}`: {item.reason}")
        return source, _Tonight(totals, tuple(held))


def _tell_tonight(tonight: _Tonight, talk: Talk) -> None:
    fates = tonight.totals.fates
    counts = ", ".join(
        f"{fates[fate]:,} {str(fate).replace('_', ' ')}" for fate in Fate if fates[fate]
    )
    talk.say(f"tonight: {counted(tonight.totals.rows, 'row')}: {counts}")
    for line in tonight.held[:_SHOWN]:
        talk.warn(line)
    more = len(tonight.held) - _SHOWN
    if more > 0:
        talk.warn(f"… and {counted(more, 'more row')}; `batchdub plan` tells them")


def _announce(script: Script, talk: Talk) -> None:
    faults = ", ".join(map(str, script.faults))
    tokens = "" if script.tokens is None else f", {counted(script.tokens, 'token')}"
    kills = f", {counted(len(script.kills), 'kill')}" if script.kills else ""
    talk.say(f"rehearsing at {script.pace} with {faults}{tokens}{kills}")


# -- meanwhile --------------------------------------------------------------------------------


def _command(base_url: str, folder: Folder, script: Script, wish: Wish) -> tuple[str, ...]:
    """Give the words of the run: the real manifests, and nothing else of the real night."""
    flags = (
        ("--skip-invalid", wish.skip_invalid),
        ("--strict", wish.strict),
        ("--allow-same-media", wish.allow_same_media),
    )
    return (
        "run",
        f"--config={folder.config}",
        f"--ledger={folder.ledger}",
        f"--base-url={base_url}",
        f"--rate={script.pace}",
        f"--settle={script.settle_s:g}s",
        f"--link-margin={wish.link_margin_s:g}s",
        *(name for name, wanted in flags if wanted),
        *wish.as_given,
        "--",
        *wish.manifests,
    )


def _performed(talk: Talk, rows: int, act: Callable[[Say, OnOrders], Performance]) -> Performance:
    with progress_line(talk) as line:

        def on_orders(orders: int, elapsed_s: float) -> None:
            line.on_progress(
                Snapshot(orders, 0, 0, 0, max(0, rows - orders), orders, 0, elapsed_s, "rehearsing")
            )

        return act(line.talk.say, on_orders)


def _broken(performance: Performance, talk: Talk) -> Exit:
    """Tell of a run that ended as none should; gives its code, which is then the rehearsal's."""
    talk.plain(performance.last_words)
    known = next((code for code in Exit if code == performance.code), Exit.UNEXPECTED)
    how = f"signal {-performance.code}" if performance.code < 0 else f"exit {performance.code}"
    talk.problem(f"run {performance.runs} of the rehearsal ended with {how}: nothing is proven")
    return known


# -- afterwards -------------------------------------------------------------------------------


def _judge(
    folder: Folder, source: Source, performance: Performance
) -> tuple[Judgement, Counter[str]]:
    books: defaultdict[str, list[str]] = defaultdict(list)
    for order in read_books(folder.books):
        books[order.reference_id or ""].append(order.request_id)
    with open_for_reading(folder.ledger) as ledger:
        judgement = judge(
            (row.reference_id for _, row in source.numbered()),
            books,
            ledger.latest_jobs,
            limit_stands=performance.code == Exit.TOKEN_LIMIT,
        )
        return judgement, ledger.attempts_by_cause()


def _tell_kept(folder: Folder, talk: Talk) -> None:
    talk.say(f"kept in {folder.path}: the ledger, the sandbox's books, and what each run said")
    talk.say(f"next: {shlex.join(('batchdub', 'status', '--ledger', str(folder.ledger)))}")
