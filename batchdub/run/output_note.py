"""The note beside a dub: what it is, where it came from, and what proves that it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from batchdub import __version__
from batchdub.ledger.outputs import FinishedDub
from batchdub.units import to_stored_time

NOTE_SCHEMA = 1


def note_of(
    dub: FinishedDub, *, file: str, total: int, sha256: str, api: str, at: datetime
) -> Mapping[str, object]:
    """Give what the note says: for programs, so names stay and new ones may come.

    Its URLs are cut, as the ledger's are; times are UTC.
    """
    return {
        "schema": NOTE_SCHEMA,
        "file": file,
        "bytes": total,
        "sha256": sha256,
        "reference_id": dub.key.reference_id,
        "revision": dub.key.revision,
        "sent_as": dub.key.sent_as,
        "request_id": dub.request_id,
        "source": str(dub.source),
        "video_url": dub.video_url,
        "audio_url": dub.audio_url,
        "output_url": dub.output_url,
        "submitted_at": dub.submitted_at,
        "finished_at": dub.finished_at,
        "downloaded_at": to_stored_time(at),
        "api": api,
        "batchdub": __version__,
        "columns": dict(dub.columns),
    }
