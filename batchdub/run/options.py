"""What a run is told: one frozen value, with the defaults that the help promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batchdub.price import Tariff
from batchdub.run.file_names import NameTemplate
from batchdub.run.purse import Caps
from batchdub.run.threshold import Threshold
from batchdub.units import DOCUMENTED_RATE, Rate

DEFAULT_SETTLE_S = 300.0
SANDBOX_SETTLE_S = 2.0
DEFAULT_WAIT_LIMIT_S = 6 * 3600.0
DEFAULT_LINK_MARGIN_S = 900.0


@dataclass(frozen=True, slots=True)
class Window:
    """When orders may go: moments of the wall clock, and `lasts_s` seconds from the opening.

    None is open at that end.
    """

    opens_at: datetime | None = None
    closes_at: datetime | None = None
    lasts_s: float | None = None


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Download:
    """Where finished dubs go: an absolute folder, the names in it, and how many come at once.

    Without `names` they are as they were in this folder before.
    """

    folder: Path
    names: NameTemplate | None = None
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run spends.

    `rate` is a ceiling on orders, and the pace of look-ups has the same value. `settle_s` is how
    long a cut-off order may still be accepted. `max_attempts` counts tries per row in this run,
    429s aside. `max_jobs` caps this run's orders, `max_cost` and `max_cost_per_day` what they cost
    by the `tariff`, in millionths; what is in doubt is included. `verify` looks every row up just
    ahead of its send. `canary` sends the first order alone and waits to see it.
    `max_failures` are so many that nothing more is sent, and `window` is when anything may be.
    `wait` asks about every submitted job until it has ended, for `wait_limit_s` each at most.
    `max_in_flight` holds orders back while so many are unfinished at the API.
    A row goes only if its links are good for `link_margin_s` more: the media are fetched later.
    `download` fetches finished dubs, for which a run has to `wait`.
    """

    rate: Rate = DOCUMENTED_RATE
    concurrency: int = 8
    settle_s: float = DEFAULT_SETTLE_S
    hold_unknown: bool = False
    max_attempts: int = 5
    max_jobs: int | None = None
    tariff: Tariff | None = None
    max_cost: int | None = None
    max_cost_per_day: int | None = None
    verify: bool = False
    canary: bool = True
    max_failures: Threshold | None = None
    window: Window = ALWAYS
    wait: bool = False
    wait_limit_s: float = DEFAULT_WAIT_LIMIT_S
    max_in_flight: int | None = None
    link_margin_s: float = DEFAULT_LINK_MARGIN_S
    download: Download | None = None

    @property
    def caps(self) -> Caps:
        """What this run may spend at most."""
        currency = self.tariff.currency if self.tariff else ""
        return Caps(self.max_jobs, self.max_cost, self.max_cost_per_day, currency)
