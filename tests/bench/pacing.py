"""How much of an unknown limit `--rate auto` uses, and how many calls it has refused for that.

Everything is on the virtual clock, so the figures are exact and the same on every machine.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
from dataclasses import dataclass

from tests.support.virtual import virtual_run
from tests.wire.calling import call_through
from tests.wire.limit_servers import KINDS, WINDOW_S, FixedWindow

LIMITS = (30, 45, 60, 100, 240, 600, 1200)


@dataclass(frozen=True, slots=True)
class Gate:
    """So many calls, from cold or with what a first night learned, and what they must reach."""

    name: str
    calls: int
    least_use: float
    most_refused: float
    known: bool = False


GATES = (
    Gate("cold 360", 360, 0.35, 0.06),
    Gate("cold 2,400", 2400, 0.35, 0.06),
    Gate("learned 240", 240, 0.90, 0.02, known=True),
    Gate("learned 2,400", 2400, 0.97, 0.003, known=True),
)


def main(arguments):
    """Print a table: the worst of some seeds for each kind of server and limit."""
    parser = argparse.ArgumentParser(prog="pacing", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limits", default=",".join(map(str, LIMITS)))
    options = parser.parse_args(arguments)
    _tell(f"least use, most 429s of {options.seeds} seeds; ! is a gate that was missed")
    _tell(f"{'server':<14} {'limit':>5} " + " ".join(f"{gate.name:>15}" for gate in GATES))
    for kind in KINDS:
        for limit in map(int, options.limits.split(",")):
            cells = [_cell(kind, limit, options.seeds, gate) for gate in GATES]
            _tell(f"{kind.__name__:<14} {limit:>5} " + " ".join(f"{cell:>15}" for cell in cells))
    return 0


def _tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _cell(kind, limit, seeds, gate):
    nights = [_night(kind, limit, seed, gate) for seed in range(seeds)]
    use = min(night.use_of(limit) for night in nights)
    refused = max(night.refused_share for night in nights)
    missed = use < gate.least_use or refused > gate.most_refused
    return f"{use:.3f} {refused * 100:5.2f}%{'!' if missed else ' '}"


def _night(kind, limit, seed, gate):
    learned_per_s = _learned_per_s(kind, limit, seed) if gate.known else None
    night = call_through(
        _server(kind, limit, seed), gate.calls, seed=seed, learned_per_s=learned_per_s
    )
    return virtual_run(night)


@functools.cache
def _learned_per_s(kind, limit, seed):
    first = call_through(_server(kind, limit, seed + 1), 2400, seed=seed)
    return virtual_run(first).learned_per_s


def _server(kind, limit, seed):
    """Make a server; a fixed window's minute begins at any moment of ours."""
    rng = random.Random(seed)  # noqa: S311  chance that can be repeated
    return kind(limit, phase_s=rng.uniform(0, WINDOW_S)) if kind is FixedWindow else kind(limit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
