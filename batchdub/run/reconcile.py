"""What a look at the API's list means for a job in doubt. Pure; `settling` acts on it.

A job leaves doubt only on proof. That it exists: the list shows a request under its exact
reference_id, not older than its first intent, that no other job owns. That it does not: two
complete looks show none, at least the settle window apart on the server's clock and on ours.
Everything else is waited for, or left to a person. When in doubt about a doubt, it stays one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from batchdub.ledger import Doubt
from batchdub.models import RemoteRequest
from batchdub.run.lookup import Look

AFTER_WINDOW_S = 1.05  # past the second to which a Date header is cut
PATIENCE_S = 60.0  # beyond two windows, for a list that does not answer or a clock that stands
_CREATED_SLACK = timedelta(seconds=2)  # times may be cut to the second, ours and theirs
_DATE_SLACK_S = 1.0  # a Date header is cut to the second
_NEARLY = timedelta(hours=3)  # servers' clocks were seen two hours wrong
_TOO_OLD = timedelta(hours=24)  # the list's memory is documented nowhere
TOO_OLD_REASON = "in doubt for more than 24 hours"
POLICY_REASON = "the API's list does not show it; held by --on-unknown hold"
NEARLY_REASON = "the list has an order under its reference_id from shortly before the first try"


@dataclass(frozen=True, slots=True)
class Adopt:
    """The order exists: the first of `found` is it, the others are further ones of the row."""

    found: tuple[RemoteRequest, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """The order does not exist: the job may be sent again."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing there so far, and the settle window has not passed."""


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing there after the settle window, but only a person may decide, for `reason`."""

    reason: str


Verdict = Adopt | Absent | NotYet | Held


@dataclass(frozen=True, slots=True)
class FirstLook:
    """This run's first complete look at a doubt, from which the settle window counts.

    `ended_s` is monotonic. A look of an earlier run proves nothing: between two processes there
    is only the wall clock, which may have been set, and Dates, on which servers disagree.
    """

    server_at: datetime | None
    ended_s: float


def candidates(
    requests: Collection[RemoteRequest], first_server_at: datetime | None, taken: Collection[str]
) -> list[RemoteRequest]:
    """Give the requests that can be a job's own, the earliest first.

    `first_server_at` is the earliest server time of its first intent: what was created before is
    an older order. `taken` are ids that other jobs own or that were recorded as not ours.
    """
    earliest = None if first_server_at is None else first_server_at - _CREATED_SLACK
    own = [
        request
        for request in requests
        if request.request_id not in taken and (earliest is None or request.created_at >= earliest)
    ]
    return sorted(own, key=lambda request: (request.created_at, request.request_id))


def nearly_own(
    requests: Collection[RemoteRequest], first_server_at: datetime | None, taken: Collection[str]
) -> list[RemoteRequest]:
    """Give the requests that are older than a job's first intent, but not by much.

    If one node's clock is wrong they are the job's own; if not they are somebody else's. To send
    the job again could pay twice, so a person decides.
    """
    if first_server_at is None:
        return []
    own = candidates(requests, first_server_at, taken)
    wider = candidates(requests, first_server_at - _NEARLY, taken)
    return [request for request in wider if request not in own]


def judge(
    doubt: Doubt,
    look: Look,
    first: FirstLook | None,
    *,
    taken: Collection[str],
    settle_s: float,
    now: datetime,
    hold_unknown: bool = False,
) -> Verdict:
    """Say what a complete look means for a job in doubt.

    `first` is the earlier empty look, if there was one; `now` is our wall clock.
    """
    own = candidates(look.requests, doubt.first_server_at, taken)
    if own:
        return Adopt(tuple(own))
    if first is None or not window_has_passed(look, first, settle_s):
        return NotYet()
    near = nearly_own(look.requests, doubt.first_server_at, taken)
    reason = _hold_reason(doubt, now, near=bool(near), hold_unknown=hold_unknown)
    return Held(reason) if reason else Absent()


def window_has_passed(look: Look, first: FirstLook, settle_s: float) -> bool:
    """Tell whether two looks are far enough apart, on our clock and, if told, the server's."""
    here_s = look.began_s - first.ended_s
    if first.server_at is None or look.server_began_at is None:
        return here_s >= settle_s
    there_s = (look.server_began_at - first.server_at).total_seconds()
    return here_s >= settle_s and there_s >= settle_s + _DATE_SLACK_S


def _hold_reason(doubt: Doubt, now: datetime, *, near: bool, hold_unknown: bool) -> str:
    if doubt.held:
        return doubt.held
    if near:
        return NEARLY_REASON
    if now - doubt.doubted_at > _TOO_OLD:
        return TOO_OLD_REASON
    return POLICY_REASON if hold_unknown else ""
