"""A season from its first night to the morning on which everything is settled."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from batchdub.errors import BatchdubError
from batchdub.exits import Exit
from batchdub.run.connecting import Target
from batchdub.run.leftovers import open_rows
from batchdub.run.options import RunOptions
from batchdub.run.source import Choice, open_source
from batchdub.run.tonight import Person, Tonight, order
from tests.simulate import disk, people
from tests.simulate.faults import Fault
from tests.simulate.keys import BASE_URL, KEYS, OTHER_KEY
from tests.simulate.process import Process
from tests.simulate.scenario import Night, dice
from tests.simulate.world import World

_ROUNDS = 12
_SHM = Path("/dev/shm")  # noqa: S108  memory, so that a commit costs no disk; a fresh folder in it


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: killed, refused with an error of ours, or with an exit code."""

    code: Exit | None
    killed: bool = False
    error: str = ""


@dataclass(slots=True)
class Report:
    """What is left of a seed."""

    seed: int
    violations: list[str]
    trace: list[str]
    digest: str
    hits: dict[Fault, int]
    moves: dict[tuple[str, str], int]
    runs: int
    deaths: int
    rows: int
    uncovered: int
    flagged_by_audit: int = 0
    world: object = field(default=None, repr=False)


def simulate(seed: int) -> Report:
    """Live through one seed, in a folder of its own that is gone afterwards."""
    where = _SHM if _SHM.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="batchdub-sim-", dir=where))
    try:
        world = World(seed, folder)
        with world.installed():
            campaign = Campaign(world)
            try:
                campaign.live()
            except Exception as error:  # whatever it is, the seed must be told
                world.violation(f"the simulation broke off: {type(error).__name__}: {error}")
        return Report(
            seed, world.violations, world.trace, world.digest(), dict(world.hits),
            dict(world.moves), campaign.runs, campaign.deaths, world.plan.rows,
            sum(map(len, world.adversary.uncovered.values())), world.oracle.flagged_by_audit,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Campaign:
    """Lives through a world's nights."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs = 0
        self.deaths = 0
        self._copies: list[tuple[bytes, bytes]] = []

    def live(self) -> None:
        """Live through the hostile nights, then through quiet ones until all is settled."""
        for night in self.world.plan.nights:
            self._hostile(night)
            if self.world.violations:
                return
        self._quiet()
        if not self.world.violations:
            self.world.oracle.judge_season(self)

    # -- hostile nights -----------------------------------------------------------------------

    def _hostile(self, night: Night) -> None:
        world = self.world
        world.t_s += night.gap_s
        key = self._prepare(night)
        world.adversary.begin_night(night.windows)
        ending = self.run(night, key)
        if ending.killed and self._doubts_before:
            world.hit(Fault.KILL_IN_RECOVERY)
        world.oracle.judge_night(ending, night)
        copy = disk.copy_of(world.ledger_path)
        if copy is not None:
            self._copies.append(copy)
        if night.helps and not ending.killed and key is world.key:
            people.act_in_the_morning(self, ending)

    def _prepare(self, night: Night):
        world = self.world
        if night.wall_skew_s != world.wall_skew_s:
            if night.wall_skew_s:
                world.hit(Fault.WALL_JUMP_BETWEEN)
            world.set_wall(night.wall_skew_s)
            world.oracle.forget_pace()
        if self.runs and world.season.grow():
            world.hit(Fault.ROW_ADDED)
        for fault in night.edits:
            if world.season.edit(fault, world.dice):
                world.hit(fault)
                world.tell(f"manifest: {fault}: {' '.join(world.season.references)}")
        key = world.key
        for fault in night.before:
            key = self._befall(fault, key)
        self._doubts_before = people.has_doubts(world.ledger_path)
        return key

    def _befall(self, fault: Fault, key):
        world = self.world
        there = world.ledger_path.exists()
        if fault is Fault.LEDGER_DELETED and there:
            disk.delete(world.ledger_path)
        elif fault is Fault.LEDGER_RESTORED and self._copies:
            disk.restore(world.ledger_path, world.dice.choice(self._copies))
        elif fault is Fault.NEW_KEY:
            key = world.key = KEYS[1]
        elif fault is Fault.OTHER_ACCOUNT and people.has_orders(world.ledger_path):
            key = OTHER_KEY
        else:
            return key
        world.hit(fault)
        world.tell(f"before the night: {fault}")
        world.oracle.forget_pace()
        return key

    # -- quiet nights -------------------------------------------------------------------------

    def _quiet(self) -> None:
        world = self.world
        world.adversary.quiet = True
        world.set_wall(0.0)
        world.oracle.forget_pace()
        # Long enough for the latest of all late orders to be taken.
        world.t_s += 20 * world.plan.settle_s + 400.0
        world.tell("from here on nothing goes wrong any more")
        options = RunOptions(
            rate=world.plan.rate,
            settle_s=world.plan.settle_s,
            canary=False,
            wait=world.plan.waits,
        )
        for _ in range(_ROUNDS):
            world.t_s += 60.0
            night = Night(0.0, options)
            world.adversary.begin_night(())
            ending = self.run(night, world.key)
            world.oracle.judge_night(ending, night)
            if world.violations:
                return
            if people.act_in_the_morning(self, ending, quiet=True):
                continue
            if ending.code in (Exit.DONE, Exit.ROWS_FAILED):
                return
        world.violation(f"nothing goes wrong any more, and still the run ends with {ending}")

    # -- processes ----------------------------------------------------------------------------

    def run(self, night: Night, key) -> Ending:
        """Run the manifest once, as the command would."""
        world = self.world
        tonight = self._tonight(night.options, key)
        person = Person(world.say, lambda _: None)

        def action() -> Exit:
            source = open_source([str(world.season.path)], Choice(), world.say)
            return order(tonight, source, person).exit_code

        return self.process(action, night.mishaps, night.jumps)

    def _tonight(self, options: RunOptions, key) -> Tonight:
        world = self.world
        return Tonight(
            ledger_path=world.ledger_path,
            target=Target(BASE_URL, key, BASE_URL),
            options=options,
            command="run",
            version="0",
            clock=world.clock,
            rng=dice("jitter", world.seed, self.runs),
        )

    def run_again(self, again, mishaps=()) -> Ending:
        """Have rows ordered again, as `retry` and `reorder` do."""
        world = self.world
        options = RunOptions(rate=world.plan.rate, settle_s=world.plan.settle_s, canary=False)

        def action() -> Exit:
            source = open_rows(world.ledger_path, again.wanted, world.say, [str(world.season.path)])
            person = Person(world.say, lambda _: None)
            return order(self._tonight(options, world.key), source, person, again).exit_code

        return self.process(action, mishaps)

    def process(self, action: Callable[[], Exit], mishaps=(), jumps=()) -> Ending:
        """Let one process live, and see how it ends."""
        world = self.world
        self.runs += 1
        process = world.process = Process(world, mishaps, jumps)
        world.deleted_at_s = None
        world.oracle.process_begins()
        world.tell(f"process {self.runs} begins")
        ending = self._outlive(process, action)
        if process.endless:
            world.violation(f"the run did not end within {process.elapsed_s / 3600:.0f} hours")
        world.t_s += process.elapsed_s
        world.process = None
        process.bury()
        world.tell(f"process {self.runs} ended: {_shown(ending, process)}")
        world.oracle.ledger_noted()
        self.deaths += ending.killed
        return ending

    def _outlive(self, process: Process, action: Callable[[], Exit]) -> Ending:
        try:
            return Ending(action())
        except BaseException as error:
            if process.dead:
                return Ending(None, killed=True)
            if isinstance(error, BatchdubError):
                return Ending(error.exit_code, error=str(error))
            if isinstance(error, KeyboardInterrupt):
                raise
            self.world.violation(f"an unexpected end: {type(error).__name__}: {error}")
            self.world.failure = error
            return Ending(Exit.UNEXPECTED, error=str(error))


def _shown(ending: Ending, process: Process) -> str:
    if ending.killed:
        return f"killed by {process.killed_by} at step {process.steps}, commit {process.commits}"
    return f"exit {int(ending.code)} {ending.error}"


def tidy() -> None:
    """Collect what a batch of seeds has left in memory."""
    gc.collect()
