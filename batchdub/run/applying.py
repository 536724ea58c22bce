"""Applying a plan that was saved: exactly it, or nothing.

A rotated signature and a moved line change nothing, and neither does an order that has ended
meanwhile: no row of them would be ordered that was not agreed to, or not be ordered. A row that a
run of this very plan has moved on is no change either, so that the same command is the resume.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from batchdub.errors import StalePlanError
from batchdub.ledger import Ledger, Queries
from batchdub.plan import Fate, PlannedRow
from batchdub.price import Amount, Tariff
from batchdub.run.plan_file import PlanRow, SavedPlan, plan_row
from batchdub.units import counted

_SHOWN = 100
_ORDERED = frozenset({Fate.SUBMITTED, Fate.COMPLETED, Fate.FAILED, Fate.CHANGED})


def difference(was: PlanRow, now: PlanRow, reason: str, currency: str = "") -> str:
    """Say how a row is not what the plan says, and why that is so now; empty if it is."""
    if now.media != was.media:
        return "has other media than in the plan"
    if now.revision != was.revision:
        return f"was at revision {was.revision}, is at {now.revision}: {reason}"
    if now.fate is not was.fate and not {now.fate, was.fate} <= _ORDERED:
        return f"was {_words(was.fate)}, is {_words(now.fate)}: {reason}"
    if now.cost != was.cost:
        before, after = (_money(cost, currency) for cost in (was.cost, now.cost))
        return f"was to cost {before}, costs {after}"
    return ""


def _words(fate: Fate) -> str:
    return f"`{str(fate).replace('_', ' ')}`"


def _money(cost: int | None, currency: str) -> str:
    return "nobody knows how much" if cost is None else str(Amount(cost, currency))


@dataclass(slots=True)
class Applying:
    """Holds what a run would do against a plan, row by row as they pass by."""

    plan: SavedPlan
    tariff: Tariff | None
    changes: list[str] = field(default_factory=list)
    total: int = 0
    _seen: set[str] = field(default_factory=set)
    _own: set[str] = field(default_factory=set)

    def compare(
        self, ledger: Queries | None, planned: Iterable[PlannedRow]
    ) -> Iterator[PlannedRow]:
        """Pass planned rows on, and note how they differ from the plan's."""
        self._compare_account(ledger)
        self._own = _moved_by(ledger, self.plan) if ledger else set()
        for item in planned:
            self._compare(item)
            yield item

    def require_same(self) -> None:
        """Raise StalePlanError if anything is not as in the plan; all rows must have passed by."""
        for reference_id, was in self.plan.rows.items():
            if reference_id not in self._seen:
                self._change(f"{was.source}: `{reference_id}`: is in no manifest any more")
        if self.total:
            raise StalePlanError(self.plan.path, self.changes, self.total)

    def require_target(self, ledger: Path, api: str) -> None:
        """Raise StalePlanError unless orders would go, and be kept, where the plan says."""
        head = self.plan.head
        for before, now in ((head.api, api), (head.ledger, os.path.abspath(ledger))):  # noqa: PTH100  as stored
            if before != now:
                self._change(f"{self.plan.path}: was made for {before}, and this run is for {now}")
        if self.total:
            raise StalePlanError(self.plan.path, self.changes, self.total)

    def record(self, ledger: Ledger, run_id: str) -> None:
        """Keep that this run applies the plan, in the caller's transaction."""
        runs = [*_runs_of(ledger, self.plan), run_id]
        ledger.set_meta(_meta_name(self.plan), " ".join(runs))

    def _compare_account(self, ledger: Queries | None) -> None:
        account = ledger.meta("key_fingerprint") if ledger else None
        before = self.plan.head.account
        if before is not None and account != before:
            self._change(f"{self.plan.path}: the ledger knows another key than when it was made")

    def _compare(self, item: PlannedRow) -> None:
        reference_id = item.row.reference_id
        self._seen.add(reference_id)
        was = self.plan.rows.get(reference_id)
        where = f"{item.row.source}: `{reference_id}`"
        if was is None:
            self._change(f"{where}: is not in the plan")
            return
        now = plan_row(item, self.tariff)
        moved = reference_id in self._own and (was.fate.sends or was.fate is Fate.IN_DOUBT)
        # A row whose media have changed once more is to be ordered anew: nobody agreed to that.
        if moved and now.fate is not Fate.REORDERED:
            # What it was to cost still counts where it is still to be sent.
            agreed = was.cost if was.fate.sends and now.fate.sends else now.cost
            revision = was.revision + (was.fate is Fate.REORDERED)
            was = was._replace(fate=now.fate, cost=agreed, revision=revision)
        changed = difference(was, now, item.reason, self.tariff.currency if self.tariff else "")
        if changed:
            self._change(f"{where}: {changed}")

    def _change(self, line: str) -> None:
        self.total += 1
        if len(self.changes) < _SHOWN:
            self.changes.append(line)


def described(plan: SavedPlan) -> str:
    """Say which plan it is: `plan.json (12 rows, 4 to order)`."""
    to_order = sum(row.fate.sends for row in plan.rows.values())
    return f"{plan.path} ({counted(len(plan.rows), 'row')}, {to_order:,} to order)"


def _meta_name(plan: SavedPlan) -> str:
    return f"plan {plan.digest}"


def _runs_of(ledger: Queries, plan: SavedPlan) -> list[str]:
    return (ledger.meta(_meta_name(plan)) or "").split()


def _moved_by(ledger: Queries, plan: SavedPlan) -> set[str]:
    """Give the rows whose last attempt was made by a run of this plan."""
    runs = _runs_of(ledger, plan)
    return ledger.moved_by(runs) if runs else set()
