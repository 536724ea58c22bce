"""Times of day as people say them, `22:00` or `06:30 Europe/Berlin`, and the moments they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from batchdub.errors import UnusableInputError

_WRITTEN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?: +(\S+))?")
_HINT = "write HH:MM, and a zone if it is not this machine's, such as `06:30 Europe/Berlin`"


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """An hour and a minute, in a named zone or in this machine's own (None)."""

    hour: int
    minute: int
    zone: ZoneInfo | None = None

    def __str__(self) -> str:
        written = f"{self.hour:02d}:{self.minute:02d}"
        return written if self.zone is None else f"{written} {self.zone.key}"


def parse_time_of_day(text: str) -> TimeOfDay:
    """Read `HH:MM`, or `HH:MM ZONE` with a zone of the IANA database. Raises UnusableInputError."""
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise UnusableInputError(f"`{text}` is not a time of day", _HINT)
    zone = None if written[3] is None else _zone(written[3])
    return TimeOfDay(int(written[1]), int(written[2]), zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnusableInputError(f"`{name}` is not a time zone", _HINT) from None


def opening_moment(at: TimeOfDay, now: datetime) -> datetime:
    """Give the moment before which nothing is to begin: the nearest such time, in UTC.

    Half a day back it has passed, and does not mean tomorrow: a job that cron starts at ten
    sharp, not before ten, must not wait for a day.
    """
    return next_moment(at, now - timedelta(hours=12))


def next_moment(at: TimeOfDay, after: datetime) -> datetime:
    """Give the first moment later than `after` at which it is this time of day, in UTC.

    Where a change to summer time skips it, it is the moment an hour later by the new time.
    """
    today = after.astimezone(at.zone).date()
    for days in range(-1, 3):
        day = today + timedelta(days=days)
        # Without a zone it is the machine's own, and that day's offset, not today's.
        local = datetime(day.year, day.month, day.day, at.hour, at.minute, tzinfo=at.zone)
        moment = local.astimezone(UTC)
        if moment > after:
            return moment
    raise AssertionError("every day has every time of day, or the hour after it")


def day_of(moment: datetime) -> tuple[datetime, datetime]:
    """Give the moments, in UTC, at which the day of a moment begins and ends on this machine."""
    day = moment.astimezone().date()
    began_at = datetime(day.year, day.month, day.day).astimezone(UTC)
    return began_at, next_moment(TimeOfDay(0, 0), moment)
