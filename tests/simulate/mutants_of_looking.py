"""Variants that look badly: too little, too early, or by the wrong clock."""

from __future__ import annotations

from dataclasses import replace

from batchdub.ledger import Ledger
from batchdub.run import afterlook, lookup, reconcile, runner, settling, startlook, submit
from batchdub.run.lookup import Look
from batchdub.states import Event
from batchdub.wire import listing
from tests.simulate.breaking import mutant, no_look_before_a_try, put, put_everywhere

# -- looking -------------------------------------------------------------------------------------


@mutant
def first_page_only(stack):
    async def read(lister, reference_id, before_each, limit, max_pages):
        await before_each()
        page = await lister.list_requests(reference_id=reference_id, limit=limit, offset=0)
        return [replace(page, total=len(page.requests))]

    put(stack, listing, "_read_pages", read)


@mutant
def failed_look_taken_for_absent(stack):
    async def look_up(asking, sent_as):
        look = await real(asking, sent_as)
        now_s = asking.clock.monotonic_s()
        return look or Look((), now_s, now_s, None, None)

    real = lookup.look_up
    put_everywhere(stack, "look_up", look_up, lookup, settling, submit, startlook)


@mutant
def list_filter_trusted(stack):
    def join(pages, reference_id):
        return real(pages, None)

    real = put(stack, listing, "_join", join)


@mutant
def created_at_not_looked_at(stack):
    def candidates(requests, first_server_at, taken):
        return real(requests, None, taken)

    real = reconcile.candidates
    put_everywhere(
        stack, "candidates", candidates, reconcile, settling, submit, afterlook, startlook
    )


@mutant
def no_look_before_a_further_try(stack):
    no_look_before_a_try(stack)


@mutant
def start_look_skipped(stack):
    async def look(*_, **__):
        return None

    put(stack, runner, "look_before_spending", look)


@mutant
def new_ledger_looks_at_a_sample_only(stack):
    async def look(context, orders, reckoning, **_):
        return await real(context, orders, replace(reckoning, grown=False), new_ledger=False)

    real = put(stack, runner, "look_before_spending", look)


@mutant
def account_not_reckoned(stack):
    def reckon(ledger, total):
        return replace(real(ledger, total), strangers=0, grown=False)

    real = put(stack, runner, "reckon", reckon)


# -- settling ------------------------------------------------------------------------------------


@mutant
def no_settle_window(stack):
    put(stack, reconcile, "window_has_passed", lambda *_: True)


@mutant
def one_look_only(stack):
    def judge(doubt, look, *arguments, **named):
        verdict = real(doubt, look, *arguments, **named)
        return reconcile.Absent() if isinstance(verdict, reconcile.NotYet) else verdict

    real = put(stack, settling, "judge", judge)


@mutant
def window_by_the_wall_clock(stack):
    async def look_up(asking, sent_as):
        began_s = asking.clock.now().timestamp()
        look = await real(asking, sent_as)
        ended_s = asking.clock.now().timestamp()
        return look and replace(look, began_s=began_s, ended_s=ended_s)

    def passed(look, first, settle_s):
        return look.began_s - first.ended_s >= settle_s

    real = lookup.look_up
    put_everywhere(stack, "look_up", look_up, lookup, settling)
    put(stack, reconcile, "window_has_passed", passed)


@mutant
def window_by_the_date_header(stack):
    def passed(look, first, settle_s):
        if first.server_at is None or look.server_began_at is None:
            return real(look, first, settle_s)
        return (look.server_began_at - first.server_at).total_seconds() >= settle_s

    real = put(stack, reconcile, "window_has_passed", passed)


@mutant
def duplicates_not_recorded(stack):
    put(stack, Ledger, "record_other", lambda self, *_: None)


@mutant
def later_look_skipped(stack):
    async def look_again(context, **_):
        return True

    async def reckon_up(context, before):
        if context.tally.events[Event.ACCEPTED] or context.tally.adopted:
            await real(context, before)

    put(stack, runner, "look_again", look_again)
    # In a short account the reckoning of a run that orders nothing sees the same.
    real = put(stack, runner, "reckon_up", reckon_up)
