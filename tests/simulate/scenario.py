"""What one seed decides beforehand: the season, the nights, the adversary's moods. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from batchdub.price import Tariff, parse_price
from batchdub.run.options import RunOptions
from batchdub.units import UNLIMITED, Rate
from tests.simulate.faults import (
    EDITS,
    LIST_FAULTS,
    ORDER_FAULTS,
    POLL_FAULTS,
    WINDOW_FAULTS,
    Fault,
)

TARIFF = Tariff(parse_price("0.60/min"), "length")
_HOUR_S = 3600.0
_GAPS_S = ((0.0, 2.0), (5.0, 90.0), (200.0, 4000.0), (8 * _HOUR_S, 14 * _HOUR_S))


def dice(*about: object) -> random.Random:
    """Make the chance that depends on nothing but the arguments."""
    return random.Random(":".join(map(str, about)))  # noqa: S311  chance to be repeated


def length_of(number: int) -> int:
    """Give how long a row's media are, in seconds: rows cost more and less."""
    return 60 + 50 * (number % 5)


def cost_of(number: int) -> int:
    """Give what a row costs, in millionths, reckoned apart from the program: a second is a cent."""
    return 10_000 * length_of(number)


@dataclass(frozen=True, slots=True)
class Window:
    """A fault that lasts, in seconds after a night's beginning."""

    fault: Fault
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Mishap:
    """What befalls a process of ours, and when: at its n-th step, commit or answer.

    `extra` is for power cuts (whether what was not synced is lost) and for the second interrupt
    (how many steps before the answer is handed on).
    """

    fault: Fault
    at: int
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Night:
    """One run: what comes before it, how it is called, and what befalls it."""

    gap_s: float
    options: RunOptions
    before: tuple[Fault, ...] = ()
    edits: tuple[Fault, ...] = ()
    windows: tuple[Window, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    wall_skew_s: float = 0.0
    jumps: tuple[tuple[float, float], ...] = ()
    """Seconds after the beginning, and the wall clock's error from then on."""
    helps: bool = False
    """Whether a person acts in the morning, as the run's last words say."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A season of nights. All delays add up to less than `settle_s`, unless a fault says so."""

    seed: int
    rows: int
    first_rows: tuple[int, ...]
    """The rows of the manifest before its first edit, by number."""
    second_rows: tuple[int, ...]
    """The same before its second edit; empty if there is but one."""
    settle_s: float
    rate: Rate
    server_limits: bool
    page_limit: int
    list_order: str
    late_s: float
    lag_s: float
    back_s: float
    order_faults: Mapping[Fault, float]
    list_faults: Mapping[Fault, float]
    node_skews_s: tuple[float, ...]
    no_date: float
    cached_date: bool
    odd_times: bool
    short_memory: bool
    foreign: int
    older: tuple[int, ...]
    another_machine: float
    nights: tuple[Night, ...] = field(repr=False)
    waits: bool = False
    """Whether the runs wait until the dubs are made."""
    poll_faults: Mapping[Fault, float] = field(default_factory=dict)


def draw(seed: int) -> Scenario:
    """Decide everything that can be decided beforehand."""
    rng = dice("scenario", seed)
    settle_s = rng.choice((4.0, 10.0, 30.0, 60.0))
    shares = sorted((rng.uniform(0, 0.85), rng.uniform(0, 0.85)))
    told = rng.random() < 0.35
    rows = rng.choice((3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12))
    rate = rng.choice((Rate(5, 60.0), Rate(20, 60.0), Rate(60, 60.0), Rate(4, 1.0)))
    if rng.random() < 0.08:
        rate, told = Rate(60, 60.0, auto=True), True
    order_faults = _moods(rng, ORDER_FAULTS, rng.randint(2, 6), (0.04, 0.3))
    for fault, chance in ((Fault.LATE_TOO, 0.08), (Fault.PROXY_TWICE, 0.06)):
        if rng.random() < chance:
            order_faults[fault] = rng.uniform(0.1, 0.3)
    short_memory = rng.random() < 0.06
    if short_memory:
        # A refusal that was none is looked up again only at the next try, too late for this list.
        order_faults.pop(Fault.TOO_MANY_AFTER, None)
    list_faults = _moods(rng, LIST_FAULTS, rng.randint(0, 4), (0.03, 0.25))
    if Fault.TOO_MANY_AFTER in order_faults:
        list_faults.pop(Fault.LIST_BACKWARDS, None)
    scenario = Scenario(
        seed=seed,
        rows=rows,
        first_rows=tuple(range(rows)),
        second_rows=(),
        settle_s=settle_s,
        rate=rate if told else UNLIMITED,
        server_limits=told and rate.auto,
        page_limit=rng.choice((1, 1, 2, 3, 100)),
        list_order=rng.choice(("asc", "desc", "hash")),
        late_s=shares[0] * settle_s,
        lag_s=(shares[1] - shares[0]) * settle_s if rng.random() < 0.5 else 0.0,
        back_s=(0.9 - shares[1]) * settle_s,
        order_faults=order_faults,
        list_faults=list_faults,
        node_skews_s=_nodes(rng),
        no_date=rng.choice((0.0, 0.0, 0.0, 0.3, 1.0)),
        cached_date=rng.random() < 0.06,
        odd_times=rng.random() < 0.3,
        short_memory=short_memory,
        foreign=rng.choice((0, 0, 3, 8, 45)),
        older=_older(rng, rows),
        another_machine=0.15 if rng.random() < 0.06 else 0.0,
        nights=tuple(
            _night(rng, number, settle_s, rate if told else UNLIMITED)
            for number in range(rng.randint(2, 5))
        ),
    )
    shaped = rng.choice(_SHAPES)(rng, scenario) if rng.random() < 0.4 else scenario
    # Chance of its own, as below.
    back = dice("goes back", seed)
    if back.random() < 0.03:
        shaped = _goes_back(back, scenario)
    if any(map(_losses, shaped.nights)):
        # A ledger that is gone and a list that forgets: nobody could know of the orders.
        shaped = replace(shaped, short_memory=False)
    # Chance of its own: who waits, for what, and who counts money, must not change all other seeds.
    return _priced(dice("money", seed), _waiting(dice("waiting", seed), shaped))


_LOSSES = frozenset({Fault.LEDGER_DELETED, Fault.LEDGER_RESTORED, Fault.LEDGER_DELETED_RUNNING})


def _waiting(rng: random.Random, scenario: Scenario) -> Scenario:
    """In some seasons the runs wait for their dubs, and hold orders back for it."""
    if rng.random() < 0.6 or len(scenario.first_rows) < scenario.rows:
        # What `_grows` and the like are made for takes nights that go exactly as they were drawn.
        return scenario
    faults = _moods(rng, POLL_FAULTS, rng.randint(0, 3), (0.1, 0.5))
    if any(_losses(night) for night in scenario.nights):
        # A ledger that is gone and an API that hides orders: nobody could know of them.
        faults.pop(Fault.FORGOTTEN, None)
        faults.pop(Fault.FOREIGN_ECHO, None)
    nights = tuple(
        replace(night, options=_waits(rng, night.options)) if rng.random() < 0.8 else night
        for night in scenario.nights
    )
    return replace(scenario, waits=True, poll_faults=faults, nights=nights)


def _waits(rng: random.Random, options: RunOptions) -> RunOptions:
    return replace(
        options,
        wait=rng.random() < 0.9,
        wait_limit_s=rng.choice((10.0, 200.0, 4000.0)),
        max_in_flight=rng.choice((None, None, 1, 2, 4)),
    )


def _priced(rng: random.Random, scenario: Scenario) -> Scenario:
    """In some seasons orders have a price, and the nights caps on what they may cost."""
    if rng.random() < 0.65 or len(scenario.first_rows) < scenario.rows:
        return scenario
    nights = tuple(
        replace(night, options=_capped(rng, night.options, scenario.rows))
        for night in scenario.nights
    )
    return replace(scenario, nights=nights)


def _capped(rng: random.Random, options: RunOptions, rows: int) -> RunOptions:
    """Cap a night so that some orders fit, and rarely all."""
    all_of_it = sum(map(cost_of, range(rows)))
    return replace(
        options,
        tariff=TARIFF,
        max_jobs=rng.randint(1, 5) if rng.random() < 0.2 else options.max_jobs,
        max_cost=int(all_of_it * rng.uniform(0.1, 0.8)) if rng.random() < 0.5 else None,
        max_cost_per_day=int(all_of_it * rng.uniform(0.2, 1)) if rng.random() < 0.6 else None,
    )


def _losses(night: Night) -> frozenset[Fault]:
    return _LOSSES & {*night.before, *(mishap.fault for mishap in night.mishaps)}


def _moods(
    rng: random.Random, kinds: tuple[Fault, ...], number: int, odds: tuple[float, float]
) -> dict[Fault, float]:
    return {kind: rng.uniform(*odds) for kind in rng.sample(kinds, number)}


def _nodes(rng: random.Random) -> tuple[float, ...]:
    if rng.random() < 0.7:
        return (0.0,)
    return tuple(rng.choice((0.0, rng.uniform(-7200, 7200))) for _ in range(rng.randint(1, 3)))


def _older(rng: random.Random, rows: int) -> tuple[int, ...]:
    if rng.random() < 0.75:
        return ()
    return tuple(sorted(rng.sample(range(rows), rng.randint(1, min(3, rows)))))


def _night(rng: random.Random, number: int, settle_s: float, rate: Rate) -> Night:
    gap_s = rng.uniform(*rng.choice(_GAPS_S))
    if rng.random() < 0.06:
        gap_s = rng.uniform(25 * _HOUR_S, 30 * _HOUR_S)
    before = _before(rng) if number else ()
    if before:
        # What was ordered less than the settle window ago may not show yet, to nobody.
        gap_s += settle_s + 60.0
    edits: tuple[Fault, ...] = ()
    if number and rng.random() < 0.35:
        edits = tuple(rng.sample(EDITS, rng.randint(1, 2)))
    return Night(
        gap_s=gap_s,
        options=_options(rng, settle_s, rate),
        before=before,
        edits=edits,
        windows=_windows(rng),
        mishaps=_mishaps(rng, first=not number),
        wall_skew_s=rng.uniform(-7200, 7200) if rng.random() < 0.25 else 0.0,
        jumps=_jumps(rng, settle_s),
        helps=rng.random() < 0.5,
    )


def _before(rng: random.Random) -> tuple[Fault, ...]:
    if rng.random() < 0.2:
        kinds = (Fault.LEDGER_DELETED, Fault.LEDGER_RESTORED, Fault.NEW_KEY, Fault.OTHER_ACCOUNT)
        return (rng.choice(kinds),)
    return ()


def _options(rng: random.Random, settle_s: float, rate: Rate) -> RunOptions:
    return RunOptions(
        rate=rate,
        concurrency=rng.choice((1, 2, 4, 8)),
        settle_s=settle_s,
        hold_unknown=rng.random() < 0.08,
        max_attempts=rng.choice((2, 3, 5, 5)),
        max_jobs=rng.randint(1, 5) if rng.random() < 0.15 else None,
        verify=rng.random() < 0.1,
        canary=rng.random() < 0.3,
    )


def _windows(rng: random.Random) -> tuple[Window, ...]:
    if rng.random() < 0.65:
        return ()
    fault = rng.choice(WINDOW_FAULTS)
    from_s = rng.choice((0.0, rng.uniform(0, 5), rng.uniform(0, 60)))
    lasts_s = rng.choice((rng.uniform(1, 20), rng.uniform(20, 200), rng.uniform(200, 900)))
    return (Window(fault, from_s, from_s + lasts_s),)


def _jumps(rng: random.Random, settle_s: float) -> tuple[tuple[float, float], ...]:
    if rng.random() < 0.75:
        return ()
    return tuple(
        (rng.uniform(0, 2 * settle_s), rng.uniform(-7200, 7200)) for _ in range(rng.randint(1, 2))
    )


def _mishaps(rng: random.Random, *, first: bool) -> tuple[Mishap, ...]:
    found = []
    roll = rng.random()
    if roll < 0.3:
        found.append(Mishap(Fault.KILL_STEP, int(2 ** rng.uniform(3, 11)), rng.randrange(2)))
    elif roll < 0.55:
        kind = rng.choice((Fault.KILL_BEFORE_COMMIT, Fault.KILL_AFTER_COMMIT))
        # The first commits open the ledger; what matters comes after them.
        found.append(Mishap(kind, rng.randint(1 if first else 2, 30), rng.randrange(2)))
    elif roll < 0.63:
        found.append(Mishap(Fault.COMMIT_FAILS, rng.randint(5, 30)))
    elif roll < 0.7:
        found.append(Mishap(Fault.INTERRUPT, int(2 ** rng.uniform(5, 10))))
    elif roll < 0.8:
        found.append(Mishap(Fault.INTERRUPT_TWICE, rng.randint(1, 8), rng.randrange(4)))
    elif roll < 0.83:
        found.append(Mishap(Fault.LEDGER_DELETED_RUNNING, int(2 ** rng.uniform(5, 10))))
    if rng.random() < 0.1:
        found.append(Mishap(Fault.OVERLAP, int(2 ** rng.uniform(4, 9))))
    return tuple(found)


# -- shapes: what comes together by design, because chance would take too long --------------------

_UNSAMPLED = (3, 8)
"""Of twelve rows to be sent, those that the start look's sample of ten leaves out."""
_LAST = (12,)
"""The row that is ordered on an evening of its own, so that the ledger is not new any more."""


def _grows(rng: random.Random, scenario: Scenario) -> Scenario:
    """Order two rows, lose the ledger, and come back with the whole season around them."""
    first, second, *more = scenario.nights
    gap_s = second.gap_s + scenario.settle_s + 60.0
    second = replace(second, before=(Fault.LEDGER_DELETED,), gap_s=gap_s, edits=())
    first = replace(first, mishaps=(), windows=())
    return replace(
        scenario, rows=12, first_rows=_UNSAMPLED, older=(), nights=(first, second, *more)
    )


def _goes_back(rng: random.Random, scenario: Scenario) -> Scenario:
    """Order a row, then two others, restore the copy made in between, order the whole season."""
    first, second, *more = scenario.nights
    third = replace(
        rng.choice(scenario.nights),
        before=(Fault.LEDGER_RESTORED,), gap_s=second.gap_s + scenario.settle_s + 60.0, edits=(),
    )  # fmt: skip
    first, second = (
        replace(night, mishaps=(), windows=(), before=(), edits=()) for night in (first, second)
    )
    foreign, page_limit = rng.choice(((0, 100), (8, 100), (70, 1)))
    return replace(
        scenario, rows=13, first_rows=_LAST, second_rows=_UNSAMPLED, older=(),
        foreign=foreign, page_limit=page_limit, list_faults={},
        nights=(first, second, third, *more),
    )  # fmt: skip


def _crowded(rng: random.Random, scenario: Scenario) -> Scenario:
    """Have so long an account that nobody reads it, and older orders where no sample looks."""
    first, second, *more = scenario.nights
    faults = {Fault.DROP_BEFORE: 0.4} | dict(scenario.order_faults)
    faults.pop(Fault.SWAPPED_ID, None)
    return replace(
        scenario, rows=13, first_rows=_LAST, foreign=70, page_limit=1,
        older=_UNSAMPLED, order_faults=faults, list_faults={},
        list_order=rng.choice(("desc", "hash")),
        nights=(
            replace(first, windows=(), mishaps=()),
            replace(second, windows=(), mishaps=(), before=(), edits=()),
            *more,
        ),
    )  # fmt: skip


def _clockless(rng: random.Random, scenario: Scenario) -> Scenario:
    """Have no clock to go by: nodes that disagree, a wall clock that jumps, and late orders."""
    settle_s = scenario.settle_s
    nights = tuple(
        replace(
            night,
            gap_s=rng.uniform(0, 3) if number else night.gap_s,
            before=(),
            windows=(),
            wall_skew_s=rng.uniform(-7200, 7200),
            jumps=tuple(
                (at_s, rng.uniform(-7200, 7200))
                for at_s in sorted(rng.uniform(0, 1.5 * settle_s) for _ in range(4))
            ),
        )
        for number, night in enumerate(scenario.nights)
    )
    return replace(
        scenario,
        late_s=0.8 * settle_s, lag_s=0.0, back_s=0.1 * settle_s,
        order_faults={Fault.LATE: 0.5, Fault.HANG_BEFORE: 0.05},
        node_skews_s=rng.choice(((0.0,), (rng.uniform(-7200, 0), 0.0, rng.uniform(0, 7200)))),
        no_date=rng.choice((0.0, 0.0, 0.3, 1.0)),
        nights=nights,
    )  # fmt: skip


def _deaf(rng: random.Random, scenario: Scenario) -> Scenario:
    """Lose replies while the list does not answer either."""
    nights = tuple(
        replace(
            night,
            before=(),
            windows=(Window(Fault.LIST_OUTAGE, rng.uniform(0.5, 5), rng.uniform(100, 900)),),
        )
        for night in scenario.nights
    )
    faults = {Fault.DROP_AFTER: 0.3, Fault.TOO_MANY_AFTER: 0.15, Fault.ERROR_AFTER: 0.15}
    return replace(scenario, order_faults=faults, lag_s=0.0, list_faults={}, nights=nights)


def _crash_loop(rng: random.Random, scenario: Scenario) -> Scenario:
    """Die and come back within a second, again and again, while the list lags behind."""
    settle_s = scenario.settle_s
    rate = scenario.rate if scenario.rate.unlimited else Rate(5, 60.0)
    nights = tuple(
        Night(
            gap_s=rng.uniform(0, 1.0) if number else 5.0,
            options=replace(
                night.options,
                rate=rate,
                canary=False,
                max_jobs=None,
                concurrency=rng.choice((1, 4)),
            ),
            mishaps=_death(rng, first=not number),
        )
        for number, night in enumerate((*scenario.nights, *scenario.nights))
    )
    return replace(
        scenario, rate=rate, server_limits=False,
        late_s=0.1 * settle_s, lag_s=0.7 * settle_s, back_s=0.05 * settle_s,
        order_faults={Fault.SLOW: 0.1}, list_faults={}, nights=nights,
    )  # fmt: skip


def _death(rng: random.Random, *, first: bool) -> tuple[Mishap, ...]:
    kind = rng.choice((Fault.KILL_BEFORE_COMMIT, Fault.KILL_AFTER_COMMIT))
    commit = rng.randint(8, 30) if first else rng.randint(5, 14)
    return (Mishap(kind, commit, rng.randrange(2)),)


_SHAPES: tuple[Callable[[random.Random, Scenario], Scenario], ...] = (
    _grows, _crowded, _clockless, _deaf, _crash_loop,
)  # fmt: skip
