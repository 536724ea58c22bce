"""How a run spends: the options that its commands share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import click

from batchdub.cli.download_options import DOWNLOADING
from batchdub.cli.money_options import MONEY_OPTIONS, Money
from batchdub.cli.options import (
    DURATION_S,
    RATE,
    base_url_option,
    key_file_option,
    ledger_option,
    option,
    parsed,
)
from batchdub.cli.probe_options import probe_option
from batchdub.cli.sandbox_options import fault_option, seed_option, tokens_option
from batchdub.errors import UnusableInputError
from batchdub.hours import TimeOfDay, parse_time_of_day
from batchdub.price import DEFAULT_DURATION_COLUMN, Amount, Price
from batchdub.run.file_names import NameTemplate
from batchdub.run.serving import Serving, parse_serving
from batchdub.run.threshold import Threshold, parse_threshold
from batchdub.units import Rate

F = TypeVar("F", bound="Callable[..., Any]")

TIME_OF_DAY = parsed("time of day", parse_time_of_day)
"""A time such as `06:00`; the command gets a `hours.TimeOfDay`."""

rate_option = option(
    "--rate",
    type=RATE,
    metavar="RATE",
    default="60/min",
    help="Most orders in a time: N/s, N/min, N/h, auto or unlimited.",
)
settle_option = option(
    "--settle",
    "settle_s",
    type=DURATION_S,
    metavar="TIME",
    show_default="5m; 2s with --sandbox",
    help="How long a cut-off order may still be accepted.",
)
on_unknown_option = option(
    "--on-unknown",
    type=click.Choice(["reorder", "hold"]),
    default="reorder",
    metavar="reorder|hold",
    help="What to do with an order that the list does not show after that time.",
)
sandbox_option = option(
    "--sandbox",
    is_flag=True,
    help="Order nothing for real: start a stand-in API inside the run. It allows --rate.",
)
yes_option = option(
    "--yes", is_flag=True, help="Do not ask first (without a terminal it never asks)."
)
wait_limit_option = option(
    "--wait-limit",
    "wait_limit_s",
    type=DURATION_S,
    metavar="TIME",
    show_default="6h",
    help="How long each row is waited for; one that takes longer is stalled.",
)
events_option = option(
    "--events",
    metavar="FILE",
    help="Add every event to this file as a line of JSON; `-` is the output.",
)
log_file_option = option(
    "--log-file",
    metavar="FILE",
    help="Add every event to this log; it begins anew after 10 MB, and five are kept.",
)
_WAITING = (
    ledger_option,
    base_url_option,
    key_file_option,
    option(
        "--rate",
        type=RATE,
        metavar="RATE",
        default="60/min",
        help="Most calls in a time: N/s, N/min, N/h, auto or unlimited.",
    ),
    wait_limit_option,
    *DOWNLOADING,
    settle_option,
    events_option,
    log_file_option,
    sandbox_option,
    fault_option,
    seed_option,
)
link_margin_option = option(
    "--link-margin",
    "link_margin_s",
    type=DURATION_S,
    metavar="TIME",
    default="15m",
    help="How long a signed link must be good beyond its row's turn.",
)
strict_option = option(
    "--strict", is_flag=True, help="Take a pair that looks wrong for a problem, not for a warning."
)
_SETTLING = (
    ledger_option,
    base_url_option,
    key_file_option,
    rate_option,
    settle_option,
    on_unknown_option,
    sandbox_option,
    fault_option,
    seed_option,
)
_ORDERING = (
    ledger_option,
    base_url_option,
    key_file_option,
    rate_option,
    option(
        "--concurrency",
        type=click.IntRange(1, 256),
        metavar="N",
        default=8,
        help="Most orders on the wire at once.",
    ),
    settle_option,
    on_unknown_option,
    option(
        "--max-attempts",
        type=click.IntRange(1),
        metavar="N",
        default=5,
        help="Most tries of one row in this run.",
    ),
    *MONEY_OPTIONS,
    option(
        "--max-failures",
        type=parsed("threshold", parse_threshold),
        metavar="N|P%",
        help="Order nothing more once N rows, or P% of them but at least of 20, were refused or"
        " failed. Ten in a row with the same words always end a run.",
    ),
    option(
        "--not-before",
        type=TIME_OF_DAY,
        metavar="HH:MM",
        help="Order nothing before this time; half a day back it has passed. A zone may follow:"
        " '22:00 Europe/Berlin'.",
    ),
    option(
        "--until",
        type=TIME_OF_DAY,
        metavar="HH:MM",
        help="Order nothing more from this time on, when it next comes, then exit 5 if rows are"
        " left. A zone may follow.",
    ),
    option(
        "--max-duration",
        "max_duration_s",
        type=DURATION_S,
        metavar="TIME",
        help="Order nothing more after so long, then exit 5 if rows are left.",
    ),
    option(
        "--order",
        "serving",
        type=parsed("column", parse_serving),
        metavar="COLUMN",
        help="Serve rows by this column, the smallest first; COLUMN:desc the largest first.",
    ),
    events_option,
    log_file_option,
    option("--wait", is_flag=True, help="Ask about the rows until every one of them has ended."),
    wait_limit_option,
    *DOWNLOADING,
    option(
        "--max-in-flight",
        type=click.IntRange(1),
        metavar="N",
        help="Hold orders back while N are unfinished at the API.",
    ),
    option("--verify", is_flag=True, help="Look every row up just ahead of its order."),
    link_margin_option,
    probe_option,
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
    yes_option,
    sandbox_option,
    fault_option,
    tokens_option,
    seed_option,
)


def run_options(command: F) -> F:
    """Give a command all options of a run; it takes them as keywords."""
    return _decorated(command, _ORDERING)


def settling_options(command: F) -> F:
    """Give a command the options of a run that apply where nothing is ordered."""
    return _decorated(command, _SETTLING)


def waiting_options(command: F) -> F:
    """Give a command the options of a run that only asks what became of orders."""
    return _decorated(command, _WAITING)


def _decorated(command: F, options: Sequence[Callable[[Any], Any]]) -> F:
    return reduce(lambda wrapped, decorate: decorate(wrapped), reversed(options), command)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values of the shared options, by their names; where nothing is ordered, without some."""

    ledger: str
    base_url: str | None
    key_file: str | None
    rate: Rate
    settle_s: float | None
    sandbox: bool
    faults: tuple[Any, ...]
    seed: int
    on_unknown: str = "reorder"
    concurrency: int = 1
    max_attempts: int = 1
    max_jobs: int | None = None
    price: Price | None = None
    duration_column: str = DEFAULT_DURATION_COLUMN
    max_cost: Amount | None = None
    max_cost_per_day: Amount | None = None
    wait: bool = False
    wait_limit_s: float | None = None
    download: str | None = None
    download_name: NameTemplate | None = None
    download_concurrency: int = 4
    max_in_flight: int | None = None
    verify: bool = False
    link_margin_s: float = 0.0
    probe: bool = False
    reorder_changed: bool = False
    no_canary: bool = False
    allow_same_media: bool = False
    max_failures: Threshold | None = None
    not_before: TimeOfDay | None = None
    until: TimeOfDay | None = None
    max_duration_s: float | None = None
    serving: Serving | None = None
    events: str | None = None
    log_file: str | None = None
    yes: bool = False
    tokens: int | None = None

    @property
    def waits(self) -> bool:
        """Whether the run ends when its rows have: without that there is nothing to download."""
        return self.wait or self.download is not None

    def __post_init__(self) -> None:
        _ = self.money  # which refuses a cap that nothing can count
        if not self.sandbox and (self.faults or self.tokens is not None):
            raise UnusableInputError(
                "--fault and --tokens are the sandbox's", "add --sandbox, or leave them out"
            )

    @property
    def money(self) -> Money:
        """What an order costs, and how much may be spent."""
        return Money(
            self.max_jobs, self.price, self.duration_column, self.max_cost, self.max_cost_per_day
        )
