"""Signed links: which of a row's are dead when its turn comes, and when that turn is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from batchdub.link_life import LinkLife, life_of
from batchdub.models import Row
from batchdub.units import SPACING, Rate, counted, format_duration, local_time

FRESH_LINKS = "make fresh links, for example by exporting the manifest again"


@dataclass(frozen=True, slots=True)
class Life:
    """How long a row's links are good: those of them that say so, by their field, video first."""

    links: tuple[tuple[str, LinkLife], ...]


def life_of_row(row: Row) -> Life | None:
    """Read the life of a row's links; None where none of them says anything of its time."""
    if "?" not in row.video_url and "?" not in row.audio_url:
        return None
    video, audio = life_of(row.video_url), life_of(row.audio_url)
    if video is None and audio is None:
        return None
    links = tuple(
        (name, life)
        for name, life in (("video_url", video), ("audio_url", audio))
        if life is not None and (life.starts_at or life.ends_at)
    )
    return Life(links) if links else None


def doom(life: Life | None, at: datetime, margin_s: float) -> str:
    """Say why a row that is sent at a moment could not be fetched; empty if its links are good.

    A link must be good for `margin_s` more, since the media are fetched some time after the order.
    """
    for name, link in life.links if life else ():
        if not link.is_good_at(at, margin_s):
            return f"its {_what(name, link, at, margin_s)}; {FRESH_LINKS}"
    return ""


def dead_links(row: Row, now: datetime) -> list[tuple[str, str]]:
    """Give those of a row's links that are dead already: the field, and what is wrong."""
    life = life_of_row(row)
    return [
        (name, f"the signed link ({link.scheme}) died on {local_time(link.ends_at)}")
        for name, link in (life.links if life else ())
        if link.ends_at is not None and link.ends_at <= now
    ]


def _what(name: str, link: LinkLife, at: datetime, margin_s: float) -> str:
    what = f"{name.removesuffix('_url')} link ({link.scheme})"
    if link.starts_at is not None and at < link.starts_at:
        return f"{what} is good only from {local_time(link.starts_at)}, after its turn"
    assert link.ends_at is not None  # noqa: S101  a link without an end is good for ever
    if link.ends_at <= at:
        return f"{what} dies on {local_time(link.ends_at)}, before its turn at {_clock_time(at)}"
    return (
        f"{what} dies on {local_time(link.ends_at)}, too soon after its turn at {_clock_time(at)}:"
        f" the media may be fetched {format_duration(margin_s)} later (--link-margin)"
    )


def _clock_time(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M")


@dataclass(frozen=True, slots=True)
class Turns:
    """When each row's turn comes at the earliest: the first one's time, and the spacing."""

    first_at: datetime
    interval_s: float
    margin_s: float

    @classmethod
    def at_rate(
        cls, first_at: datetime, rate: Rate, margin_s: float, learned_per_s: float | None = None
    ) -> Turns:
        """Project a rate; of `auto` what was learned, else where it starts."""
        learned = rate.auto and learned_per_s
        return cls(first_at, 1 / learned if learned else rate.interval_s * SPACING, margin_s)

    def turn(self, ahead: int) -> datetime:
        """Give the turn of a row that has so many to be sent before it."""
        return self.first_at + timedelta(seconds=ahead * self.interval_s)

    def holds(self, row: Row, ahead: int) -> str:
        """Say why a row is held back: a link of it will be dead when its turn comes."""
        return doom(life_of_row(row), self.turn(ahead), self.margin_s)


@dataclass(slots=True)
class Signed:
    """What there is to know about the signed links of the rows to be sent, as these pass by."""

    schemes: Counter[str] = field(default_factory=Counter)
    temporary: int = 0
    first_end: datetime | None = None
    first_temporary: str = ""

    def add(self, row: Row) -> None:
        """Take in one more row's links."""
        for life in filter(None, map(life_of, (row.video_url, row.audio_url))):
            self.schemes[life.scheme] += 1
            self.temporary += life.may_die_earlier
            if life.may_die_earlier and not self.first_temporary:
                self.first_temporary = f"{row.source}: `{row.reference_id}`"
            if life.ends_at is not None:
                self.first_end = min(life.ends_at, self.first_end or life.ends_at)

    def lines(self) -> Iterator[str]:
        """Tell it: how many are signed, when the first of them dies, and which may die earlier."""
        if not self.schemes:
            return
        schemes = ", ".join(f"{number:,} {name}" for name, number in self.schemes.items())
        ends = f"; the first dies on {local_time(self.first_end)}" if self.first_end else ""
        yield f"signed links: {schemes}{ends}"
        if self.temporary:
            yield (
                f"{counted(self.temporary, 'link')} signed with temporary credentials, which may"
                f" die earlier than the link says; the first: {self.first_temporary}"
            )
