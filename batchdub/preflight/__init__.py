"""Pre-flight: what can be known to be doomed before anything is spent, and what looks wrong.

Pure: rows and times come in, reasons and doubts go out.
"""

from batchdub.preflight.links import (
    FRESH_LINKS,
    Life,
    Signed,
    Turns,
    dead_links,
    doom,
    life_of_row,
)
from batchdub.preflight.media import Finding, Verdict, judge
from batchdub.preflight.pairs import Doubt, PairCheck
from batchdub.preflight.versions import change_of, version_of

__all__ = [
    "FRESH_LINKS",
    "Doubt",
    "Finding",
    "Life",
    "PairCheck",
    "Signed",
    "Turns",
    "Verdict",
    "change_of",
    "dead_links",
    "doom",
    "judge",
    "life_of_row",
    "version_of",
]
