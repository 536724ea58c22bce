"""Whether a job is where its recorded history says: pure, one job at a time.

The ledger's guards keep this true; what is found here was written around them, or by a bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchdub.states import (
    IN_PLACE_UNLESS_ORDERED,
    NEXT_REVISION,
    ORDERED,
    TRANSITIONS,
    Event,
    JobState,
)

_ENDS = frozenset(event for state, event in TRANSITIONS if state is JobState.SENDING)


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded transition, as text: a damaged ledger may hold any."""

    event: str
    from_state: str
    to_state: str


@dataclass(frozen=True, slots=True)
class Try:
    """One recorded attempt; `event` is None while it is open."""

    attempt_no: int
    event: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A job as it stands beside its history, both in the order they were written."""

    revision: int
    state: str
    request_id: str | None
    attempts: int
    steps: Sequence[Step]
    tries: Sequence[Try]
    state_before: str | None
    """Where the previous revision stands, or None if there is none."""
    ordered_before: bool = False
    """Whether a further order of the previous revision is known."""


def contradictions(job: Recorded) -> Iterator[str]:
    """Say, in plain words, each way in which a job and its history disagree."""
    yield from _chain(job)
    yield from _tries(job)
    yield from _order(job)


def _chain(job: Recorded) -> Iterator[str]:
    steps = list(job.steps)
    if job.revision > 1:
        if not steps or not _begins_revision(steps[0], job):
            yield "no recorded decision begins this revision"
            return
        del steps[0]
    at = before = str(JobState.PENDING)
    for step in steps:
        if step.from_state != at:
            yield f"its history breaks: `{step.event}` starts from {step.from_state}, not {at}"
            return
        if _leads_to(step) != step.to_state:
            yield f"its history has an illegal move: {at}, `{step.event}`, {step.to_state}"
            return
        if at == JobState.CANCELLED and before != JobState.PENDING:
            yield f"it was in doubt when it was taken out, and yet `{step.event}` put it back"
            return
        before, at = at, step.to_state
    if at != job.state:
        yield f"it is {job.state}, but its history ends in {at}"


def _begins_revision(step: Step, job: Recorded) -> bool:
    moves = NEXT_REVISION | (IN_PLACE_UNLESS_ORDERED if job.ordered_before else frozenset())
    begins = any((step.from_state, step.event) == (state, event) for state, event in moves)
    return begins and step.to_state == JobState.PENDING and step.from_state == job.state_before


def _leads_to(step: Step) -> str | None:
    for (state, event), to_state in TRANSITIONS.items():
        same = (state, event) not in NEXT_REVISION
        if same and (step.from_state, step.event) == (state, event):
            return to_state
    return None


def _tries(job: Recorded) -> Iterator[str]:
    if [attempt.attempt_no for attempt in job.tries] != list(range(1, len(job.tries) + 1)):
        yield "its attempts are not numbered 1, 2, 3 and so on"
    if job.attempts != len(job.tries):
        yield f"it counts {job.attempts} attempts, but {len(job.tries)} are recorded"
    ends = [step.event for step in job.steps if step.event in _ENDS]
    sends = sum(step.event == Event.SEND for step in job.steps)
    is_open = job.state == JobState.SENDING
    expected = [*ends, None] if is_open else ends
    if sends != len(job.tries) or [attempt.event for attempt in job.tries] != expected:
        yield "its attempts and its history tell different things"


def _order(job: Recorded) -> Iterator[str]:
    if (job.request_id is not None) is not (job.state in ORDERED):
        having = "without a" if job.request_id is None else "with a"
        yield f"it is {job.state} {having} request_id"
        return
    taken = [step.event for step in job.steps if step.to_state == JobState.SUBMITTED]
    accepted = [attempt.request_id for attempt in job.tries if attempt.event == Event.ACCEPTED]
    by_answer = job.state in ORDERED and taken[-1:] == [Event.ACCEPTED]
    if by_answer and accepted[-1:] != [job.request_id]:
        yield "its request_id is not the one that its attempt was given"
