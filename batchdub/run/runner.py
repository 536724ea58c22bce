"""A run, from a prepared plan to its result: the steps, in the order in which they happen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from batchdub.clock import Clock
from batchdub.errors import (
    ApiUnavailableError,
    BatchdubError,
    KeyRefusedError,
    LedgerUnusableError,
)
from batchdub.exits import Exit
from batchdub.redact import Secret
from batchdub.run.account import require_same_account
from batchdub.run.afterlook import look_again
from batchdub.run.afterloss import AfterLoss
from batchdub.run.aside import Aside
from batchdub.run.asking import Say
from batchdub.run.canary import canary_first
from batchdub.run.context import RunContext
from batchdub.run.desk import Canary, Desk
from batchdub.run.download import Downloads, OnFile
from batchdub.run.fetching import Means
from batchdub.run.journal import Journal
from batchdub.run.lookup import account_total
from batchdub.run.options import RunOptions
from batchdub.run.poll import Polling
from batchdub.run.prepare import Prepared
from batchdub.run.pricing import put_prices, spent_by, spent_today
from batchdub.run.prober import probe
from batchdub.run.purse import Purse
from batchdub.run.reckoning import reckon, reckon_up
from batchdub.run.result import RunResult, exit_code
from batchdub.run.server_clock import ServerClock
from batchdub.run.session import Session
from batchdub.run.settling import Settling
from batchdub.run.showing import OnProgress, show
from batchdub.run.signals import ending_well
from batchdub.run.standing import stand
from batchdub.run.startlook import look_before_spending
from batchdub.run.stop import Stop
from batchdub.run.submit import Submitter
from batchdub.run.window import close_in_time, wait_for_opening
from batchdub.states import Event
from batchdub.wire import ApiClient, DownloadClient, LookPacer, Pacer


@dataclass(frozen=True, slots=True)
class Outside:
    """What a run is given from outside: the API, time, chance, and who is told.

    `fetching` is what downloads need: who fetches, where work is done that blocks, who is told.
    """

    api: ApiClient
    key: Secret
    clock: Clock
    say: Say
    on_progress: OnProgress
    rng: random.Random = field(default_factory=random.Random)
    fetching: tuple[DownloadClient, Aside, OnFile] | None = None


async def run_orders(
    session: Session, prepared: Prepared, options: RunOptions, outside: Outside, *, invalid: int = 0
) -> RunResult:
    """Carry out a prepared run and give its result; a stop of any kind is a result, too.

    Raises a BatchdubError only where nothing was sent: NeedsALookError, KeyRefusedError,
    ApiUnavailableError, LedgerUnusableError.
    """
    context = _make_context(session, prepared, options, outside)
    downloads = _downloads(context, prepared, outside)
    began_s = outside.clock.monotonic_s()
    try:
        with ending_well(context.stop, context.say):
            await _steps(context, session, prepared, outside, downloads)
    except asyncio.CancelledError:
        if not context.stop.asked:
            raise
    except ApiUnavailableError:
        # What a signal cut short does not make the API unavailable.
        if not context.stop.interrupted:
            raise
    finally:
        context.journal.flush()
    _still_ours(context)
    _keep_learned_rate(context)
    standing = stand(session.ledger, prepared)
    reasons = tuple(context.stop.reasons)
    fetched = downloads.outcome if downloads else None
    return RunResult(
        run_id=session.run_id,
        exit_code=exit_code(reasons, standing, prepared.totals, invalid=invalid, downloads=fetched),
        reasons=reasons,
        standing=standing,
        totals=prepared.totals,
        ordered=context.tally.events[Event.ACCEPTED],
        adopted=context.tally.adopted,
        rate_limited=context.tally.rate_limited,
        stalled=context.tally.stalled,
        spent=spent_by(options, context.desk.purse),
        elapsed_s=outside.clock.monotonic_s() - began_s,
        invalid=invalid,
        downloads=fetched,
        changed=tuple(prepared.changed),
    )


def _still_ours(context: RunContext) -> None:
    """Notice a ledger that was deleted or replaced after the last intent: it has lost outcomes."""
    try:
        context.require_ours()
    except LedgerUnusableError as error:
        if not context.stop.has(Exit.LEDGER_UNUSABLE):
            context.stop.ask(Exit.LEDGER_UNUSABLE, str(error))


async def _steps(
    context: RunContext,
    session: Session,
    prepared: Prepared,
    outside: Outside,
    downloads: Downloads | None,
) -> None:
    if prepared.orders:
        await wait_for_opening(context)
    doubts = [
        doubt
        for doubt in context.ledger.doubts()
        if prepared.settles is None or doubt.job_id in prepared.settles
    ]
    settling = Settling(context, prepared.settles)
    polling = _polling(context, settling, prepared)
    if downloads is not None:
        downloads.begin()
    to_download = downloads is not None and downloads.left > 0
    if not (prepared.orders or doubts or context.desk.at_api or to_download):
        await _look_again(context)
        return
    total = await _meet(context)
    await require_same_account(context, outside.key)
    reckoning = reckon(context.ledger, total)
    after_loss = AfterLoss(context, prepared.orders, reckoning)
    if prepared.orders and not after_loss.adopts:
        await look_before_spending(
            context, prepared.orders, reckoning, new_ledger=session.new_ledger
        )
    for doubt in doubts:
        settling.add(doubt.job_id, prepared.doubtful.get(doubt.job_id))
    await _send_and_settle(
        context, settling, polling, downloads, after_loss, prepared=prepared, outside=outside
    )
    await _look_again(context)
    await reckon_up(context, after_loss.reckoning)


async def _look_again(context: RunContext) -> None:
    if not await look_again(context) and context.stop.may_look:
        context.stop.note(
            Exit.API_UNAVAILABLE,
            "rows that were tried more than once could not be looked at again for a second order",
        )


async def _meet(context: RunContext) -> int:
    """Make the first call, a free one: it shows key and address, and the server's clock.

    Gives how many requests the account has.
    """
    total = await account_total(context)
    if total is None:
        codes = {reason.code for reason in context.stop.reasons}
        kind: type[BatchdubError] = ApiUnavailableError
        hint = "check the base URL, or run the same command again later"
        if Exit.KEY in codes:
            kind, hint = KeyRefusedError, "set a key that works, then run the same command again"
        failure = context.last_failure
        raise kind(f"nothing was sent: {failure.message}" if failure else "nothing was sent", hint)
    return total


async def _send_and_settle(
    context: RunContext,
    settling: Settling,
    polling: Polling | None,
    downloads: Downloads | None,
    after_loss: AfterLoss,
    *,
    prepared: Prepared,
    outside: Outside,
) -> None:
    submitter = Submitter(context, settling)
    workers = min(
        context.options.concurrency, max(1, len(prepared.orders) + len(prepared.doubtful))
    )
    try:
        async with asyncio.TaskGroup() as group:
            showing = group.create_task(
                show(context, polling, downloads, prepared, outside.on_progress)
            )
            tasks = [group.create_task(submitter.work()) for _ in range(workers)]
            tasks.append(group.create_task(settling.work()))
            tasks.append(group.create_task(after_loss.work()))
            tasks.append(group.create_task(probe(context)))
            closing = group.create_task(close_in_time(context))
            if polling is not None:
                tasks.append(group.create_task(polling.work()))
            if downloads is not None:
                tasks.append(group.create_task(downloads.work()))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            showing.cancel()
            closing.cancel()
    except BaseExceptionGroup as failed:
        raise _first_cause(failed) from failed


def _first_cause(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """Choose what to tell of several failures: ours before others, since it names what to do."""
    causes = list(_leaves(failed))
    for cause in causes:
        if isinstance(cause, BatchdubError):
            return cause
    return causes[0]


def _leaves(failed: BaseExceptionGroup[BaseException]) -> Sequence[BaseException]:
    leaves: list[BaseException] = []
    for error in failed.exceptions:
        leaves.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return leaves


def _polling(context: RunContext, settling: Settling, prepared: Prepared) -> Polling | None:
    options = context.options
    if not options.wait and options.max_in_flight is None:
        return None
    polling = Polling(context, settling, prepared.scope)
    polling.begin()
    return polling


def _downloads(context: RunContext, prepared: Prepared, outside: Outside) -> Downloads | None:
    wanted = context.options.download
    if wanted is None or outside.fetching is None:
        return None
    client, aside, on_file = outside.fetching
    api = context.ledger.meta("api") or ""
    means = Means(context, client, aside, wanted.folder, api)
    return Downloads(means, prepared.names, wanted.concurrency, on_file)


def _keep_learned_rate(context: RunContext) -> None:
    learned = context.order_pace.learned_per_s
    # After a failed commit nothing more is written: such a disk cannot be believed.
    if learned is not None and not context.stop.has(Exit.LEDGER_UNUSABLE):
        with context.ledger.transaction():
            context.ledger.set_meta("learned_per_s", repr(learned))


def _make_context(
    session: Session, prepared: Prepared, options: RunOptions, outside: Outside
) -> RunContext:
    stop = Stop()
    purse = Purse(
        options.caps, outside.clock, spent_today(session.ledger, options, outside.clock.now())
    )
    put_prices(options, prepared)
    orders = canary_first(prepared.orders) if options.canary else prepared.orders
    desk = Desk(orders, stop, purse)
    desk.canary = Canary.READY if options.canary else Canary.SEEN
    desk.max_in_flight = options.max_in_flight
    if session.ledger.may_lack_orders():
        options = replace(options, verify=True)
    clock, ledger = outside.clock, session.ledger
    learned = ledger.meta("learned_per_s")
    order_pace = Pacer(
        options.rate,
        clock,
        last_call_ago_s=_ago_s(ledger.last_intent_at(), clock),
        learned_per_s=None if learned is None else float(learned),
    )
    return RunContext(
        options=options,
        ledger=ledger,
        lock=session.lock,
        journal=Journal(ledger),
        api=outside.api,
        clock=clock,
        rng=outside.rng,
        say=outside.say,
        stop=stop,
        desk=desk,
        order_pace=order_pace,
        look_pace=LookPacer(options.rate, clock, order_pace),
        server_clock=ServerClock(clock),
    )


def _ago_s(moment: datetime | None, clock: Clock) -> float | None:
    return None if moment is None else (clock.now() - moment).total_seconds()
