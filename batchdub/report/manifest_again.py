"""A report's rows as a manifest that `run` and `retry` take as it is.

The ledger keeps links without their signatures, and the hash of each whole one. A link whose hash
is that of what is kept is whole; every other row is looked up in its manifest again.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from batchdub.manifest import Problems, read_manifests
from batchdub.media_url import media_key, url_hash

FIELDS = ("reference_id", "video_url", "audio_url", "disable_active_speaker_detection")


@dataclass(frozen=True, slots=True)
class Links:
    """What is sent of a row's media: both links whole, and how speakers are found."""

    video_url: str
    audio_url: str
    disable_active_speaker_detection: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A row whose whole links are nowhere any more."""

    source: str
    reference_id: str

    def __str__(self) -> str:
        return (
            f"{self.source}: `{self.reference_id}`: its links are signed, so the ledger has only a"
            " part of them, and no manifest has the row with these media any more"
        )


def kept_links(row: Mapping[str, Any]) -> Links | None:
    """Give a row's links if the ledger has them whole; None if a secret was cut from one."""
    video, audio = row["video_url"], row["audio_url"]
    if (url_hash(video), url_hash(audio)) != (row["video_hash"], row["audio_hash"]):
        return None
    for flag in (False, True):
        if media_key(video, audio, disable_speaker_detection=flag) == row["media_key"]:
            return Links(video, audio, flag)
    return None


def found_links(wanted: Mapping[str, str], paths: Sequence[str]) -> dict[str, Links]:
    """Read manifests for rows, by reference_id and media key, and give their links.

    A manifest that is gone, and rows that have a problem now, are as if they had never been.
    """
    there = [path for path in paths if Path(path).is_file()]
    if not wanted or not there:
        return {}
    return {
        row.reference_id: Links(row.video_url, row.audio_url, row.disable_active_speaker_detection)
        for row in read_manifests(there, Problems())
        if wanted.get(row.reference_id) == row.media_key
    }


def whole_rows(
    rows: Iterable[Mapping[str, Any]], found: Mapping[str, Links], lost: list[Lost]
) -> Iterator[dict[str, str]]:
    """Give rows with their whole links, in order; those that have none are added to `lost`."""
    for row in rows:
        links = kept_links(row) or found.get(row["reference_id"])
        if links is None:
            lost.append(Lost(row["source"], row["reference_id"]))
            continue
        flag = "true" if links.disable_active_speaker_detection else "false"
        ours = (row["reference_id"], links.video_url, links.audio_url, flag)
        yield {**row["columns"], **dict(zip(FIELDS, ours, strict=True))}


def write_manifest(
    rows: Iterable[Mapping[str, str]], own_columns: Collection[str], out: TextIO
) -> None:
    """Write rows as CSV, every text exactly as it was: an id with another letter is another row.

    So nothing is disarmed here, as it is in a report that is made for spreadsheets.
    """
    columns = (*FIELDS, *own_columns)
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
