"""The runs of a rehearsal: the same command again and again, killed as the script says."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from batchdub.exits import Exit
from batchdub.run.asking import Say
from batchdub.run.rehearsal.script import Script
from batchdub.run.rehearsal.stage import Stage
from batchdub.units import counted, format_duration

_WATCH_EVERY_S = 0.005
_ENDED = frozenset({Exit.DONE, Exit.ROWS_FAILED, Exit.TOKEN_LIMIT})
_GOES_ON = frozenset({Exit.NEEDS_A_LOOK, Exit.API_UNAVAILABLE})
_IN_VAIN = 3
_LAST_WORDS = 12

OnOrders = Callable[[int, float], None]
"""Told how many orders are in the books, and the seconds since the rehearsal began."""


@dataclass(slots=True)
class Performance:
    """How the runs went: how many, how many were killed, and how the last one ended.

    `last_words` are what a run said that ended as none should.
    """

    runs: int = 0
    kills: int = 0
    code: int = Exit.DONE
    elapsed_s: float = 0.0
    last_words: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether a run ended as none should, so that nothing is proven."""
        return self.code not in _ENDED | _GOES_ON


@dataclass(slots=True)
class Timing:
    """How time passes: the monotonic clock, and waiting."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class _Fate(Enum):
    """What became of one run."""

    ENDED = auto()
    KILLED = auto()
    STUCK = auto()


def perform(
    stage: Stage,
    command: Sequence[str],
    script: Script,
    say: Say,
    on_orders: OnOrders,
    *,
    timing: Timing | None = None,
) -> Performance:
    """Start the run again until nothing is left to order, or no run gets any further."""
    watch = _Watch(stage, script, on_orders, timing or Timing())
    performance = Performance()
    in_vain = 0
    while in_vain < _IN_VAIN:
        before = watch.orders
        performance.runs += 1
        fate, performance.code, log = watch.one_run(command)
        if fate is _Fate.KILLED:
            performance.kills += 1
            say(f"killed after {counted(watch.orders, 'order')}; the same command goes on")
        elif fate is _Fate.STUCK:
            performance.code = Exit.API_UNAVAILABLE
            say(f"no order for {format_duration(script.patience_s)}: the rehearsal ends here")
            break
        elif performance.code in _GOES_ON:
            in_vain = in_vain + 1 if watch.orders == before else 0
        else:
            if performance.broken:
                performance.last_words = _last_words(log)
            break
    performance.elapsed_s = watch.elapsed_s
    return performance


class _Watch:
    """Keeps an eye on the runs: counts the orders, kills when it is time, and sees no end of it."""

    def __init__(self, stage: Stage, script: Script, on_orders: OnOrders, timing: Timing) -> None:
        self._stage = stage
        self._kills = deque(script.kills)
        self._patience_s = script.patience_s
        self._on_orders = on_orders
        self._timing = timing
        self._began_s = self._moved_s = timing.now_s()
        self.orders = 0

    @property
    def elapsed_s(self) -> float:
        """Give the seconds since the rehearsal began."""
        return self._timing.now_s() - self._began_s

    def one_run(self, command: Sequence[str]) -> tuple[_Fate, int, Path]:
        """Let one run go to its end or to the next kill; gives what became of it, and its code."""
        with self._stage.started(command) as (run, log):
            self._moved_s = self._timing.now_s()
            while (code := run.poll()) is None:
                self._count()
                if self._kills and self.orders >= self._kills[0]:
                    run.kill()
                    code = run.wait()
                    self._count()
                    self._put_off()
                    return _Fate.KILLED if code < 0 else _Fate.ENDED, code, log
                if self._timing.now_s() - self._moved_s > self._patience_s:
                    return _Fate.STUCK, 0, log
                self._timing.sleep(_WATCH_EVERY_S)
            self._count()
            return _Fate.ENDED, code, log

    def _count(self) -> None:
        orders = self._stage.orders()
        if orders > self.orders:
            self._moved_s = self._timing.now_s()
        self.orders = orders
        self._on_orders(orders, self.elapsed_s)

    def _put_off(self) -> None:
        """Let the next kill wait for one more order, or the next run would die in its cradle."""
        self._kills.popleft()
        if self._kills:
            self._kills[0] = max(self._kills[0], self.orders + 1)


def _last_words(log: Path) -> tuple[str, ...]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(lines[-_LAST_WORDS:])
