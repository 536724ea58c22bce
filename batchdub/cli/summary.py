"""The end of a run, told in a few lines: what stands, what needs a look, what to do next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from batchdub.cli.invocation import Invocation
from batchdub.exits import Exit
from batchdub.plan import Fate
from batchdub.settings import DEFAULT_LEDGER
from batchdub.states import JobState
from batchdub.units import counted, format_duration

if TYPE_CHECKING:
    from batchdub.run.result import RunResult

_SAME_COMMAND = frozenset(
    {
        Exit.TOKEN_LIMIT,
        Exit.CAP,
        Exit.API_UNAVAILABLE,
        Exit.INTERRUPTED,
        Exit.TERMINATED,
        Exit.KEY,
    }
)


def summarise(result: RunResult, invocation: Invocation, ledger: Path) -> None:
    """Tell a run's end. What is wrong is told even to those who asked for quiet."""
    talk = invocation.talk
    for line in _counts(result):
        talk.say(line)
    for reason in result.reasons:
        talk.problem(reason.message)
    for line in _attention(result):
        talk.problem(line)
    for command in next_commands(result, ledger, sys.argv[1:]):
        talk.say(f"next: {command}")


def _counts(result: RunResult) -> Iterator[str]:
    found = f", {result.adopted:,} found at the API" if result.adopted else ""
    limited = f", {counted(result.rate_limited, '429')}" if result.rate_limited else ""
    yield (
        f"run {result.run_id}: {result.ordered:,} ordered{found}{limited}"
        f" in {format_duration(result.elapsed_s)}"
    )
    states = result.standing.states
    parts = [
        f"{states[state]:,} {str(state).replace('_', ' ')}" for state in JobState if states[state]
    ]
    fates = result.totals.fates
    parts += [f"{fates[Fate.CONFLICT]:,} in conflict"] if fates[Fate.CONFLICT] else []
    parts += [f"{result.invalid:,} invalid"] if result.invalid else []
    rows = states.total() + fates[Fate.CONFLICT] + result.invalid
    yield f"{counted(rows, 'row')}: " + (", ".join(parts) or "none")


def _attention(result: RunResult) -> Iterator[str]:
    standing = result.standing
    for item in standing.left_out:
        where = f"{item.source}: " if item.source else ""
        yield f"{where}`{item.reference_id}`: {item.why}"
    more = standing.left_out_total - len(standing.left_out)
    if more > 0:
        yield f"… and {counted(more, 'more row')} that need a look"
    for reference_id, request_id in standing.duplicates:
        yield f"`{reference_id}` was ordered more than once: also request {request_id}"


def next_commands(result: RunResult, ledger: Path, arguments: list[str]) -> list[str]:
    """Choose what to type next, ready to be pasted; `arguments` are those of this command."""
    suffix = [] if str(ledger) == DEFAULT_LEDGER else ["--ledger", str(ledger)]
    states, standing = result.standing.states, result.standing
    commands = []
    if states[JobState.PENDING] and {reason.code for reason in result.reasons} & _SAME_COMMAND:
        commands.append(["batchdub", *arguments])
    if states[JobState.IN_DOUBT]:
        commands.append(["batchdub", "reconcile", *_sandbox_flag(arguments), *suffix])
    commands += [
        ["batchdub", "reconcile", "--acknowledge", request_id, *suffix]
        for _, request_id in standing.duplicates[:1]
    ]
    if states[JobState.REJECTED] or states[JobState.FAILED]:
        commands.append(["batchdub", "show", _first_bad(result), *suffix])
    if not commands:
        commands.append(
            ["batchdub", "report", "--format", "csv", "--output", "report.csv", *suffix]
        )
    return [shlex.join(command) for command in commands]


def _sandbox_flag(arguments: list[str]) -> list[str]:
    return ["--sandbox"] if "--sandbox" in arguments else []


def _first_bad(result: RunResult) -> str:
    for item in result.standing.left_out:
        if item.why.startswith((JobState.REJECTED, JobState.FAILED)):
            return item.reference_id
    return "REFERENCE_ID"
