"""The runs of a rehearsal: the same command again and again, killed as the script says."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batchdub.exits import Exit
from batchdub.run.asking import Say
from batchdub.run.rehearsal.script import Script
from batchdub.run.rehearsal.stage import Stage
from batchdub.units import counted

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
    last_words: tuple[str, ...] = field(default=())

    @property
    def broken(self) -> bool:
        """Whether a run ended as none should, so that nothing is proven."""
        return self.code not in _ENDED | _GOES_ON


def perform(
    stage: Stage, command: Sequence[str], script: Script, say: Say, on_orders: OnOrders
) -> Performance:
    """Start the run again until nothing is left to order, or no run gets any further."""
    performance = Performance()
    kills = deque(script.kills)
    began_s = time.monotonic()
    in_vain = 0
    while in_vain < _IN_VAIN:
        before = stage.orders()
        performance.runs += 1
        killed, performance.code, log = _one_run(
            stage, command, kills, lambda orders: on_orders(orders, time.monotonic() - began_s)
        )
        if killed:
            performance.kills += 1
            say(f"killed after {counted(stage.orders(), 'order')}; the same command goes on")
        elif performance.code in _GOES_ON:
            in_vain = in_vain + 1 if stage.orders() == before else 0
        else:
            if performance.broken:
                performance.last_words = _last_words(log)
            break
    performance.elapsed_s = time.monotonic() - began_s
    return performance


def _one_run(
    stage: Stage, command: Sequence[str], kills: deque[int], on_orders: Callable[[int], None]
) -> tuple[bool, int, Path]:
    """Let one run go to its end, or to the next kill; gives whether it was killed, and its code."""
    with stage.started(command) as (run, log):
        while (code := run.poll()) is None:
            orders = stage.orders()
            on_orders(orders)
            if kills and orders >= kills[0]:
                kills.popleft()
                run.kill()
                code = run.wait()
                _put_off(kills, stage.orders())
                return code < 0, code, log
            time.sleep(_WATCH_EVERY_S)
        on_orders(stage.orders())
        return False, code, log


def _put_off(kills: deque[int], orders: int) -> None:
    """Let the next kill wait for one more order, or the next run would die in its cradle."""
    if kills:
        kills[0] = max(kills[0], orders + 1)


def _last_words(log: Path) -> tuple[str, ...]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(lines[-_LAST_WORDS:])
