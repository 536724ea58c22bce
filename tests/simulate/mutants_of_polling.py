"""Variants that believe the wrong word about what became of an order."""

from __future__ import annotations

from batchdub.run import heeding, watch
from batchdub.run.watch import Disputed
from tests.simulate.breaking import mutant, put


@mutant
def echo_not_checked(stack):
    put(stack, watch, "_judge_foreign", watch._judge_own)


@mutant
def unknown_id_taken_for_absent(stack):
    async def dispute(self, watched, reason):
        ledger = self._context.ledger

        def change():
            ledger.dispute(watched.job_id, reason)
            ledger.settle_absent(watched.job_id)

        await self._write(watched, change)
        self._roster.drop(watched)

    put(stack, heeding.Heeding, "_dispute", dispute)


@mutant
def completed_without_asking_how_it_ended(stack):
    def judge(watched, seen):
        verdict = real(watched, seen)
        if isinstance(verdict, Disputed):
            return verdict
        return watch.Ended(watch.Event.COMPLETED, seen)

    real = put(stack, watch, "_judge_own", judge)
