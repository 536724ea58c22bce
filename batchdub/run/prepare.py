"""Before the first order: every row of the plan is in the ledger, and the orders are drawn up.

All of it belongs into one transaction: a crash leaves either none of the new rows or all.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from batchdub.ledger import Actor, Ledger
from batchdub.models import Job
from batchdub.plan import Fate, PlannedRow, Totals
from batchdub.preflight import life_of_row
from batchdub.run.desk import Order
from batchdub.run.groups import Groups, LeftOut
from batchdub.states import Event, JobState

_CHUNK = 500
_SHOWN = 10


@dataclass(slots=True)
class Prepared:
    """The plan as the run needs it.

    `orders` are to be sent, in manifest order; `doubtful` are the rows in doubt, by job_id, to be
    sent if their order turns out not to exist; `scope` holds the job_ids of all the manifest's
    rows that have a job. `left_out` are the first ten in conflict; `missing` are reference_ids
    that were to be sent, but stand in no manifest any more. `waiting` are the rows kept out,
    by cause. `settles` are the only jobs in doubt that are taken up; None: all. `names` are the
    files, by job_id, that finished dubs become. `changed` are the first ten that are done and
    whose media are others since. `conflicts` counts the rows in conflict that have no part in the
    `scope`.
    """

    orders: list[Order] = field(default_factory=list)
    doubtful: dict[int, Order] = field(default_factory=dict)
    scope: array[int] = field(default_factory=lambda: array("q"))
    totals: Totals = field(default_factory=Totals)
    left_out: list[LeftOut] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    waiting: Groups = field(default_factory=Groups)
    settles: frozenset[int] | None = None
    names: dict[int, str] = field(default_factory=dict)
    changed: list[LeftOut] = field(default_factory=list)
    conflicts: int = 0


def register(
    ledger: Ledger,
    planned: Iterable[PlannedRow],
    manifest_ids: Mapping[str, int],
    decider: str = "",
) -> Prepared:
    """Bring the ledger up to the plan, and draw up the orders, in the caller's transaction.

    New rows become pending jobs, known ones are noted where they stand now, a row whose media
    changed before it was ever sent is corrected, a row that has to wait is held, with the reason.
    A row that is to be ordered again for a change becomes a further revision, on record as the
    `decider`'s decision.
    """
    prepared = Prepared()
    iterator = iter(planned)
    while chunk := list(islice(iterator, _CHUNK)):
        jobs = _write(ledger, chunk, manifest_ids, decider)
        _draw_up(ledger, prepared, chunk, jobs)
    return prepared


def _write(
    ledger: Ledger, chunk: list[PlannedRow], manifest_ids: Mapping[str, int], decider: str
) -> dict[str, Job]:
    jobs: dict[str, Job] = {}
    new, moved, changed, begun = [], [], [], []
    for item in chunk:
        place = manifest_ids[item.row.source.path], item.position
        if item.fate is Fate.CONFLICT:
            continue
        if item.job is None:
            new.append((item.row, *place))
            continue
        if item.fate is Fate.REORDERED:
            begun.append(item.row.reference_id)
            _begin_revision(ledger, item, item.job, place, decider)
            continue
        jobs[item.row.reference_id] = item.job
        if item.job.place != place:
            moved.append((item.row, *place))
        if item.changed:
            changed.append(item.row)
    ledger.add_rows(new)
    ledger.move_rows(moved)
    ledger.replace_media(changed)
    return jobs | ledger.latest_jobs([*(row.reference_id for row, _, _ in new), *begun])


def _begin_revision(
    ledger: Ledger, item: PlannedRow, job: Job, place: tuple[int, int], decider: str
) -> None:
    actor = Actor(decider, item.since.what if item.since else "")
    manifest_id, position = place
    ledger.next_revision(
        job.job_id, Event.REORDER, actor, item.row, manifest_id=manifest_id, position=position
    )


def _draw_up(
    ledger: Ledger, prepared: Prepared, chunk: list[PlannedRow], jobs: Mapping[str, Job]
) -> None:
    for item in chunk:
        prepared.totals.add(item)
        job = jobs.get(item.row.reference_id)
        if job is not None:
            prepared.scope.append(job.job_id)
            _hold_or_free(ledger, item, job)
        elif item.job is not None and item.job.state is JobState.IN_DOUBT:
            # In conflict, and yet what was ordered under its reference_id needs a look.
            prepared.scope.append(item.job.job_id)
        else:
            prepared.conflicts += 1
        _note_unsent(prepared, item)
    chosen = [item for item in chunk if item.fate.sends or item.fate is Fate.IN_DOUBT]
    reached = ledger.reached_before([jobs[item.row.reference_id].job_id for item in chosen])
    for order, fate in _orders(chosen, jobs, reached):
        if fate is Fate.IN_DOUBT:
            prepared.doubtful[order.job_id] = order
        else:
            prepared.orders.append(order)


def _note_unsent(prepared: Prepared, item: PlannedRow) -> None:
    """Note a row that is not sent although its media call for it: held, in conflict, or changed."""
    stuck = item.fate is Fate.CONFLICT or bool(item.fate is Fate.CHANGED and item.waits_for)
    if not (stuck or item.fate.waits or item.fate is Fate.CHANGED):
        return
    why = f"held back: {item.reason}" if item.fate.waits else item.reason
    left_out = LeftOut(str(item.row.source), item.row.reference_id, why)
    if stuck or item.fate.waits:
        prepared.waiting.add(left_out)
    noted = prepared.left_out if stuck else prepared.changed
    if (stuck or item.fate is Fate.CHANGED) and len(noted) < _SHOWN:
        noted.append(left_out)


def _hold_or_free(ledger: Ledger, item: PlannedRow, job: Job) -> None:
    if item.fate.waits:
        ledger.hold(job.job_id, item.reason)
    elif item.fate.sends and job.held:
        ledger.hold(job.job_id, None)


def _orders(
    chosen: list[PlannedRow], jobs: Mapping[str, Job], reached: set[int]
) -> Iterator[tuple[Order, Fate]]:
    for item in chosen:
        job = jobs[item.row.reference_id]
        life = life_of_row(item.row)
        order = Order(job.job_id, job.key, item.row, reached=job.job_id in reached, life=life)
        yield order, item.fate
