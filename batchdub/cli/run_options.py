"""How a run spends: the options that `run` and `resume` share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import click

from batchdub.cli.options import (
    DURATION_S,
    RATE,
    base_url_option,
    key_file_option,
    ledger_option,
    option,
)
from batchdub.cli.sandbox_options import fault_option, seed_option, tokens_option
from batchdub.errors import UnusableInputError
from batchdub.units import Rate

F = TypeVar("F", bound="Callable[..., Any]")

_OPTIONS = (
    ledger_option,
    base_url_option,
    key_file_option,
    option(
        "--rate",
        type=RATE,
        metavar="RATE",
        default="60/min",
        help="Most orders in a time: N/s, N/min, N/h, auto or unlimited.",
    ),
    option(
        "--concurrency",
        type=click.IntRange(1, 256),
        metavar="N",
        default=8,
        help="Most orders on the wire at once.",
    ),
    option(
        "--settle",
        "settle_s",
        type=DURATION_S,
        metavar="TIME",
        show_default="5m; 2s with --sandbox",
        help="How long a cut-off order may still be accepted.",
    ),
    option(
        "--on-unknown",
        type=click.Choice(["reorder", "hold"]),
        default="reorder",
        metavar="reorder|hold",
        help="What to do with an order that the list does not show after that time.",
    ),
    option(
        "--max-attempts",
        type=click.IntRange(1),
        metavar="N",
        default=5,
        help="Most tries of one row in this run.",
    ),
    option(
        "--max-jobs",
        type=click.IntRange(0),
        metavar="N",
        help="Order at most N rows, then exit 5 if rows are left.",
    ),
    option("--verify", is_flag=True, help="Look every row up just ahead of its order."),
    option(
        "--no-canary",
        is_flag=True,
        help="Do not wait to see the first order in the API's list.",
    ),
    option(
        "--allow-same-media",
        is_flag=True,
        help="Order a row although the same media is ordered under another id.",
    ),
    option(
        "--yes",
        is_flag=True,
        help="Do not ask before ordering (without a terminal it never asks).",
    ),
    option(
        "--sandbox",
        is_flag=True,
        help="Order nothing for real: start a stand-in API inside the run. It allows --rate.",
    ),
    fault_option,
    tokens_option,
    seed_option,
)


def run_options(command: F) -> F:
    """Give a command all options of a run; it takes them as keywords."""
    return reduce(lambda wrapped, decorate: decorate(wrapped), reversed(_OPTIONS), command)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values of the shared options, by their names."""

    ledger: str
    base_url: str | None
    key_file: str | None
    rate: Rate
    concurrency: int
    settle_s: float | None
    on_unknown: str
    max_attempts: int
    max_jobs: int | None
    verify: bool
    no_canary: bool
    allow_same_media: bool
    yes: bool
    sandbox: bool
    faults: tuple[Any, ...]
    tokens: int | None
    seed: int

    def __post_init__(self) -> None:
        if not self.sandbox and (self.faults or self.tokens is not None):
            raise UnusableInputError(
                "--fault and --tokens are the sandbox's", "add --sandbox, or leave them out"
            )
