"""What shall happen in a rehearsal: pace, faults and kills, all from the rows and a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from batchdub.sandbox.faults import Fault, Kind
from batchdub.units import Rate

_ORDERING_S = 8.0  # what the orders of a usual night may take in a rehearsal
_SLOWEST_PER_S = 10.0  # a night of a dozen rows must still last long enough to be killed in it
_FASTEST_PER_S = 200.0  # what two busy cores keep up with, sandbox and run together
_SETTLE_S = 1.0
_BURST_S = 0.5
_PATIENCE_S = 60.0
_SPARE = 1.25


@dataclass(frozen=True, slots=True)
class Script:
    """What shall happen: the run's pace, its settle window, what the sandbox does, and the kills.

    A kill comes when the books hold so many orders. `limit` is what the sandbox allows. Without
    any order for `patience_s` there will be none.
    """

    pace: Rate
    limit: Rate
    settle_s: float
    patience_s: float
    faults: tuple[Fault, ...]
    tokens: int | None
    seed: int
    kills: tuple[int, ...]


def write_script(
    rows: int, *, faults: Sequence[Fault], tokens: int | None, seed: int, kills: int
) -> Script:
    """Lay down a rehearsal of so many rows; without `faults` those that any night may bring."""
    chosen = tuple(faults) or likely_faults(rows)
    per_s = min(max(rows / _ORDERING_S, _SLOWEST_PER_S), _FASTEST_PER_S)
    # A promise holds only for orders that show within the settle window, so it must cover them.
    lasts_s = max((fault.duration_s for fault in chosen if fault.kind in _HIDING), default=0.0)
    return Script(
        pace=Rate(round(per_s, 1), 1.0),
        # The bursts of 429 are the limit's part: a busy machine's unevenness is not the night's.
        limit=Rate(round(per_s * _SPARE, 1), 1.0),
        settle_s=_SETTLE_S + lasts_s,
        patience_s=_PATIENCE_S + 2 * lasts_s,
        faults=chosen,
        tokens=tokens,
        seed=seed,
        kills=_kill_points(rows if tokens is None else min(rows, tokens), kills, seed),
    )


_HIDING = frozenset({Kind.LATE, Kind.LIST_LAG})


def likely_faults(rows: int) -> tuple[Fault, ...]:
    """Give what any night may bring: replies lost after the order was taken, bursts of 429.

    Of few rows more are hit, so that some are; two bursts are to be expected, whatever the rows.
    """
    return (
        Fault(Kind.DROP_AFTER, _readable(min(0.5, max(0.02, 3 / max(rows, 1))))),
        Fault(Kind.THROTTLE, _readable(min(0.1, 2 / max(rows, 1))), _BURST_S),
    )


def _readable(probability: float) -> float:
    """Round to two figures: people read it, and type it after `--fault` to have the same."""
    return float(f"{probability:.2g}")


def _kill_points(orders: int, kills: int, seed: int) -> tuple[int, ...]:
    """Draw after how many orders a run is killed: each time another, none after the last."""
    points = range(1, max(orders, 2))
    rng = random.Random(f"{seed} kills")  # noqa: S311  which order it is need not be a secret
    return tuple(sorted(rng.sample(points, min(kills, len(points)))))
