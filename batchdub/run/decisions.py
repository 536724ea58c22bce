"""A person's decisions about rows that the API's list alone cannot settle.

They change the ledger and order nothing. Only an adoption asks the API: whether the request is
there, and is this row's, and what else stands under its reference_id, which is recorded as
duplicates. Several decisions of one call are carried out together or not at all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from batchdub.clock import Clock
from batchdub.errors import (
    ApiUnavailableError,
    BatchdubError,
    KeyRefusedError,
    UnusableInputError,
)
from batchdub.exits import Exit
from batchdub.ledger import Actor, Ledger, open_for_reading
from batchdub.models import Job, RemoteRequest
from batchdub.run.asking import Asking, Say
from batchdub.run.connecting import Target, asking
from batchdub.run.finding import find_job
from batchdub.run.lookup import ask, look_up
from batchdub.run.reconcile import candidates, nearly_own
from batchdub.run.session import open_session
from batchdub.states import ORDERED, TRANSITIONS, Event
from batchdub.units import UNLIMITED

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Kind(StrEnum):
    """What a person may decide, by the name of its option."""

    ADOPT = "adopt"
    """This request is the row's order."""
    ORDER_AGAIN = "order-again"
    """The row has no order: it may be sent again."""
    CANCEL = "cancel"
    """The row is taken out."""
    ACKNOWLEDGE = "acknowledge"
    """This duplicate has been seen to."""


_EVENTS = {
    Kind.ADOPT: Event.FOUND,
    Kind.ORDER_AGAIN: Event.ABSENT,
    Kind.CANCEL: Event.CANCEL,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision; an acknowledgement has no `reference_id`, a cancellation no `request_id`."""

    kind: Kind
    reference_id: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (f"--{self.kind}", self.reference_id, self.request_id)))


@dataclass(frozen=True, slots=True)
class Deciding:
    """Who decides about which ledger, and why; `target` is the API if it has to be asked."""

    ledger_path: Path
    actor: Actor
    clock: Clock
    version: str
    say: Say
    target: Target | None = None


def decide(deciding: Deciding, decisions: Sequence[Decision]) -> None:
    """Carry out all decisions, or none of them, as one recorded run under the lock.

    Raises UnusableInputError for what cannot be decided so, KeyRefusedError and
    ApiUnavailableError if the API cannot be asked, LedgerInUseError, LedgerUnusableError.
    """
    with open_for_reading(deciding.ledger_path) as reader:
        api = reader.meta("api") or ""
    with open_session(
        deciding.ledger_path,
        clock=deciding.clock,
        command="reconcile " + " ".join(map(str, decisions)),
        target=deciding.target.name if deciding.target else api,
        version=deciding.version,
    ) as session:
        ledger = session.ledger
        jobs = _jobs_of(ledger, decisions)
        requests = _requests_of(deciding, decisions, jobs)
        done = _carry_out(ledger, deciding.actor, decisions, jobs, requests)
        session.exit_code = Exit.DONE
    for line in done:
        deciding.say(line)


def _jobs_of(ledger: Ledger, decisions: Iterable[Decision]) -> dict[str, Job]:
    """Find the rows, and require that each may be decided so and is named once."""
    jobs: dict[str, Job] = {}
    seen: set[str] = set()
    for decision in decisions:
        if decision.kind is Kind.ACKNOWLEDGE:
            continue
        job = find_job(ledger, decision.reference_id)
        if job.key.reference_id in seen:
            raise UnusableInputError(f"`{job.key.reference_id}` is decided about twice")
        seen.add(job.key.reference_id)
        if (job.state, _EVENTS[decision.kind]) not in TRANSITIONS:
            raise UnusableInputError(
                f"`{job.key.reference_id}` is {job.state}: `--{decision.kind}` cannot be",
                possible(job),
            )
        jobs[decision.reference_id] = job
    return jobs


def possible(job: Job) -> str:
    """Say what a person may decide about a job as it stands."""
    allowed = [
        f"`--{kind}`" for kind, event in _EVENTS.items() if (job.state, event) in TRANSITIONS
    ]
    if allowed:
        return f"possible are {' and '.join(allowed)}"
    if job.state in ORDERED:
        return f"it is ordered as request {job.request_id}, so there is nothing to decide"
    return f"`batchdub show {job.key.reference_id}` tells how it came to that"


def _carry_out(
    ledger: Ledger,
    actor: Actor,
    decisions: Sequence[Decision],
    jobs: Mapping[str, Job],
    requests: Mapping[str, Adoption],
) -> list[str]:
    with ledger.transaction():
        return [
            _one(ledger, actor, decision, jobs.get(decision.reference_id), requests)
            for decision in decisions
        ]


def _one(
    ledger: Ledger,
    actor: Actor,
    decision: Decision,
    job: Job | None,
    requests: Mapping[str, Adoption],
) -> str:
    if job is None:
        return _acknowledge(ledger, actor, decision.request_id)
    name = f"`{job.key.reference_id}`"
    if decision.kind is Kind.CANCEL:
        ledger.cancel(job.job_id, job.state, actor)
        return f"{name}: cancelled; it will not be ordered"
    if decision.kind is Kind.ORDER_AGAIN:
        ledger.settle_absent(job.job_id, actor)
        return f"{name}: pending; the next run looks it up, and orders it if it is not there"
    return f"{name}: {_adopt(ledger, actor, job, requests[decision.request_id])}"


def _adopt(ledger: Ledger, actor: Actor, job: Job, adoption: Adoption) -> str:
    found = adoption.request
    claimed = ledger.owner_of(found.request_id)
    _require_free(ledger, job, found.request_id, claimed)
    ledger.adopt(job.job_id, job.state, found, actor)
    done = f"ordered as request {found.request_id}"
    if further := _record_further(ledger, job, adoption.beside):
        done += f"; {further} is a further order of it, recorded as a duplicate"
    if claimed is None:
        return done
    # The API had answered that row's order with this request, which is not its own.
    return f"{done}; `{claimed.key.reference_id}`, which had it, is in doubt now"


def _record_further(ledger: Ledger, job: Job, beside: Sequence[RemoteRequest]) -> str:
    """Record what else can be an order of this row as duplicates, and name it."""
    first_at = ledger.first_server_at(job.job_id)
    known = ledger.explains([request.request_id for request in beside])
    # As in any later look: servers' clocks disagree about what is older than the first try.
    further = [*nearly_own(beside, first_at, known), *candidates(beside, first_at, known)]
    for request in further:
        ledger.record_other(job.job_id, request, "duplicate")
    return ", ".join(request.request_id for request in further)


def _acknowledge(ledger: Ledger, actor: Actor, request_id: str) -> str:
    if ledger.acknowledge(request_id, actor):
        return f"request {request_id}: acknowledged"
    open_ones = [duplicate for _, duplicate in ledger.open_duplicates()][:10]
    raise UnusableInputError(
        f"request {request_id} is not recorded as a duplicate",
        f"those that wait are {', '.join(open_ones)}" if open_ones else "none waits for a look",
    )


def _require_free(ledger: Ledger, job: Job, request_id: str, claimed: Job | None) -> None:
    """Require that no other row has this request for good.

    One recorded beside this row may be taken, and one that a submitted row holds: the API itself
    has just shown it under this row's reference_id, so it is the other row's claim that is wrong.
    """
    beside = {other["request_id"] for other in ledger.history(job.key.reference_id)["others"]}
    if ledger.taken_from(job.job_id, [request_id]) - beside - ledger.not_ours():
        whose = f" (`{claimed.key.reference_id}`, {claimed.state})" if claimed else ""
        raise UnusableInputError(
            f"request {request_id} is another row's already{whose}",
            f"`batchdub show {claimed.key.reference_id}` tells how it came to that"
            if claimed
            else "it is recorded as a duplicate of that row",
        )


# -- asking the API ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adoption:
    """A request that is to be adopted, and what the list has besides it for the same row."""

    request: RemoteRequest
    beside: tuple[RemoteRequest, ...]


def _requests_of(
    deciding: Deciding, decisions: Iterable[Decision], jobs: Mapping[str, Job]
) -> dict[str, Adoption]:
    """Read the requests that are to be adopted, and require that each is its row's."""
    wanted = {
        decision.request_id: jobs[decision.reference_id]
        for decision in decisions
        if decision.kind is Kind.ADOPT
    }
    for request_id in wanted:
        if not _UUID.fullmatch(request_id):
            raise UnusableInputError(f"`{request_id}` is not a request_id", "it is a UUID")
    if not wanted or deciding.target is None:
        return {}
    return asyncio.run(_read(deciding, deciding.target, wanted))


async def _read(
    deciding: Deciding, target: Target, wanted: Mapping[str, Job]
) -> dict[str, Adoption]:
    async with asking(target, UNLIMITED, deciding.clock, deciding.version, deciding.say) as means:
        return {
            request_id: Adoption(
                _require_own(await _read_one(means, request_id), request_id, job),
                await _read_beside(means, request_id, job),
            )
            for request_id, job in wanted.items()
        }


async def _read_beside(means: Asking, request_id: str, job: Job) -> tuple[RemoteRequest, ...]:
    look = await look_up(means, job.key.sent_as)
    if look is None:
        raise _not_answered(means)
    return tuple(request for request in look.requests if request.request_id != request_id)


async def _read_one(means: Asking, request_id: str) -> RemoteRequest | None:
    async def read() -> tuple[RemoteRequest | None]:
        return (await means.api.get_request(request_id),)

    answer = await ask(means, read)
    if answer is None:
        raise _not_answered(means)
    return answer[0]


def _not_answered(means: Asking) -> BatchdubError:
    codes = {reason.code for reason in means.stop.reasons}
    kind = KeyRefusedError if Exit.KEY in codes else ApiUnavailableError
    why = means.last_failure.message if means.last_failure else "the API's list proves nothing"
    return kind(f"nothing was decided: {why}", "run the same command again once the API answers")


def _require_own(found: RemoteRequest | None, request_id: str, job: Job) -> RemoteRequest:
    if found is None:
        raise UnusableInputError(
            f"the API has no request {request_id}", "look it up in the account that ordered it"
        )
    if found.reference_id != job.key.sent_as:
        raise UnusableInputError(
            f"request {request_id} is not the order of `{job.key.sent_as}`:"
            f" its reference_id is `{found.reference_id}`",
            "adopt it for the row that it belongs to",
        )
    return found
