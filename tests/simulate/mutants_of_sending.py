"""Variants that send badly, or believe an answer that proves nothing."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace

import httpx

from batchdub import media_url
from batchdub.errors import LedgerWriteError
from batchdub.ledger import Ledger, opening
from batchdub.models import Cause, Outcome
from batchdub.run import runner, session, submit, tonight
from batchdub.run.desk import Desk
from batchdub.run.purse import Purse
from batchdub.run.submit import Submitter
from batchdub.states import Event, JobState
from batchdub.units import UNLIMITED
from batchdub.wire import client, outcomes
from batchdub.wire.pacing import Pacer
from tests.simulate.breaking import mutant, no_look_before_a_try, put, put_everywhere

# -- the intent, and what a crash leaves ----------------------------------------------------------


@mutant
def no_intent_before_the_post(stack):
    async def send(self, order):
        context, row = self._context, order.row
        body = submit.generate_body(
            order.key.sent_as, row.video_url, row.audio_url, row.disable_active_speaker_detection
        )
        outcome = await context.api.generate(body)
        attempt = await self._intend(order)
        return await self._record(order, attempt, outcome)

    put(stack, Submitter, "_send", send)


@mutant
def sending_recovered_to_pending(stack):
    real = Ledger._close_attempt

    def recover(self):
        rows = self._connection.execute(
            "SELECT job_id, attempt_id FROM jobs JOIN attempts USING (job_id)"
            " WHERE jobs.state = 'sending' AND attempts.event IS NULL"
        ).fetchall()
        for job_id, attempt_id in rows:
            real(self, attempt_id, Outcome(Event.NOT_SENT, Cause.CUT_SHORT))
            self._move(job_id, JobState.SENDING, Event.NOT_SENT)
        return len(rows)

    put(stack, Ledger, "recover", recover)


@mutant
def sending_never_recovered(stack):
    put(stack, Ledger, "recover", lambda self: 0)


@mutant
def unsynced_commit(stack):
    def make_durable(path, database):
        real(path, database)
        database.execute("PRAGMA synchronous = OFF")

    real = put(stack, opening, "_make_durable", make_durable)


@mutant
def failed_commit_taken_for_done(stack):
    def apply_group(self, changes):
        results = []
        with suppress(LedgerWriteError), self.transaction():
            results.extend(change() for change in changes)
        return results

    put(stack, Ledger, "apply_group", apply_group)


@mutant
def outcome_not_shielded(stack):
    async def record(self, order, attempt, outcome):
        return await self._context.journal.enqueue(
            lambda: self._context.ledger.end_attempt(attempt, outcome)
        )

    put(stack, Submitter, "_record", record)


# -- what an answer means -------------------------------------------------------------------------


@mutant
def server_error_retried_at_once(stack):
    def kind(status, text):
        if status >= 500:
            return Event.NOT_SENT, Cause.CONNECT
        return real(status, text)

    real = put(stack, outcomes, "refusal_kind", kind)


@mutant
def lost_reply_retried_at_once(stack):
    def classify(error, *secrets):
        return replace(real(error, *secrets), event=Event.NOT_SENT, cause=Cause.CONNECT)

    real = put(stack, client, "classify_error", classify)


@mutant
def order_again_after_a_2xx_without_id(stack):
    def classify(reply, now, *secrets):
        outcome = real(reply, now, *secrets)
        if outcome.cause is Cause.PAID_WITHOUT_ID:
            return replace(outcome, event=Event.TURNED_AWAY, cause=Cause.RATE_LIMIT)
        return outcome

    real = put(stack, client, "classify_reply", classify)
    no_look_before_a_try(stack)


@mutant
def redirect_followed(stack):
    async def exchange(transport, request, deadline_s):
        reply = await real(transport, request, deadline_s)
        if reply.status in (307, 308):
            elsewhere = httpx.Request(
                request.method, "https://elsewhere.example.net/api/v1/lipsync/generate",
                headers=request.headers, content=request.content, extensions=request.extensions,
            )  # fmt: skip
            return await real(transport, elsewhere, deadline_s)
        return reply

    real = put(stack, client, "exchange", exchange)


@mutant
def swapped_id_believed(stack):
    put(stack, Ledger, "_refuse_foreign_id", lambda self, job_id, outcome: outcome)


@mutant
def revision_sent_under_the_old_id(stack):
    def body(sent_as, *media):
        return real(sent_as.partition("~r")[0], *media)

    real = put(stack, submit, "generate_body", body)


# -- pace, caps, stops ---------------------------------------------------------------------------


@mutant
def pace_forgotten_at_restart(stack):
    def make_context(*arguments):
        context = real(*arguments)
        # The paced looks before the first order take longer than its pace, and would hide this.
        context.look_pace = Pacer(UNLIMITED, context.clock)
        return context

    real = put(stack, runner, "_make_context", make_context)
    put(stack, runner, "_ago_s", lambda moment, clock: None)


@mutant
def pause_of_one_worker_only(stack):
    put(stack, Pacer, "_refused", lambda self, *_: None)


@mutant
def cap_ignores_what_is_in_doubt(stack):
    def leave(self, order, outcome):
        real(self, order, outcome)
        if outcome.event is Event.LOST:
            self.purse.not_ordered(order.job_id)

    real = put(stack, Desk, "leave_wire", leave)


@mutant
def day_cap_forgets_earlier_runs(stack):
    put_everywhere(stack, "spent_today", lambda *_: None, runner, tonight)


@mutant
def money_cap_of_a_run_counts_orders_only(stack):
    real = put(stack, Purse, "refusal", lambda self, cost: real(self, 0))


@mutant
def token_limit_passed_over(stack):
    def heed(self, order, outcome):
        if outcome.cause is Cause.TOKEN_LIMIT:
            outcome = replace(outcome, cause=Cause.SERVER)
        real(self, order, outcome)

    real = put(stack, Submitter, "_heed", heed)


# -- what a ledger belongs to --------------------------------------------------------------------


@mutant
def account_not_pinned(stack):
    async def require(*_):
        return None

    put(stack, runner, "require_same_account", require)


@mutant
def two_runs_without_a_lock(stack):
    @contextmanager
    def held(*_):
        yield _NoLock()

    put(stack, session, "held_lock", held)


class _NoLock:
    def still_held(self) -> bool:
        return True

    def require_held(self) -> None:
        """Nothing is held, and nobody minds."""


@mutant
def lost_file_not_noticed(stack):
    put(stack, Ledger, "require_same_file", lambda self: None)


@mutant
def whole_query_cut_from_the_identity(stack):
    def identity(url):
        return real(url).partition("?")[0]

    real = put(stack, media_url, "identity_of", identity)
