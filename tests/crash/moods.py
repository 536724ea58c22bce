"""How the API behaves during a trial."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mood:
    """The sandbox's faults, and the seed that says which rows they hit."""

    name: str
    faults: tuple[str, ...] = ()
    seed: int = 0


WELL = Mood("well")
MOODS = (
    WELL,
    Mood("drop-after", ("drop-after=0.5",), seed=3),
    Mood("error-after", ("error-after=0.5", "list-error=0.2"), seed=2),
    Mood("late", ("late=0.5:100ms",), seed=3),
)
SLOW = Mood("slow", ("slow=1:400ms",))
