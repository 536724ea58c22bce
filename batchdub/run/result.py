"""What a run leaves behind, as one value: for the summary, the exit code and the next command.

The code describes the manifest's rows as they are at the end, not what this run did: a second run
over failed rows fails again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from batchdub.exits import Exit, choose_exit
from batchdub.headline import headline
from batchdub.plan import Fate, Totals
from batchdub.run.download import Downloaded
from batchdub.run.groups import Group, LeftOut
from batchdub.run.pricing import Priced
from batchdub.run.stop import StopReason
from batchdub.states import JobState
from batchdub.units import counted


@dataclass(frozen=True, slots=True)
class Standing:
    """How the manifest's rows stand in the ledger.

    `states` counts all that have a job; `held` those of them that wait for a person or a cause to
    go; `left_out` are the first ten that are not ordered and why, `left_out_total` counts them;
    `missing` counts rows that stand in no manifest any more; `duplicates` are reference_id and
    request_id of further orders that nobody has acknowledged; `held_back` counts the pending ones
    among the held, which wait for a cause to go. `groups` are the rows that have a job and are not
    ordered, by cause. `counts` are the states by whether a job is held, `doubled` those of them
    that have such a further order; `conflicts` are rows without a job.
    """

    states: Counter[JobState]
    held: int
    left_out: tuple[LeftOut, ...]
    left_out_total: int
    missing: int
    duplicates: tuple[tuple[str, str], ...]
    held_back: int = 0
    groups: tuple[Group, ...] = ()
    counts: Counter[tuple[JobState, bool]] = field(default_factory=Counter)
    doubled: Counter[tuple[JobState, bool]] = field(default_factory=Counter)
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run. `ordered` counts what this run ordered, `adopted` what it found ordered.

    `spent` is what its orders cost, those in doubt included; None without a price.
    `downloads` is None where none were wanted. `changed` are the first ten rows that are done and
    whose media a probe has found changed since. `stalled` counts rows that it gave up waiting for.
    """

    run_id: str
    exit_code: Exit
    reasons: tuple[StopReason, ...]
    standing: Standing
    totals: Totals
    ordered: int
    adopted: int
    rate_limited: int
    elapsed_s: float
    invalid: int = 0
    spent: Priced | None = None
    downloads: Downloaded | None = None
    changed: tuple[LeftOut, ...] = ()
    stalled: int = 0

    @property
    def title(self) -> str:
        """How many of its rows are ordered, and how many need somebody."""
        standing = self.standing
        besides = standing.conflicts + self.invalid + standing.missing
        return headline(standing.counts, standing.doubled, besides)


def summary_of(result: RunResult) -> Iterator[str]:
    """Say for the ledger why a run ended as it did, and which rows it does not know it left out."""
    yield from (reason.message for reason in result.reasons)
    if conflicts := result.totals.fates[Fate.CONFLICT]:
        yield f"{counted(conflicts, 'row')} in conflict, which `batchdub plan` explains"
    if result.invalid:
        yield f"{counted(result.invalid, 'invalid row')} left out: `batchdub validate` lists them"


def exit_code(
    reasons: Sequence[StopReason],
    standing: Standing,
    totals: Totals,
    *,
    invalid: int,
    downloads: Downloaded | None = None,
) -> Exit:
    """Choose the exit code from why the run stopped and how the manifest's rows stand."""
    not_downloaded = downloads.failed_total if downloads else 0
    return choose_exit(_codes(reasons, standing, totals, invalid + not_downloaded))


def _codes(
    reasons: Sequence[StopReason], standing: Standing, totals: Totals, left_out: int
) -> Iterator[Exit]:
    yield from (reason.code for reason in reasons)
    states = standing.states
    if states[JobState.IN_DOUBT] or states[JobState.SENDING] or standing.duplicates:
        yield Exit.NEEDS_A_LOOK
    bad = states[JobState.REJECTED] + states[JobState.FAILED] + standing.missing
    # A row whose media changed since it was ordered is none of these: it was ordered once, its dub
    # is done, and whether the new media are worth another one is asked of a person, whom the
    # summary tells. As a failure it would turn every night red until somebody has paid. Only one
    # that was to be ordered again and could not be is held back like any other.
    if bad or standing.held_back or totals.fates[Fate.CONFLICT] or totals.stuck or left_out:
        yield Exit.ROWS_FAILED
