"""How far a run is, as one value that it hands to whoever shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run's counts at one moment.

    `done` are rows that need nothing more, `left` those still to be ordered; `orders` and
    `rate_limited` count this run's accepted calls and its 429s. `phase` is a word or two for
    people, such as `ordering`. `pace_s` is the time between two calls if the run spaces them.
    `at_api` counts the jobs that are asked about and have not ended; a run that does not poll
    takes an order for done once it is at the API. `may_go` is how many of those left the caps let
    this run order, `closes_in_s` how long its hours still last; None is without end.
    """

    done: int
    in_flight: int
    in_doubt: int
    failed: int
    left: int
    orders: int
    rate_limited: int
    elapsed_s: float
    phase: str
    pace_s: float | None = None
    at_api: int = 0
    to_download: int = 0
    may_go: int | None = None
    closes_in_s: float | None = None


def orders_per_min(snapshot: Snapshot) -> float:
    """Give the orders a minute since the run began; 0 while there were not two.

    The first one takes no time, so that a run at 60 a minute never seems to be above its limit.
    """
    if snapshot.elapsed_s <= 0 or snapshot.orders < 2:
        return 0.0
    return (snapshot.orders - 1) * 60 / snapshot.elapsed_s


def left_now(snapshot: Snapshot) -> int:
    """Estimate how many of those left this run will order, by its caps and its hours."""
    goes = min(snapshot.left, snapshot.left if snapshot.may_go is None else snapshot.may_go)
    each_s = _seconds_each(snapshot)
    if snapshot.closes_in_s is None or not each_s:
        return goes
    return min(goes, math.ceil(max(0.0, snapshot.closes_in_s) / each_s))


def time_left_s(snapshot: Snapshot) -> float | None:
    """Estimate the seconds until this run orders nothing more: None while nothing is known.

    The slower of what the run reached so far and what its pace allows.
    """
    goes, each_s = left_now(snapshot), _seconds_each(snapshot)
    if not goes or each_s is None:
        return None if goes else 0.0
    return goes * each_s


def _seconds_each(snapshot: Snapshot) -> float | None:
    reached = orders_per_min(snapshot)
    guesses = [60 / reached] if reached else []
    if snapshot.pace_s is not None:
        guesses.append(snapshot.pace_s)
    return max(guesses, default=None)
