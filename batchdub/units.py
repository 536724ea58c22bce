"""Durations, rates and times as people write and read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from batchdub.errors import UnusableInputError

_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SECONDS_PER_WINDOW = {"s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|min|h)")


def parse_duration_s(text: str) -> float:
    """Read a duration such as `0.5s`, `250ms`, `5m` or `8h` and give seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UnusableInputError(
            f"`{text}` is not a duration", "write a decimal with ms, s, m or h, such as 0.5s or 5m"
        )
    return float(match[1]) * _SECONDS_PER_UNIT[match[2]]


def format_duration(seconds: float) -> str:
    """Write seconds for people: `0.4 s`, `12 s`, `3 min 05 s`, `7 h 40 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass(frozen=True, slots=True)
class Rate:
    """How many calls a window of time may hold; `auto` is learned, `unlimited` has no window.

    `calls` per `window_s` seconds. For `auto` they are where learning starts.
    """

    calls: float
    window_s: float
    auto: bool = False

    @property
    def interval_s(self) -> float:
        """Seconds between two evenly spaced calls; 0 for `unlimited`."""
        return self.window_s / self.calls if self.calls else 0.0

    @property
    def unlimited(self) -> bool:
        """Whether calls are not spaced at all."""
        return self.calls == 0

    def __str__(self) -> str:
        if self.unlimited:
            return "unlimited"
        if self.auto:
            return "auto"
        unit = {1.0: "s", 60.0: "min", 3600.0: "h"}[self.window_s]
        return f"{self.calls:g}/{unit}"


DOCUMENTED_RATE = Rate(calls=60, window_s=60.0)
"""The API's documented limit on generation calls (API.md)."""

UNLIMITED = Rate(calls=0, window_s=1.0)

SPACING = 1.015
"""Spacing over the exact interval: 1.5 % wider saw no 429 in three kinds of window (measured)."""


def parse_rate(text: str) -> Rate:
    """Read `N/s`, `N/min`, `N/h`, `auto` or `unlimited`."""
    written = text.strip().lower()
    if written == "unlimited":
        return UNLIMITED
    if written == "auto":
        return Rate(DOCUMENTED_RATE.calls, DOCUMENTED_RATE.window_s, auto=True)
    match = _RATE.fullmatch(written)
    if match is None or float(match[1]) == 0:
        raise UnusableInputError(
            f"`{text}` is not a rate", "write N/s, N/min, N/h, auto or unlimited, such as 60/min"
        )
    return Rate(float(match[1]), _SECONDS_PER_WINDOW[match[2]])


def to_stored_time(moment: datetime) -> str:
    """Write a time for files and the ledger: UTC, milliseconds, `Z`; sorts as text."""
    # Thousands of times a second, and nearly always of a time that is in UTC already.
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_stored_time(text: str) -> datetime:
    """Read back what `to_stored_time` wrote."""
    return datetime.fromisoformat(text)


def parse_moment(text: str) -> datetime:
    """Read a time such as `2026-11-01T20:00Z`; without a zone it is this machine's local time."""
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnusableInputError(
            f"`{text}` is not a time", "write it as 2026-11-01T20:00Z"
        ) from None


def local_time(moment: datetime) -> str:
    """Write a time for people: their own zone, with the zone named."""
    # A plan tells a million of them, and `strftime` takes four times as long.
    local = moment.astimezone()
    return f"{local.replace(tzinfo=None).isoformat(' ', 'seconds')} {local.tzname()}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write `1 row`, `2 rows`, `28,800 rows`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
