"""What somebody may have meant who wrote something that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 10


def near(missing: Iterable[str], existing: Iterable[str], otherwise: str) -> str:
    """Give the nearest of what there is, in any case of letters, or the first ten of it."""
    choices = sorted(set(map(str, existing)))
    folded = {choice.casefold(): choice for choice in choices}
    for text in missing:
        if close := get_close_matches(text.casefold(), folded, n=3):
            *others, last = [f"`{folded[each]}`" for each in close]
            return f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    shown = ", ".join(f"`{choice}`" for choice in choices[:_SHOWN])
    return f"{otherwise} {shown}" if shown else "there are no rows"
