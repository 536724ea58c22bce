"""Telling of rows whose media changed since they were ordered, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdub.plan import Fate
from batchdub.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchdub.cli.talk import Talk
    from batchdub.plan import Totals
    from batchdub.run.result import RunResult


def tell_changed(result: RunResult, talk: Talk) -> None:
    """Tell of a run's rows whose media changed since they were ordered, and the way on."""
    for line in changed_lines(result):
        talk.warn(line)
    if way := way_with_changed(result.totals):
        talk.hint(way)


def changed_part(totals: Totals) -> list[str]:
    """Give what the count of a run's rows says of those that changed, if any did."""
    number = totals.fates[Fate.CHANGED]
    return [f"{number:,} of them with media changed since"] if number else []


def changed_lines(result: RunResult) -> Iterator[str]:
    """Name the first rows that are done and whose media changed since they were ordered."""
    for item in result.changed:
        yield f"{item.source}: `{item.reference_id}`: {item.why}"
    totals = result.totals
    more = totals.fates[Fate.CHANGED] - totals.stuck - len(result.changed)
    if more > 0:
        yield f"… and {counted(more, 'more row')} whose media changed: `batchdub plan --probe`"


def way_with_changed(totals: Totals) -> str:
    """Say how rows whose media changed since they were ordered are ordered again, and which not."""
    ways = []
    if totals.fates[Fate.CHANGED] > totals.stuck:
        ways.append(
            "the same command with --reorder-changed orders what changed again, each paid anew;"
            " what was made stays"
        )
    if totals.making:
        still = "row is" if totals.making == 1 else "rows are"
        ways.append(
            f"{totals.making:,} {still} still being made of media that changed meanwhile:"
            " `batchdub wait` first, then look again"
        )
    return "; ".join(ways)
