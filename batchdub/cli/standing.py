"""How a ledger stands, read at one moment and told: counts, last run, what needs a look, next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchdub.cli.alive import is_alive
from batchdub.cli.at_hand import dubs_at_hand
from batchdub.cli.next_steps import (
    Found,
    Leads,
    as_arguments,
    commands_in,
    leads_of,
    led,
    next_commands,
    rebuild_in,
    resume_with,
)
from batchdub.cli.options import settings_of
from batchdub.exits import Exit
from batchdub.headline import headline
from batchdub.ledger import open_for_reading
from batchdub.ledger.overview import (
    Attention,
    count_by_held,
    count_stalled,
    had_a_price,
    needs_a_look,
    process_of,
)
from batchdub.models import Job
from batchdub.report.on_disk import Dubs
from batchdub.run.name_memory import last_folder
from batchdub.run.picking import pick_jobs
from batchdub.select import Selector
from batchdub.states import JobState
from batchdub.units import counted, format_duration, local_time

if TYPE_CHECKING:
    import click

    from batchdub.cli.talk import Talk
    from batchdub.ledger import Queries, RunRecord
    from batchdub.settings import Settings

STATE_COLUMNS = ("state", "rows", "held")
_SHOWN = 10
_MEANINGS = {int(code): code.meaning for code in Exit}
_BAD = frozenset({JobState.REJECTED, JobState.FAILED})
_LOOKS = _BAD | {JobState.IN_DOUBT}


@dataclass(frozen=True, slots=True)
class Overview:
    """A ledger at one moment.

    `counts` are by state and by whether a job is held; `attention` the first ten jobs that need
    a look; `duplicates` reference_id and request_id of those that nobody has acknowledged;
    `running` tells that the last run has not ended and its process is there; `stalled` counts the
    submitted jobs that have been at the API for very long; `priced` tells that there is something
    to order, and that orders before it had a price; `manifests` are those that its rows stand in.
    `doubled` counts those jobs that have a further order; `dubs` is None where none was downloaded,
    and `folder` the last one that dubs went to.
    """

    api: str
    counts: Counter[tuple[JobState, bool]]
    attention: tuple[Attention, ...]
    duplicates: tuple[tuple[str, str], ...]
    last_run: RunRecord | None
    running: bool
    stalled: int
    priced: bool = False
    manifests: tuple[str, ...] = ()
    doubled: Counter[tuple[JobState, bool]] = field(default_factory=Counter)
    dubs: Dubs | None = None
    folder: str = ""

    @property
    def title(self) -> str:
        """How many rows are ordered, and how many need somebody."""
        return headline(self.counts, self.doubled)

    def rows(self, *states: JobState) -> int:
        """Count the jobs in these states."""
        return sum(self.counts[state, held] for state in states for held in (False, True))


def read_overview(path: Path, selector: Selector | None = None) -> Overview:
    """Read how a ledger stands, or how those of its rows do that a selector chooses.

    Raises LedgerUnusableError, and UnusableInputError if a choice was made and no row is in it.
    """
    with open_for_reading(path) as ledger, ledger.moment():
        return overview_of(ledger, selector)


def overview_of(
    ledger: Queries, selector: Selector | None = None, *, files: bool = True
) -> Overview:
    """Do the same of a ledger that is open already, at the moment at which it is seen.

    Without `files` no dub's file is looked at.
    """
    last_run = ledger.last_run()
    open_run = last_run if last_run and last_run.ended_at is None else None
    counts = count_by_held(ledger)
    to_order = any(counts[state, False] for state in (JobState.PENDING, *_BAD))
    overview = Overview(
        api=ledger.meta("api") or "",
        counts=counts,
        priced=to_order and had_a_price(ledger),
        stalled=count_stalled(ledger),
        attention=tuple(needs_a_look(ledger, _SHOWN)),
        duplicates=tuple(ledger.open_duplicates()),
        last_run=last_run,
        manifests=tuple(ledger.manifest_paths()),
        running=open_run is not None and is_alive(*process_of(ledger, open_run.run_id)),
        doubled=_doubled(ledger),
        dubs=dubs_at_hand(ledger, selector or Selector()) if files else None,
        folder=last_folder(ledger) or "",
    )
    if selector is None or not selector.clauses:
        return overview
    jobs = pick_jobs(ledger, selector)
    return _of_these(overview, jobs, ledger.unseen_duplicates())


def _of_these(
    overview: Overview, jobs: Sequence[Job], duplicates: Mapping[str, Sequence[str]]
) -> Overview:
    """Narrow an overview down to these jobs."""
    looks = [
        job for job in jobs if job.state in _LOOKS or (job.held and job.state is JobState.PENDING)
    ]
    return replace(
        overview,
        counts=Counter((job.state, job.held is not None) for job in jobs),
        doubled=Counter(
            (job.state, job.held is not None) for job in jobs if job.key.reference_id in duplicates
        ),
        attention=tuple(
            Attention(job.source, job.key.reference_id, job.state, job.held, job.error)
            for job in looks[:_SHOWN]
        ),
        duplicates=tuple(
            (job.key.reference_id, request_id)
            for job in jobs
            for request_id in duplicates.get(job.key.reference_id, ())
        ),
    )


def _doubled(ledger: Queries) -> Counter[tuple[JobState, bool]]:
    jobs = ledger.latest_jobs(list(ledger.unseen_duplicates()))
    return Counter((job.state, job.held is not None) for job in jobs.values())


def leads_at_sight(settings: Settings, overview: Overview) -> Leads:
    """Give the options that lead to a ledger, its API, and the folder that its dubs went to.

    Their names need not be said again: they are as they were there.
    """
    leads = leads_of(settings, overview.api)
    if not overview.folder:
        return leads
    here = Path.cwd()
    folder = Path(overview.folder)
    near = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return replace(leads, download=("--download", str(near)))


def leads_at(context: click.Context) -> Leads:
    """Give the options that lead to a command's ledger, and to the API that it is bound to."""
    settings = settings_of(context)
    with open_for_reading(settings.ledger) as ledger:
        return leads_of(settings, ledger.meta("api") or "")


def state_rows(overview: Overview) -> Iterator[dict[str, object]]:
    """Give `STATE_COLUMNS` of every state, also of those that no row is in."""
    for state in JobState:
        yield {
            "state": str(state),
            "rows": overview.rows(state),
            "held": overview.counts[state, True],
        }


def tell(overview: Overview, settings: Settings, talk: Talk) -> None:
    """Tell the last run, what needs a look, and what to do next."""
    leads = leads_of(settings, overview.api)
    talk.say(overview.title)
    if overview.dubs is not None:
        talk.say(str(overview.dubs))
        for lacking in () if overview.running else overview.dubs.lacking:
            talk.say(f"{lacking.source}: `{lacking.reference_id}`: its dub: {lacking.why}")
    if overview.last_run is not None:
        said = f"last run: {describe_run(overview.last_run, running=overview.running)}"
        talk.say(led(said, leads))
    for line in _attention(overview, leads):
        talk.say(led(line, leads))
    if overview.stalled:
        talk.say(
            f"{counted(overview.stalled, 'row')} stalled: at the API for more than 6 hours, and not"
            " ended; nothing is ordered again"
        )
    if not overview.running:
        if overview.priced:
            talk.say("earlier orders had a price: say `--price`, and the caps, to what orders next")
        tell_next(overview, settings, talk)


def tell_next(
    overview: Overview,
    settings: Settings,
    talk: Talk,
    download: tuple[str, ...] = (),
    *,
    downloads_left: bool = False,
) -> list[str]:
    """Tell, and give, what to do next, as far as the ledger alone can say.

    `download` are the options of a command that fetched dubs, and `downloads_left` tells that some
    are not here yet.
    """
    leads = leads_at_sight(settings, overview)
    if download:
        leads = replace(leads, download=download)
    found = found_in(overview, leads)
    found = replace(found, downloads_left=downloads_left or found.downloads_left)
    commands = next_commands(found, leads)
    for command in commands:
        talk.say(f"next: {command}")
    return commands


def describe_run(run: RunRecord, *, running: bool) -> str:
    """Say of a run when it was, what it was, and how it ended."""
    began = f"`{run.command}`, begun {local_time(run.started_at)}"
    if run.ended_at is None or run.exit_code is None:
        return f"{began}, {'is going on' if running else 'was killed before its end'}"
    took = format_duration((run.ended_at - run.started_at).total_seconds())
    why = run.summary or _MEANINGS.get(run.exit_code, "a code of another version")
    return f"{began}, ended after {took} with exit {run.exit_code}: {why}"


def _attention(overview: Overview, leads: Leads) -> Iterator[str]:
    for item in overview.attention:
        words = str(item.state).replace("_", " ")
        reason = item.held or item.error
        yield f"{item.source}: `{item.reference_id}`: {words}{f': {reason}' if reason else ''}"
    total = overview.counts[JobState.PENDING, True] + overview.rows(JobState.IN_DOUBT, *_BAD)
    more = total - len(overview.attention)
    if more > 0:
        yield more_line(more, leads)
    yield from duplicate_lines(overview.duplicates)


def more_line(more: int, leads: Leads) -> str:
    """Say how many rows need a look besides those that were told, and what lists them."""
    report = shlex.join(["batchdub", "report", *leads.ledger])
    return f"… and {counted(more, 'more row')} that need a look; `{report}` lists them"


def duplicate_lines(duplicates: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Say which rows were ordered more than once: the first ten, then the count."""
    for reference_id, request_id in duplicates[:_SHOWN]:
        yield f"`{reference_id}` was ordered more than once: also request {request_id}"
    if len(duplicates) > _SHOWN:
        yield f"… and {counted(len(duplicates) - _SHOWN, 'more duplicate')}"


def found_in(overview: Overview, leads: Leads) -> Found:
    """Give what the next command depends on."""
    undecided = [
        item for item in overview.attention if item.state is JobState.IN_DOUBT and item.held
    ]
    bad = [item for item in overview.attention if item.state in _BAD]
    unsettled = overview.counts[JobState.IN_DOUBT, False] + overview.rows(JobState.SENDING)
    left = resume_with(leads) if overview.counts[JobState.PENDING, False] else ()
    # Whatever is left: until the ledger knows what the API has, nothing is ordered from it.
    left = _rebuild(overview, leads) or left
    return Found(
        left=left,
        unsettled=unsettled > 0 and not left,
        undecided=undecided[0].reference_id if undecided else "",
        duplicate=overview.duplicates[0][1] if overview.duplicates else "",
        bad=bad[0].reference_id if bad else "",
        explained=_explaining(overview, leads),
        waiting=overview.rows(JobState.SUBMITTED) > 0 and not left,
        failed=overview.rows(JobState.FAILED) > 0,
        rejected=overview.rows(JobState.REJECTED) > 0,
        downloads_left=overview.dubs is not None and overview.dubs.to_fetch > 0,
    )


def _rebuild(overview: Overview, leads: Leads) -> tuple[str, ...]:
    """Give the rebuild for which the last run stopped; empty if it did not."""
    last = overview.last_run
    if last is None or last.exit_code != Exit.NEEDS_A_LOOK:
        return ()
    return rebuild_in(_said(overview), overview.manifests, leads)


def _said(overview: Overview) -> str:
    return (overview.last_run and overview.last_run.summary) or ""


def _explaining(overview: Overview, leads: Leads) -> tuple[str, ...]:
    """Give the command that explains rows which are held back, or which the last run left out."""
    if not overview.manifests:
        return ()
    manifests = as_arguments(*overview.manifests)
    named = [words[1] for words in commands_in(_said(overview))]
    if overview.counts[JobState.PENDING, True] or "plan" in named:
        return ("batchdub", "plan", *leads.ledger, *manifests)
    return ("batchdub", "validate", *manifests) if "validate" in named else ()
