"""Trying a row again, only after what surely was not an order.

Nothing here decides what an outcome was: an outcome that is in doubt ends the tries at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from batchdub.models import Cause, Outcome
from batchdub.states import Event

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    Sleep = Callable[[float], Awaitable[None]]

BASE_S = 1.0
CAP_S = 60.0


def backoff_s(failures: int, rng: random.Random, retry_after_s: float | None = None) -> float:
    """Choose how long to wait after the given number of failures in a row (1 or more).

    Full jitter: anything from 0 to 1 s after the first, doubling up to 60 s; but never less
    than what the server asked for.
    """
    # Beyond 2**6 seconds the cap holds anyway; the exponent must not grow without end.
    longest_s = min(CAP_S, BASE_S * 2.0 ** min(max(failures, 1) - 1, 6))
    return max(rng.uniform(0.0, longest_s), retry_after_s or 0.0)


def may_try_again(outcome: Outcome) -> bool:
    """Tell whether the same row may be sent again in this run without a look at the API.

    Only after no connection at all, or the API's own "rate limit exceeded". An untrusted
    certificate is not passing trouble.
    """
    if outcome.event is Event.NOT_SENT:
        return outcome.cause is not Cause.TLS
    return _is_rate_limit(outcome)


async def try_row(
    attempt: Callable[[], Awaitable[Outcome]], max_attempts: int, sleep: Sleep, rng: random.Random
) -> Outcome:
    """Try one row until the first outcome that may not be tried again, and give it.

    `attempt` is a whole try, with its own ledger attempt. It also ends after `max_attempts`
    tries, with the last one's outcome; a 429 is not one of them, and is not waited for here
    either: the pacer's pause holds all workers. Raises only what `attempt` does.
    """
    first = await attempt()
    if not may_try_again(first):
        # Nearly always so; a retrier for each row would cost a twentieth of all its work.
        return first
    known = [first]

    async def go_on() -> Outcome:
        return known.pop() if known else await attempt()

    outcome: Outcome = await _retrying(max_attempts, sleep, rng)(go_on)
    return outcome


def _retrying(max_attempts: int, sleep: Sleep, rng: random.Random) -> AsyncRetrying:
    tries = _Tries(max_attempts, rng)
    return AsyncRetrying(
        retry=retry_if_result(may_try_again),
        stop=tries.used_up,
        wait=tries.wait_s,
        sleep=sleep,
        retry_error_callback=_last_outcome,
    )


class _Tries:
    """Counts the tries of one row that found no connection."""

    def __init__(self, max_attempts: int, rng: random.Random) -> None:
        self._max_attempts = max_attempts
        self._rng = rng
        self._failures = 0

    def wait_s(self, state: RetryCallState) -> float:
        outcome = _last_outcome(state)
        if _is_rate_limit(outcome):
            return 0.0
        self._failures += 1
        return backoff_s(self._failures, self._rng, outcome.retry_after_s)

    def used_up(self, state: RetryCallState) -> bool:
        # tenacity asks for the wait first, so this try is counted already.
        return self._failures >= self._max_attempts and not _is_rate_limit(_last_outcome(state))


def _is_rate_limit(outcome: Outcome) -> bool:
    return outcome.event is Event.TURNED_AWAY and outcome.cause is Cause.RATE_LIMIT


def _last_outcome(state: RetryCallState) -> Outcome:
    assert state.outcome is not None  # noqa: S101  tenacity sets it before it asks anything
    result: Outcome = state.outcome.result()
    return result
