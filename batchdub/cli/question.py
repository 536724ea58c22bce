"""What stands before the spending: where orders would go, in whose name, and the one question."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from batchdub.cli.failures import DeclinedError
from batchdub.cli.invocation import Invocation
from batchdub.run.naming import name_of_key
from batchdub.run.sandboxed import books_path
from batchdub.units import counted, format_duration, local_time

if TYPE_CHECKING:
    from batchdub.cli.run_options import Wanted
    from batchdub.cli.talk import Talk
    from batchdub.plan import Totals
    from batchdub.run.groups import Groups
    from batchdub.run.pricing import Offer
    from batchdub.run.tonight import Tonight


def announce(invocation: Invocation, tonight: Tonight, wanted: Wanted) -> None:
    """Say where orders would go, and which ledger keeps them, before anything is spent."""
    talk, target = invocation.talk, tonight.target
    if wanted.sandbox:
        talk.say(
            f"sandbox: nothing is ordered for real; books in {books_path(tonight.ledger_path)}"
        )
    else:
        talk.say(f"API: {target.base_url}")
    if target.proxy is not None:
        from batchdub.wire import proxy_for  # noqa: PLC0415  rarely needed

        talk.say(f"proxy: {proxy_for(target.base_url, invocation.environ)}")
    talk.say(f"ledger: {tonight.ledger_path.absolute()}")
    if (closes_at := tonight.options.window.closes_at) is not None:
        talk.say(f"until: {local_time(closes_at)}, then nothing more is ordered")
    if (download := tonight.options.download) is not None:
        talk.say(f"downloads: {download.folder}")
    if invocation.config.path is not None:
        talk.say(f"config: {invocation.config}")


def confirmation(
    invocation: Invocation, tonight: Tonight, wanted: Wanted, again: str
) -> Callable[[Totals, Offer, Groups], None]:
    """Make what happens once the orders are known: whose key it is, and the question.

    The question is asked on a terminal only, after the rows that are held back.
    Where nothing will be sent neither comes.
    """
    talk = invocation.talk

    def confirm(totals: Totals, offer: Offer, waiting: Groups) -> None:
        if not offer.orders:
            return
        name = "" if wanted.sandbox else _tell_key(tonight, talk)
        if not wanted.yes and can_ask(talk):
            for line in waiting.lines():
                talk.say(line)
            ask(_question(totals, offer, tonight, wanted, again=again, name=name), talk)

    return confirm


def can_ask(talk: Talk) -> bool:
    """Whether somebody is there to answer."""
    return talk.terminal and sys.stdin.isatty()


def ask(question: str, talk: Talk, declined: str = "nothing was ordered") -> None:
    """Ask, and end as Ctrl-C does unless the answer is yes, so that the run is recorded so."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        talk.say(declined)
        raise DeclinedError


def _tell_key(tonight: Tonight, talk: Talk) -> str:
    """Tell whose key it is; gives its name, or nothing where the API does not tell it."""
    found = name_of_key(tonight.target, tonight.clock, tonight.version)
    if found.failure:
        talk.say(f"key: its name is not known: {found.failure}")
    else:
        talk.say(f"key: `{found.name}`")
    return found.name


def _question(
    totals: Totals, offer: Offer, tonight: Tonight, wanted: Wanted, *, again: str, name: str
) -> str:
    from batchdub.plan import expected_duration_s  # noqa: PLC0415  asked on terminals only

    which = f"{_dubs(offer)} {again}" if again else _dubs_by_origin(totals, offer)
    where = "at the sandbox" if wanted.sandbox else f"at {tonight.target.base_url}"
    whose = f" as `{name}`" if name else ""
    lasts_s = expected_duration_s(offer.orders, tonight.options.rate)
    takes = "" if lasts_s is None else f", about {format_duration(lasts_s)}"
    costs = "" if offer.cost is None else f", for {offer.cost}"
    capped = "" if offer.reached is None else f" (as `{offer.reached.limit}` allows)"
    return f"Order {which}{capped} {where}{whose}{takes}{costs}?"


def _dubs(offer: Offer, kind: str = "") -> str:
    noun = f"{kind} dub".strip()
    if offer.orders == offer.of:
        return counted(offer.of, noun)
    return f"{offer.orders:,} of {counted(offer.of, noun)}"


def _dubs_by_origin(totals: Totals, offer: Offer) -> str:
    """Say how many, and how many of all that wait are new, left from before, or ordered again."""
    from batchdub.plan import Fate  # noqa: PLC0415  as above

    parts = {
        "new": totals.fates[Fate.NEW] - totals.again,
        "left from before": totals.fates[Fate.LEFT],
        "ordered again": totals.again,
        "reordered": totals.fates[Fate.REORDERED],
    }
    if parts["new"] == offer.of:
        return _dubs(offer, "new")
    counts = ", ".join(f"{number:,} {words}" for words, number in parts.items() if number)
    return f"{_dubs(offer)} ({counts})"
