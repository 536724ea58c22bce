"""The paid path for one row: clear it, wait for its slot, commit the intent, POST once, commit.

Below the intent nothing is ever tried again: a further try is a new attempt with an intent of its
own, and only after an end that surely was no order. What may have been one goes to `settling`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit
from batchdub.ledger import Attempt
from batchdub.models import Cause, Outcome
from batchdub.preflight import doom
from batchdub.run.canary import watch_canary
from batchdub.run.context import RunContext
from batchdub.run.desk import Order
from batchdub.run.lookup import STOP_CODES, Look, look_up
from batchdub.run.pricing import why_unpriced
from batchdub.run.reconcile import NEARLY_REASON, candidates, nearly_own
from batchdub.run.settling import Settling
from batchdub.states import Event, JobState
from batchdub.units import counted
from batchdub.wire import generate_body, try_row

_LOOK_IS_FRESH_S = 60.0
_FAILED_LOOKS = 5
_CANCELLED = Outcome(Event.LOST, Cause.CANCELLED, "the run was stopped during the call")
_NEVER_SENT = Outcome(Event.NOT_SENT, Cause.CANCELLED, "the run was stopped before the call")
_FOUND = Outcome(Event.FOUND, Cause.ACCEPTED)


class _NotNowError(Exception):
    """Nothing more may be sent; the row stays as it is."""


class _LeftError(Exception):
    """A person has to look at this row; the others go on."""


class _UnknownError(Exception):
    """A look-up failed, so that nobody can tell whether the row may be sent."""


class Submitter:
    """Sends the orders that the desk hands out."""

    def __init__(self, context: RunContext, settling: Settling) -> None:
        self._context = context
        self._settling = settling
        settling.on_empty = self._send_again

    async def work(self) -> None:
        """Be one worker: send what the desk hands out until it has nothing more."""
        desk = self._context.desk
        while (order := await desk.take()) is not None:
            try:
                await self._submit(order)
            finally:
                desk.put_down(order)

    async def _submit(self, order: Order) -> None:
        context = self._context
        tries_left = context.options.max_attempts - order.tries
        attempt = partial(self._try_once, order)
        try:
            outcome = await try_row(attempt, tries_left, context.nap, context.rng)
        except _NotNowError:
            context.desk.put_back(order)
        except _LeftError:
            return
        except _UnknownError:
            await self._look_later(order)
        except LedgerUnusableError as error:
            context.stop.ask(Exit.LEDGER_UNUSABLE, str(error))
        else:
            if outcome.event is Event.NOT_SENT:
                self._give_up(order, outcome)
            elif outcome.event is Event.ACCEPTED and context.desk.is_canary(order.job_id):
                await watch_canary(context, order, str(outcome.request_id))

    async def _look_later(self, order: Order) -> None:
        """Wait a little longer each time for a list that does not answer, but not for ever."""
        order.failed_looks += 1
        if order.failed_looks >= _FAILED_LOOKS:
            self._give_up(order, None)
            return
        await self._context.nap(2.0**order.failed_looks)
        self._context.desk.put_back(order)

    def _send_again(self, order: Order) -> None:
        """Take back a row whose order was shown not to exist."""
        if order.tries >= self._context.options.max_attempts:
            self._give_up(order, None)
            return
        self._context.desk.put_back(order)

    def _give_up(self, order: Order, outcome: Outcome | None) -> None:
        why = f": {outcome.message}" if outcome else ""
        self._context.stop.note(
            Exit.API_UNAVAILABLE,
            f"{_name(order)}: given up for this run after"
            f" {counted(order.tries, 'try', 'tries')}{why}",
        )

    # -- one try ------------------------------------------------------------------------------

    async def _try_once(self, order: Order) -> Outcome:
        context = self._context
        if await self._clear_to_send(order):
            return _FOUND
        try:
            outcome = await self._send(order)
        except BaseException:
            context.desk.leave_wire(order, _CANCELLED)
            raise
        if outcome.event is Event.LOST:
            self._settling.add(order.job_id, order)
        elif outcome.event is Event.ACCEPTED:
            context.watch(order.job_id)
        context.desk.leave_wire(order, outcome)
        self._heed(order, outcome)
        return outcome

    async def _clear_to_send(self, order: Order) -> bool:
        """Wait until this row may be sent; True if a look has shown that it needs not be.

        Raises _NotNowError if it may not be sent in this run any more.
        """
        context = self._context
        while True:
            await self._require_sendable(order)
            if self._needs_look(order) and await self._find(order):
                return True
            if not await context.desk.gate():
                raise _NotNowError
            found = await self._take_slot(order)
            if found:
                return True
            await self._require_sendable(order)
            if context.desk.enter_wire(order):
                return False

    async def _require_sendable(self, order: Order) -> None:
        """Leave a row whose link has died while it waited: what it orders could not be fetched.

        The server's clock counts, ours only until a Date was seen. A row whose cost no cap can
        count is left as well: one that was in doubt when the plan was made may come here.
        """
        context = self._context
        reason = why_unpriced(context.options, order)
        if not reason and order.life is not None:
            now = context.server_clock.at_least() or context.clock.now()
            reason = doom(order.life, now, context.options.link_margin_s)
        if reason:
            await context.journal.write(partial(context.ledger.hold, order.job_id, reason))
            raise _LeftError

    async def _take_slot(self, order: Order) -> bool:
        """Wait for the row's slot; True if a look at that moment shows that it needs none.

        At a slow pace a look goes stale while its row waits, each time anew. So it is made again
        before the slot is taken: afterwards the order would go late, close to the next one.
        """
        found = False
        # Answers that came together with the one before this are heeded first: they may say stop.
        await asyncio.sleep(0)
        if not self._needs_look(order):
            order.sent_at_s = self._context.order_pace.slot_at_once()
            if order.sent_at_s is not None:
                return False

        async def look_if_stale() -> bool:
            nonlocal found
            found = self._needs_look(order) and await self._find(order)
            return not found

        order.sent_at_s = await self._context.order_slot(look_if_stale)
        if order.sent_at_s is None and not found:
            raise _NotNowError
        return found

    def _needs_look(self, order: Order) -> bool:
        # A further revision is looked up as well: a ledger restored from a copy that is older
        # than the first retry would make the same revision once more.
        again = order.key.revision > 1
        if not (order.reached or again or self._context.options.verify):
            return False
        if order.looked_at_s is None:
            return True
        return self._context.clock.monotonic_s() - order.looked_at_s >= _LOOK_IS_FRESH_S

    async def _find(self, order: Order) -> bool:
        """Look a row up before its next try, and adopt what is there."""
        context = self._context
        look = await look_up(context, order.key.sent_as)
        if look is None:
            raise _UnknownError
        order.failed_looks = 0
        ids = [request.request_id for request in look.requests]
        taken = context.ledger.taken_from(order.job_id, ids)
        first_at = context.ledger.first_server_at(order.job_id)
        if order.reached and (found := candidates(look.requests, first_at, taken)):
            await context.adopt(order, JobState.PENDING, found)
            context.desk.purse.found(order.job_id, found[0].created_at, sent=order.sent)
            self._settling.add_others(order.job_id)
            return True
        await self._require_no_other(order, look, first_at, taken)
        order.looked_at_s = look.began_s
        return False

    async def _require_no_other(
        self, order: Order, look: Look, first_at: datetime | None, taken: set[str]
    ) -> None:
        """Leave a row to a person if the list has a request that may be its order or another's.

        Of a row that never reached the API none can be its own: the ledger is stale then.
        """
        context = self._context
        if order.reached:
            if nearly_own(look.requests, first_at, taken):
                await context.leave_to_person(order.job_id, _name(order), NEARLY_REASON)
                raise _LeftError
            return
        strange = [request for request in look.requests if request.request_id not in taken]
        if strange:
            context.stop.ask(
                Exit.NEEDS_A_LOOK,
                f"{_name(order)} is request {strange[0].request_id} at the API, which the ledger"
                " does not know; see `batchdub ledger rebuild`",
            )
            raise _NotNowError

    async def _send(self, order: Order) -> Outcome:
        context = self._context
        attempt = await self._intend(order)
        row = order.row
        body = generate_body(
            order.key.sent_as, row.video_url, row.audio_url, row.disable_active_speaker_detection
        )
        try:
            outcome = await context.api.generate(body)
        except asyncio.CancelledError:
            context.journal.write_now(partial(context.ledger.end_attempt, attempt, _CANCELLED))
            raise
        context.server_clock.note(outcome.server_date)
        # Before its commit, which may wait for others: nobody may take a slot after a 429.
        context.order_pace.feedback(outcome, order.sent_at_s)
        return await self._record(order, attempt, outcome)

    async def _intend(self, order: Order) -> Attempt:
        """Have the intent on disk. Raises LedgerUnusableError: then nothing was sent."""
        context = self._context
        context.require_ours()
        tariff = context.options.tariff
        cost = None if tariff is None or order.cost is None else tariff.amount(order.cost)
        server_at = context.server_clock.earliest()
        begin = partial(context.ledger.begin_attempt, order.job_id, server_at, cost, order.media)
        intent = context.journal.enqueue(begin)
        try:
            attempt = await intent
        except asyncio.CancelledError:
            if not intent.cancelled() and intent.exception() is None:
                never_sent = partial(context.ledger.end_attempt, intent.result(), _NEVER_SENT)
                context.journal.write_now(never_sent)
            raise
        context.require_ours()  # its flush may have waited for others
        return attempt

    async def _record(self, order: Order, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Have the outcome on disk, even while this task is being cancelled.

        If the disk refuses, the request_id goes to the person who watches: it is nowhere else.
        """
        context = self._context
        settled = context.journal.enqueue(partial(context.ledger.end_attempt, attempt, outcome))
        try:
            recorded = await asyncio.shield(settled)
        except LedgerUnusableError:
            if outcome.request_id:
                context.say(
                    f"ORDERED BUT NOT RECORDED: {order.row.source}: `{order.key.sent_as}`"
                    f" is request {outcome.request_id}"
                )
            raise
        if recorded.event is not outcome.event:
            # The request_id is another row's as well, so now that row is in doubt, too.
            self._settling.add_others(order.job_id)
        return recorded

    # -- what an outcome means for the rest ---------------------------------------------------

    def _heed(self, order: Order, outcome: Outcome) -> None:
        context = self._context
        context.tally.events[outcome.event] += 1
        if outcome.cause is Cause.RATE_LIMIT:
            context.tally.rate_limited += 1
        else:
            order.tries += 1
        if outcome.event is not Event.NOT_SENT:
            order.reached = True
            order.looked_at_s = None
        if outcome.cause is Cause.TOKEN_LIMIT:
            context.stop.ask(Exit.TOKEN_LIMIT, "the account's token limit is reached")
        elif outcome.cause in STOP_CODES:
            context.stop.ask(STOP_CODES[outcome.cause], outcome.message)
        if outcome.event is Event.ACCEPTED:
            context.order_ended(None)
        elif outcome.event is Event.REFUSED:
            context.order_ended(outcome.message)


def _name(order: Order) -> str:
    return f"{order.row.source}: `{order.key.reference_id}`"
