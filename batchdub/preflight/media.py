"""What a look at a medium means for its row. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from batchdub.models import MediaLook

_NOT_NOW = frozenset({408, 425, 429})
_WANTED = {"video_url": "video", "audio_url": "audio"}


class Finding(StrEnum):
    """How a medium looks."""

    GOOD = "good"
    """It answers, with something that may be what is wanted."""
    DOUBTFUL = "doubtful"
    """It could not be checked, or looks odd: ordered all the same."""
    DOOMED = "doomed"
    """It cannot be fetched, or is no medium: an order would be spent for nothing."""


class Verdict(NamedTuple):
    """A finding and its words; without a word if it is good."""

    finding: Finding
    what: str = ""


def judge(field: str, look: MediaLook) -> Verdict:
    """Say what was seen of the link in a field."""
    status = look.status
    if status is None or status >= 500 or status in _NOT_NOW or 300 <= status < 400:
        why = look.failure or f"HTTP {status}"
        return Verdict(Finding.DOUBTFUL, f"could not be checked: {why}")
    if status >= 400:
        return Verdict(Finding.DOOMED, f"cannot be fetched: its server answers HTTP {status}")
    return _judge_content(field, look)


def _judge_content(field: str, look: MediaLook) -> Verdict:
    kind = look.content_type
    if look.length == 0:
        return Verdict(Finding.DOOMED, "is empty: its server says 0 bytes")
    if kind == "text/html" or kind.startswith("image/"):
        return Verdict(Finding.DOOMED, f"is no {_WANTED[field]}: its server says `{kind}`")
    other = "audio" if field == "video_url" else "video"
    if kind.startswith(f"{other}/"):
        return Verdict(Finding.DOUBTFUL, f"should be {_WANTED[field]}: its server says `{kind}`")
    return Verdict(Finding.GOOD)
