"""What orders were made from: the versions of their media, as a probe had seen them just before.

They are part of an attempt's intent, so they are final: no later probe can change what an order was
made from. Where none had looked, and where an order was restored from the API's list, nothing is
known, and nothing is made up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from batchdub.ledger.queries import Queries
from batchdub.ledger.reading import chunks, marks_for
from batchdub.ledger.records import damaged, stored_time, time_of
from batchdub.ledger.schema import MEDIA_SINCE
from batchdub.models import JobKey, MediaVersion, OrderedMedia
from batchdub.states import JobState
from batchdub.units import to_stored_time

_TRIES = """
    SELECT reference_id, revision, state, media_key, intended_at, video_version, audio_version,
        attempts.request_id IS NOT NULL AND attempts.request_id IS jobs.request_id
    FROM jobs JOIN attempts USING (job_id)
    WHERE reference_id IN ({marks}) AND event IS NOT 'not_sent'
    ORDER BY reference_id, revision, attempt_no"""


class _Try(NamedTuple):
    reference_id: str
    revision: int
    state: str
    media_key: str
    intended_at: str
    video: str | None
    audio: str | None
    is_the_order: int


def ordered_media(queries: Queries, reference_ids: Sequence[str]) -> dict[str, list[OrderedMedia]]:
    """Give what each revision of these rows was ordered from, the latest last.

    Revisions of which no attempt may have left are not among them. Of a revision whose order was
    found at the API nobody knows which try it was: only what all of them saw alike is told.
    """
    found: dict[str, list[OrderedMedia]] = {}
    if queries.schema_version() < MEDIA_SINCE:
        return found
    for chunk in chunks(reference_ids):
        query = _TRIES.format(marks=marks_for(chunk))
        tries = (_Try(*row) for row in queries.ask(query, chunk))
        for key, of_one in groupby(tries, lambda each: (each.reference_id, each.revision)):
            found.setdefault(key[0], []).append(_of_revision(list(of_one)))
    return found


def _of_revision(tries: list[_Try]) -> OrderedMedia:
    meant = [each for each in tries if each.is_the_order] or tries
    first = meant[0]
    return OrderedMedia(
        JobKey(first.reference_id, first.revision),
        JobState(first.state),
        first.media_key,
        stored_time(first.intended_at),
        _agreed(each.video for each in meant),
        _agreed(each.audio for each in meant),
    )


def _agreed(stored: Iterator[str | None]) -> MediaVersion | None:
    versions = [version_from(text) for text in stored]
    first = versions[0]
    if first is None or any(each is None or each[:-1] != first[:-1] for each in versions):
        return None
    return first


def version_to(version: MediaVersion | None) -> str | None:
    """Write a version for the ledger, as JSON."""
    if version is None:
        return None
    modified_at = version.modified_at and to_stored_time(version.modified_at)
    found = {
        "bytes": version.length,
        "etag": version.tag,
        "weak": version.weak,
        "modified_at": modified_at,
        "seen_at": to_stored_time(version.seen_at),
    }
    return json.dumps(found, separators=(",", ":"))


def version_from(text: str | None) -> MediaVersion | None:
    """Read a version back. Raises LedgerUnusableError for what is none."""
    if text is None:
        return None
    try:
        found: dict[str, Any] = json.loads(text)
        modified_at, seen_at = time_of(found["modified_at"]), stored_time(found["seen_at"])
        version = MediaVersion(found["etag"], found["weak"], modified_at, found["bytes"], seen_at)
    except (KeyError, TypeError, ValueError):
        raise damaged("a medium's version cannot be read") from None
    return version
