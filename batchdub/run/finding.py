"""Finding a row by the reference_id that a person typed, or telling what they may have meant."""

from __future__ import annotations

import re
from difflib import get_close_matches

from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries
from batchdub.models import Job

_SENT_AS = re.compile(r"(.+)~r\d+")
_SHOWN = 3


def find_job(ledger: Queries, reference_id: str) -> Job:
    """Give the latest revision of a row; the id that a revision was sent as finds it, too.

    Raises UnusableInputError, with near misses, if there is none.
    """
    sent_as = _SENT_AS.fullmatch(reference_id)
    for text in (reference_id, sent_as[1] if sent_as else reference_id):
        if job := ledger.latest_jobs([text]).get(text):
            return job
    raise UnusableInputError(
        f"{ledger.path}: there is no row `{reference_id}`", _meant(ledger, reference_id)
    )


def _meant(ledger: Queries, reference_id: str) -> str:
    near = near_ids(ledger, reference_id)
    if not near:
        return "`batchdub report` lists all that there are"
    return f"did you mean {' or '.join(f'`{text}`' for text in near)}?"


def near_ids(ledger: Queries, reference_id: str) -> list[str]:
    """Give up to three reference_ids that share the most with this one, the nearest first."""
    half = len(reference_id) // 2
    pieces = (
        reference_id,
        reference_id[:-1],
        reference_id[1:],
        reference_id[:half],
        reference_id[half:],
    )
    for piece in pieces:
        found = ledger.references_like(piece) if piece else []
        if found:
            return get_close_matches(reference_id, found, n=_SHOWN, cutoff=0.0)
    return []
