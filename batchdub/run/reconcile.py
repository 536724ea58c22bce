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

_CREATED_SLACK = timedelta(seconds=2)  # times may be cut to the second, ours and theirs
_DATE_SLACK_S = 1.0  # a Date header is cut to the second
_RESTART_SLACK_S = 60.0  # a wall clock may have been set while nobody watched
_TOO_OLD = timedelta(hours=24)  # the list's memory is documented nowhere
TOO_OLD_REASON = "in doubt for more than 24 hours"
POLICY_REASON = "--on-unknown hold"


@dataclass(frozen=True, slots=True)
class Adopt:
    """The order exists: the first of `found` is it, the others are further ones of the row."""

    found: tuple[RemoteRequest, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """The order does not exist: the job may be sent again."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing there so far; `first` if this is the look from which the settle window counts."""

    first: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing there after the settle window, but only a person may decide, for `reason`."""

    reason: str


Verdict = Adopt | Absent | NotYet | Held


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The complete empty look from which the settle window counts.

    `ended_s` is monotonic, and None if another process made it; `wall_at` is our wall clock.
    """

    server_at: datetime | None
    wall_at: datetime
    ended_s: float | None


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

    `first` is the earlier empty look since the job's last attempt, if there was one; `now` our
    wall clock.
    """
    own = candidates(look.requests, doubt.first_server_at, taken)
    if own:
        return Adopt(tuple(own))
    if first is None:
        return NotYet(first=True)
    if not _window_has_passed(look, first, settle_s, now):
        return NotYet(first=False)
    reason = _hold_reason(doubt, now, hold_unknown=hold_unknown)
    return Held(reason) if reason else Absent()


def _window_has_passed(look: Look, first: FirstLook, settle_s: float, now: datetime) -> bool:
    """Whether two looks are far enough apart on every clock that can be asked."""
    if first.ended_s is not None:
        here = look.began_s - first.ended_s >= settle_s
        slack_s = 0.0
    else:
        slack_s = _RESTART_SLACK_S if first.server_at is None else 0.0
        here = (now - first.wall_at).total_seconds() >= settle_s + slack_s
    if first.server_at is None or look.server_began_at is None:
        return here
    there_s = (look.server_began_at - first.server_at).total_seconds()
    return here and there_s >= settle_s + _DATE_SLACK_S


def _hold_reason(doubt: Doubt, now: datetime, *, hold_unknown: bool) -> str:
    if doubt.held:
        return doubt.held
    if now - doubt.doubted_at > _TOO_OLD:
        return TOO_OLD_REASON
    return POLICY_REASON if hold_unknown else ""
