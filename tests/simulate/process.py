"""One process of ours: its time, its deaths, and the doors through which it acts on the world."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

from tests.simulate.disk import disk_refuses
from tests.simulate.faults import Fault
from tests.simulate.loop import KilledError, MortalLoop, bury, run_to_end
from tests.simulate.scenario import dice
from tests.support.virtual import EPOCH

_LONGEST_S = 20 * 3600.0
_MOST_STEPS = 600_000
_KILLS = (Fault.KILL_STEP, Fault.KILL_BEFORE_COMMIT, Fault.KILL_AFTER_COMMIT)


class Process:
    """A run of the program. `mishaps` are what befalls it; without any it lives to its end."""

    def __init__(self, world, mishaps=(), jumps=()) -> None:
        self.world = world
        self.ledger_path = world.ledger_path
        self.dead = False
        self.endless = False
        self.killed_by: Fault | None = None
        self.steps = 0
        self.commits = 0
        self.answers = 0
        self.connections = []
        self.loop = None
        self.in_flight = {}
        self._elapsed_s = 0.0
        # A monotonic clock starts anywhere: a reading of one process means nothing to the next.
        self._mono_s = world.dice.uniform(0, 1e6)
        self._mishaps = {mishap.fault: mishap for mishap in mishaps}
        self._jumps = list(jumps)

    # -- time ---------------------------------------------------------------------------------

    @property
    def elapsed_s(self) -> float:
        """Seconds since the process began."""
        running = self.loop is not None
        return self.loop.time() - self._mono_s if running else self._elapsed_s

    def monotonic_s(self) -> float:
        """Read this process's monotonic clock."""
        return self._mono_s + self.elapsed_s

    def run_loop(self, main):
        """Stand in for `asyncio.run`."""
        lots = dice("lots", self.world.seed, self._mono_s)
        self.loop = MortalLoop(self.monotonic_s(), self._on_step, lambda: lots.getrandbits(32))
        self.loop.set_exception_handler(self._on_lost)
        try:
            return run_to_end(self.loop, main)
        finally:
            self._elapsed_s = self.elapsed_s
            self.loop = None

    # -- death --------------------------------------------------------------------------------

    def _on_step(self) -> None:
        self.steps += 1
        if self._jumps and self.elapsed_s >= self._jumps[0][0]:
            self.world.hit(Fault.WALL_JUMP_RUNNING)
            self.world.set_wall(self._jumps.pop(0)[1])
        if self._is_due(Fault.KILL_STEP, self.steps):
            self.die(Fault.KILL_STEP)
        if self._is_due(Fault.OVERLAP, self.steps):
            self.world.overlap()
        if self._is_due(Fault.LEDGER_DELETED_RUNNING, self.steps):
            self.world.delete_running()
        if self._is_due(Fault.INTERRUPT, self.steps):
            self.interrupt(Fault.INTERRUPT)
        if self.elapsed_s > _LONGEST_S or self.steps > _MOST_STEPS:
            self.endless = True
            self.die(Fault.KILL_STEP)

    def before_commit(self) -> None:
        """Be told that a commit is about to happen; it may not."""
        self.commits += 1
        if self._is_due(Fault.KILL_BEFORE_COMMIT, self.commits):
            self.die(Fault.KILL_BEFORE_COMMIT)
        if self._is_due(Fault.COMMIT_FAILS, self.commits):
            self.world.hit(Fault.COMMIT_FAILS)
            raise disk_refuses()

    def after_commit(self) -> None:
        """Be told that a commit has happened."""
        if self._is_due(Fault.KILL_AFTER_COMMIT, self.commits):
            self.die(Fault.KILL_AFTER_COMMIT)

    def about_to_answer(self) -> int:
        """Be told that an order is about to be answered; gives how many steps it still takes."""
        self.answers += 1
        if not self._is_due(Fault.INTERRUPT_TWICE, self.answers):
            return 0
        self.interrupt(Fault.INTERRUPT_TWICE)
        self.loop.call_soon(self.interrupt, None)
        return self._mishaps[Fault.INTERRUPT_TWICE].extra

    def interrupt(self, fault: Fault | None) -> None:
        """Press Ctrl-C, or send a SIGTERM."""
        number = signal.SIGTERM if self.world.seed % 2 else signal.SIGINT
        handler = self.loop.handlers.get(number) if self.loop else None
        if handler is not None:
            if fault is not None:
                self.world.hit(fault)
            handler()

    def die(self, fault: Fault) -> None:
        """Stop existing: nothing runs any more, and what was not synced may be gone."""
        self.killed_by = fault
        power = bool(fault in self._mishaps and self._mishaps[fault].extra)
        if not self.endless:
            self.world.hit(fault)
            if power:
                self.world.hit(Fault.POWER_CUT)
        self._elapsed_s = self.elapsed_s
        self.dead = True
        for connection in self.connections:
            connection.die(self.ledger_path, power=power)
        self.world.adversary.process_died(self)
        if self.loop is not None:
            self._frozen_loop = self.loop
        raise KilledError

    def bury(self) -> None:
        """Take its remains apart."""
        loop = getattr(self, "_frozen_loop", None)
        if loop is not None and not loop.is_closed():
            bury(loop)

    def _is_due(self, fault: Fault, now: int) -> bool:
        mishap = self._mishaps.get(fault)
        return mishap is not None and mishap.at == now

    def _on_lost(self, loop, context) -> None:
        if not self.dead:
            self.world.violation(f"an exception got lost: {context.get('message')}")


class SimClock:
    """The machine's clocks, as the program reads them."""

    def __init__(self, world) -> None:
        self._world = world

    def now(self):
        return EPOCH + timedelta(seconds=self._world.true_s() + self._world.wall_skew_s)

    def monotonic_s(self) -> float:
        return self._world.process.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
