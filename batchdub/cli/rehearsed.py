"""What a rehearsal has shown: one line for people, one row for programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from batchdub.cli.render import render
from batchdub.models import Cause
from batchdub.plan import expected_duration_s
from batchdub.units import Rate, counted, format_duration

if TYPE_CHECKING:
    from batchdub.cli.invocation import Invocation
    from batchdub.run.rehearsal.judge import Judgement
    from batchdub.run.rehearsal.perform import Performance

COLUMNS = (
    "rows", "orders", "duplicates", "losses", "held", "left", "lost_replies", "rate_limited",
    "kills", "runs", "elapsed_s", "tonight_orders", "tonight_s", "seed",
)  # fmt: skip
_LOST = (Cause.TIMEOUT, Cause.DROPPED, Cause.SERVER, Cause.STRANGE, Cause.PAID_WITHOUT_ID)


def row_of(
    judgement: Judgement,
    causes: Counter[str],
    performance: Performance,
    *,
    seed: int,
    tonight_orders: int,
    rate: Rate,
) -> dict[str, object]:
    """Give the row of a rehearsal, with what its faults make of tonight's orders at tonight's pace.

    `causes` counts the calls by how they ended: each that a fault made necessary takes a slot of
    the real night as well. `tonight_s` is None where nothing paces the calls.
    """
    tries = causes.total() / judgement.orders if judgement.orders else 1.0
    calls = tonight_orders * max(1.0, tries)
    lasts_s = expected_duration_s(math.ceil(calls), rate)
    return {
        "rows": judgement.rows,
        "orders": judgement.orders,
        "duplicates": judgement.duplicates,
        "losses": judgement.losses,
        "held": judgement.held,
        "left": judgement.left,
        "lost_replies": sum(causes[cause] for cause in _LOST),
        "rate_limited": causes[Cause.RATE_LIMIT],
        "kills": performance.kills,
        "runs": performance.runs,
        "elapsed_s": round(performance.elapsed_s, 1),
        "tonight_orders": tonight_orders,
        "tonight_s": None if lasts_s is None else round(lasts_s, 1),
        "seed": seed,
    }


def tell(
    row: Mapping[str, object],
    judgement: Judgement,
    rate: Rate,
    format_name: str,
    invocation: Invocation,
) -> None:
    """Print the row, as one line unless another format is wanted, and name what went wrong."""
    talk = invocation.talk
    talk.say(f"met {', '.join(_met(row))}; {counted(_number(row, 'runs'), 'run')}"
             f" in {format_duration(float(str(row['elapsed_s'])))}")  # fmt: skip
    if format_name == "table":
        click.echo(line_of(row, rate))
    else:
        render([row], COLUMNS, format_name, invocation.environ)
    for what in judgement.named:
        talk.problem(what)
    more = judgement.duplicates + judgement.losses - len(judgement.named)
    if more > 0 and judgement.named:
        talk.problem(f"… and up to {more:,} more")


def line_of(row: Mapping[str, object], rate: Rate) -> str:
    """Say in one line what a rehearsal has shown, and how long the real night will take."""
    parts = [
        counted(_number(row, "orders"), "order"),
        counted(_number(row, "duplicates"), "duplicate"),
        counted(_number(row, "losses"), "loss", "losses"),
    ]
    parts += [f"{_number(row, 'held'):,} held back"] if row["held"] else []
    parts += [f"{_number(row, 'left'):,} left at the token limit"] if row["left"] else []
    return f"{counted(_number(row, 'rows'), 'row')}: {', '.join(parts)}; {_tonight(row, rate)}"


def _tonight(row: Mapping[str, object], rate: Rate) -> str:
    if not row["tonight_orders"]:
        return "tonight has nothing to order"
    if row["tonight_s"] is None:
        return "tonight goes as fast as the API"
    return f"tonight takes about {format_duration(float(str(row['tonight_s'])))} at {rate}"


def _met(row: Mapping[str, object]) -> Iterator[str]:
    yield counted(_number(row, "lost_replies"), "lost reply", "lost replies")
    yield counted(_number(row, "rate_limited"), "call") + " turned away (429)"
    yield counted(_number(row, "kills"), "kill")


def _number(row: Mapping[str, object], name: str) -> int:
    return int(str(row[name]))
