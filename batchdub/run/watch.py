"""When a submitted job is asked about next, and what an answer means for it.

Pure; `poll` acts on it. A job ends only by the API's own plain word under its own reference_id.
Whatever else comes is waited for, or put in doubt and left to the list and to people: neither an
answer nor a missing one ever leads to a second order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from batchdub.models import JobKey, RemoteRequest
from batchdub.states import Event

_FIRST_WAIT_S = 2.0
_WAITS_GROW = 1.5
_LONGEST_WAIT_S = 60.0
_FEW = 3  # so few are asked about one by one, without a look at how long the list is
_ODD_ANSWERS = 20  # with waits that grow to a minute: about a quarter of an hour
WITHOUT_LINK = "the API says `completed` and gives no link to the output"
WITHOUT_REFERENCE = "the API's answers do not say which reference_id they are about"
CONTRADICTS = "the API shows its request now under its reference_id, now under another"


@dataclass(frozen=True, slots=True)
class Watched:
    """A submitted job that is asked about until it ends.

    Times are monotonic: `since_s` is when it was submitted, `until_s` when it is given up for
    this run. `status` and `error` are what the ledger holds. `missing_since_s` is the first of
    the 404s in a row that its id got, `odd_answers` counts the answers in a row that should end
    it and cannot. `disputed` tells that this run has put it in doubt once already; `awaited` that
    the run does not end before it.
    """

    job_id: int
    key: JobKey
    request_id: str
    since_s: float
    until_s: float
    status: str | None = None
    error: str | None = None
    missing_since_s: float | None = None
    odd_answers: int = 0
    disputed: bool = False
    awaited: bool = True

    @property
    def name(self) -> str:
        """Give what people are told that it is."""
        return f"`{self.key.sent_as}`"


@dataclass(frozen=True, slots=True)
class Ended:
    """The dub is done, or has failed: `event` says which."""

    event: Event
    seen: RemoteRequest


@dataclass(frozen=True, slots=True)
class Going:
    """The job goes on; `noted` is it with what was seen of it now."""

    noted: Watched
    seen: RemoteRequest | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """Its id was unknown for the settle window: if the list does not show it either, a dispute."""

    reason: str


@dataclass(frozen=True, slots=True)
class Disputed:
    """The request turned out not to be this job's."""

    reason: str


@dataclass(frozen=True, slots=True)
class Odd:
    """The answers make no sense for too long: for this run nothing more is asked, for `reason`."""

    reason: str


Verdict = Ended | Going | Gone | Disputed | Odd


def judge_answer(
    watched: Watched, seen: RemoteRequest | None, *, now_s: float, settle_s: float
) -> Verdict:
    """Say what an answer about a job's own request_id means; `seen` is None for a 404.

    An unknown status is kept as text and goes on, and so does one that went backwards.
    """
    if seen is None:
        return _judge_missing(watched, now_s, settle_s)
    if seen.reference_id is None:
        return _odd(watched, seen, WITHOUT_REFERENCE)
    if seen.reference_id != watched.key.sent_as:
        return _judge_foreign(watched, seen)
    return _judge_own(watched, seen)


def _judge_own(watched: Watched, seen: RemoteRequest) -> Verdict:
    if seen.status == "failed":
        return Ended(Event.FAILED, seen)
    if seen.status != "completed":
        return Going(_noted(watched, seen), seen)
    return Ended(Event.COMPLETED, seen) if seen.output_url else _odd(watched, seen, WITHOUT_LINK)


def _judge_foreign(watched: Watched, seen: RemoteRequest) -> Verdict:
    """Dispute once: what the list gave back after that and is foreign again, makes no sense."""
    if watched.disputed:
        return Odd(CONTRADICTS)
    return Disputed(
        f"request {seen.request_id} stands under another reference_id,"
        f" `{seen.reference_id}`, at the API"
    )


def _judge_missing(watched: Watched, now_s: float, settle_s: float) -> Verdict:
    """A replica may lag behind, so the first 404 of a row proves nothing."""
    if watched.missing_since_s is None:
        return Going(replace(watched, missing_since_s=now_s))
    if now_s - watched.missing_since_s < settle_s or watched.disputed:
        return Going(watched)
    return Gone(f"request {watched.request_id} is not known to the API any more")


def _odd(watched: Watched, seen: RemoteRequest, reason: str) -> Verdict:
    odd_answers = watched.odd_answers + 1
    if odd_answers > _ODD_ANSWERS:
        return Odd(reason)
    return Going(replace(_noted(watched, seen), odd_answers=odd_answers), seen)


def _noted(watched: Watched, seen: RemoteRequest) -> Watched:
    return replace(
        watched,
        status=seen.status,
        error=seen.error_message,
        missing_since_s=None,
        odd_answers=0,
    )


def wait_s(age_s: float) -> float:
    """Give the seconds until a job of this age is asked about again: 2, times 1.5, up to 60.

    Such waits add up so that the next is 2 s and half the age, whoever asked before.
    """
    growth = _WAITS_GROW - 1
    return min(_FIRST_WAIT_S + growth * max(0.0, age_s), _LONGEST_WAIT_S)


def first_due_s(watched: Watched, now_s: float) -> float:
    """Say when a job that is taken up now is asked about first: an old one at once."""
    return max(now_s, watched.since_s + _FIRST_WAIT_S)


def pages_are_cheaper(unseen: int, rows_left: int | None, rows_a_page: int) -> bool:
    """Whether reading on in the list costs fewer calls than asking about each job alone.

    `rows_left` are the list's rows that were not read yet, None while that is not known.
    """
    if rows_left is None:
        return unseen > _FEW
    return rows_left > 0 and -(-rows_left // max(1, rows_a_page)) < unseen
