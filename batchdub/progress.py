"""How far a run is, as one value that it hands to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run's counts at one moment.

    `done` are rows that need nothing more, `left` those still to be ordered; `orders` and
    `rate_limited` count this run's accepted calls and its 429s. `phase` is a word or two for
    people, such as `ordering`. `pace_s` is the time between two calls if the run spaces them.
    `at_api` counts the jobs that are asked about and have not ended; a run that does not poll
    takes an order for done once it is at the API.
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


def orders_per_min(snapshot: Snapshot) -> float:
    """Give the orders a minute since the run began; 0 before any time has passed."""
    if snapshot.elapsed_s <= 0:
        return 0.0
    return snapshot.orders * 60 / snapshot.elapsed_s


def time_left_s(snapshot: Snapshot) -> float | None:
    """Estimate the seconds until nothing is left: None while nothing is known.

    The slower of what the run reached so far and what its pace allows.
    """
    if not snapshot.left:
        return 0.0
    reached = orders_per_min(snapshot)
    guesses = [snapshot.left * 60 / reached] if reached else []
    if snapshot.pace_s is not None:
        guesses.append(snapshot.left * snapshot.pace_s)
    return max(guesses, default=None)
