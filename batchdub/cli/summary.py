"""The end of a run, told in a few lines: what stands, what needs a look, what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from batchdub.cli.changed import changed_lines, changed_part, tell_changed
from batchdub.cli.download_options import download_again
from batchdub.cli.invocation import Invocation
from batchdub.cli.money_options import money_again
from batchdub.cli.next_steps import (
    Found,
    Leads,
    as_arguments,
    leads_of,
    led,
    next_commands,
    rebuild_in,
    resume_with,
)
from batchdub.cli.options import settings_of
from batchdub.cli.standing import duplicate_lines, more_line, read_overview, tell_next
from batchdub.exits import Exit
from batchdub.plan import Fate
from batchdub.run.download import Downloaded, failed_lines
from batchdub.run.groups import row_line
from batchdub.run.space import size
from batchdub.states import JobState
from batchdub.units import counted, format_duration

if TYPE_CHECKING:
    from batchdub.cli.talk import Talk
    from batchdub.notify import Message
    from batchdub.run.groups import LeftOut
    from batchdub.run.result import RunResult

_WHEN: Mapping[Exit, str] = {
    Exit.KEY: "once a key works, {command} orders the rest",
    Exit.TOKEN_LIMIT: "once the account has tokens again, {command} orders the rest",
    Exit.API_UNAVAILABLE: "once the API answers, {command} orders the rest",
    Exit.CAP: "{command} orders the next ones",
    Exit.INTERRUPTED: "{command} goes on",
    Exit.TERMINATED: "{command} goes on",
    Exit.ROWS_FAILED: "once the cause is mended, {command} orders the rest",
}
"""Ends after which a command goes on with what is left, and when that makes sense."""
_COMMAND = "{command}"
_CAUSES = 10

_BAD = frozenset({JobState.REJECTED, JobState.FAILED})


def summarise(result: RunResult, context: click.Context, api: str) -> None:
    """Tell the end of a run that orders. What is wrong is told even to those who want quiet.

    `api` is what its ledger is bound to.
    """
    same_command = ("batchdub", *context.ensure_object(Invocation).arguments)
    _summarise(result, context, _leads(context, api), same_command)


def summarise_again(result: RunResult, context: click.Context, api: str) -> None:
    """Tell the end of a run that ordered rows again: what is left of them is pending now.

    The same command would look for further rows to order again, so `resume` goes on.
    """
    leads = _leads(context, api)
    _summarise(result, context, leads, resume_with(leads), "`batchdub resume`")


def _leads(context: click.Context, api: str) -> Leads:
    leads = leads_of(settings_of(context), api)
    return replace(leads, download=download_again(context), money=money_again(context))


def _summarise(
    result: RunResult,
    context: click.Context,
    leads: Leads,
    goes_on: tuple[str, ...],
    named: str = "the same command",
) -> None:
    invocation = context.ensure_object(Invocation)
    talk = invocation.talk
    talk.say(result.title)
    for line in _counts(result):
        talk.say(line)
    _tell_problems(result, talk, leads)
    tell_changed(result, talk)
    hint = hint_after(result)
    if hint:
        talk.hint(hint.format(command=named))
    manifests = context.params.get("manifests", ())
    goes_on = goes_on if _COMMAND in hint else ()
    mend_first = result.exit_code is Exit.ROWS_FAILED  # what is left would fail alike
    found = found_after(result, () if mend_first else goes_on, manifests, leads)
    commands = next_commands(found, leads, well=result.exit_code is Exit.DONE)
    if mend_first and goes_on:
        commands.append(shlex.join(goes_on))
    for command in commands:
        talk.say(f"next: {command}")
    invocation.message = message_of(result, commands, leads)


def message_of(result: RunResult, commands: Sequence[str], leads: Leads) -> Message:
    """Give what others are told of a run's end."""
    from batchdub.notify import Message  # noqa: PLC0415  only where a run has ended
    from batchdub.notify.message import title_of  # noqa: PLC0415  as above

    lines = (*_counts(result), *_problems(result, leads), *changed_lines(result))
    title = title_of(result.title, result.exit_code)
    return Message(title, result.exit_code, lines, tuple(commands), result.run_id)


def summarise_settling(result: RunResult, context: click.Context, api: str) -> None:
    """Tell the end of a run that settled what was in doubt, and ordered nothing."""
    talk, settings = context.ensure_object(Invocation).talk, settings_of(context)
    if rows := result.standing.states.total():
        took = format_duration(result.elapsed_s)
        talk.say(f"{counted(rows, 'row')} in doubt, after {took}: {_settled(result)}")
    else:
        talk.say("nothing was in doubt")
    _tell_problems(result, talk, leads_of(settings, api))
    tell_next(read_overview(settings.ledger), settings, talk)


def summarise_waiting(result: RunResult, context: click.Context, api: str) -> None:
    """Tell the end of a run that asked about submitted rows, and ordered nothing."""
    invocation, settings = context.ensure_object(Invocation), settings_of(context)
    talk, said = invocation.talk, "nothing is at the API"
    states = result.standing.states
    if rows := states.total():
        took = format_duration(result.elapsed_s)
        talk.say(f"{counted(rows, 'row')} at the API, after {took}: {_states(result)}")
        said = f"{states[JobState.COMPLETED]:,} of {counted(rows, 'dub')} done"
        said += f", {states[JobState.FAILED]:,} failed" if states[JobState.FAILED] else ""
        said += f", {states[JobState.IN_DOUBT]:,} in doubt" if states[JobState.IN_DOUBT] else ""
        waiting = states[JobState.SUBMITTED]
        said += f", {waiting:,} not ended" if waiting else ""
        said += f" ({result.stalled:,} stalled)" if result.stalled else ""
    else:
        talk.say(said)
    lines = list(_downloaded(result))
    for line in lines:
        talk.say(line)
    leads = leads_of(settings, api)
    _tell_problems(result, talk, leads)
    commands = tell_next(
        read_overview(settings.ledger),
        settings,
        talk,
        download_again(context),
        downloads_left=_is_left(result),
    )
    invocation.message = message_of_look(
        said, result.exit_code, (*lines, *_problems(result, leads)), commands, run_id=result.run_id
    )


def _downloaded(result: RunResult) -> Iterator[str]:
    """Say how many dubs were fetched, and how many were there or are left."""
    done = result.downloads
    if done is None:
        return
    took = f" ({size(done.received)})" if done.received else ""
    parts = [f"{counted(done.fetched, 'dub')} downloaded{took}"]
    parts += [f"{done.gone:,} had gone"] if done.gone else []
    parts += [_there_already(done)] if done.present else []
    parts += [f"{done.failed_total:,} failed"] if done.failed_total else []
    parts += [f"{done.left:,} left"] if done.left else []
    yield f"{', '.join(parts)}: {done.folder}"


def _there_already(done: Downloaded) -> str:
    said = f"{done.present:,} there already"
    if not done.elsewhere:
        return said
    which = "" if done.elsewhere == done.present else f"{done.elsewhere:,} of them "
    return f"{said}, {which}under the names of an earlier download"


def _is_left(result: RunResult) -> bool:
    """Whether the same downloads make sense once more."""
    return (
        result.downloads is not None and result.downloads.left + result.downloads.failed_total > 0
    )


def message_of_look(
    said: str, code: Exit, lines: Sequence[str], commands: Sequence[str], *, run_id: str = ""
) -> Message:
    """Give what others are told where nothing was to be ordered: what was seen, and what next."""
    from batchdub.notify import Message  # noqa: PLC0415  only where a run has ended
    from batchdub.notify.message import title_of  # noqa: PLC0415  as above

    return Message(title_of(said, code), code, tuple(lines), tuple(commands), run_id)


def _settled(result: RunResult) -> str:
    words = {
        JobState.SUBMITTED: "found at the API",
        JobState.PENDING: "not there, so pending again",
        JobState.IN_DOUBT: "still in doubt",
    }
    states = result.standing.states
    return ", ".join(
        f"{number:,} {words.get(state, str(state))}" for state, number in states.items()
    )


def _tell_problems(result: RunResult, talk: Talk, leads: Leads) -> None:
    for line in _problems(result, leads):
        talk.problem(line)


def _problems(result: RunResult, leads: Leads) -> Sequence[str]:
    return (
        *(reason.message for reason in result.reasons),
        *(led(line, leads) for line in _attention(result, leads)),
    )


def _counts(result: RunResult) -> Iterator[str]:
    found = f", {result.adopted:,} found at the API" if result.adopted else ""
    limited = f", {counted(result.rate_limited, '429')}" if result.rate_limited else ""
    states = result.standing.states
    yield (
        f"run {result.run_id}: {result.ordered:,} ordered{found}{limited}"
        f" in {format_duration(result.elapsed_s)}{_spent(result)}"
    )
    parts = [_states(result)] if states else []
    fates = result.totals.fates
    parts += changed_part(result.totals)
    parts += [f"{fates[Fate.CONFLICT]:,} in conflict"] if fates[Fate.CONFLICT] else []
    parts += [f"{result.invalid:,} invalid"] if result.invalid else []
    # A conflict's older order may be in doubt as well; it is one row all the same.
    rows = max(states.total(), result.totals.rows) + result.invalid
    yield f"{counted(rows, 'row')}: " + (", ".join(parts) or "none")
    yield from _downloaded(result)


def _spent(result: RunResult) -> str:
    if result.spent is None or not (result.spent.amount.millionths or result.spent.unpriced):
        return ""
    doubts = result.standing.states[JobState.IN_DOUBT]
    return f", for {result.spent}" + (", what is in doubt counted" if doubts else "")


def _states(result: RunResult) -> str:
    states = result.standing.states
    said = {state: f"{states[state]:,} {str(state).replace('_', ' ')}" for state in JobState}
    if result.stalled:  # they are submitted still; another run waits for them as long again
        said[JobState.SUBMITTED] += f" ({result.stalled:,} stalled)"
    return ", ".join(said[state] for state in JobState if states[state])


def _attention(result: RunResult, leads: Leads) -> Iterator[str]:
    standing = result.standing
    planned = [item for item in standing.left_out if item.state is None]
    yield from (row_line(item) for item in planned)
    groups = standing.groups[:_CAUSES]
    for group in groups:
        yield from group.lines()
    more = standing.left_out_total - len(planned) - sum(group.rows for group in groups)
    if more > 0:
        yield more_line(more, leads)
    yield from duplicate_lines(standing.duplicates)
    if result.downloads is not None:
        yield from failed_lines(result.downloads)


def hint_after(result: RunResult) -> str:
    """Say how what is left is ordered, by `{command}` if one goes on; empty if nothing is left.

    Rows that are held wait for a person, and no command goes on with them.
    """
    if not result.standing.states[JobState.PENDING]:
        return ""
    hints = {reason.code: reason.hint for reason in reversed(result.reasons)}
    code = next((code for code in _WHEN if code in hints), None)
    return "" if code is None else hints[code] or _WHEN[code]


def found_after(
    result: RunResult, left: tuple[str, ...], manifests: Sequence[str], leads: Leads
) -> Found:
    """Give what the next command depends on; `left` is the one that orders what is left."""
    standing = result.standing
    undecided = [item for item in standing.left_out if _is_undecided(item)]
    fates = result.totals.fates
    explained: tuple[str, ...] = ()
    if manifests and (fates[Fate.CONFLICT] or standing.held_back):
        explained = ("batchdub", "plan", *leads.ledger, *as_arguments(*manifests))
    elif manifests and result.invalid:
        explained = ("batchdub", "validate", *as_arguments(*manifests))
    said = " ".join(reason.message for reason in result.reasons)
    rebuild = rebuild_in(said, manifests, leads)
    return Found(
        left=rebuild or left,
        unsettled=standing.states[JobState.IN_DOUBT] > len(undecided) and not left,
        undecided=_first_id(undecided),
        duplicate=next((request_id for _, request_id in standing.duplicates), ""),
        bad=_first_id([item for item in standing.left_out if item.state in _BAD]),
        explained=explained,
        waiting=standing.states[JobState.SUBMITTED] > 0 and not left,
        failed=standing.states[JobState.FAILED] > 0,
        rejected=standing.states[JobState.REJECTED] > 0,
        downloads_left=_is_left(result) and not left,
    )


def _is_undecided(item: LeftOut) -> bool:
    return item.state is JobState.IN_DOUBT and item.held


def _first_id(items: Sequence[LeftOut]) -> str:
    return items[0].reference_id if items else ""
