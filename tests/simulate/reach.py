"""What must have happened in enough seeds, and what cannot happen yet, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchdub.states import TRANSITIONS, Event, JobState
from tests.simulate.faults import Fault

UNREACHED: Mapping[tuple[JobState, Event], str] = {}


def never_hit(hits: Mapping[Fault, int], moves: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Name every fault that was never hit, and every reachable move that was never made."""
    for fault in Fault:
        if not hits.get(fault):
            yield f"the fault {fault}"
    for state, event in TRANSITIONS:
        if (state, event) not in UNREACHED and not moves.get((str(state), str(event))):
            yield f"the move {state} --{event}-->"
