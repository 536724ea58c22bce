"""What a measurement needs beforehand: manifests of any size, and a ledger in which all is done.

The ledger is made by its own methods, guards and all, so that it is what a run would have left.
Run as a process of its own, since the peak memory of a measured child begins with its parent's.
"""

from __future__ import annotations

import csv
import random
import sys
import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from batchdub.clock import SystemClock
from batchdub.ledger import Ledger
from batchdub.manifest import ManifestFile, Problems, read_manifests
from batchdub.models import Cause, Job, Outcome, RemoteRequest, Row
from batchdub.states import Event

_CHUNK = 500
_LANGUAGES = ("ja", "ko", "de", "fr", "es", "pt-BR", "it", "pl", "tr", "hi")
_HEADER = ("reference_id", "video_url", "audio_url", "language", "season", "title")
_SIGNATURE = (
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20660301%2Feu-west-1%2Fs3"
    "%2Faws4_request&X-Amz-Date=20660301T200000Z&X-Amz-Expires=43200&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature={signature:064x}"
)


def write_table(path: Path, rows: int, *, signed: bool = False) -> None:
    """Write a CSV of distinct rows: an episode in ten languages, with columns of the user's own.

    `signed` gives both links an AWS V4 signature, as an export from a bucket has them; they are
    good for decades yet, so that no row is left out for a dead link.
    """
    chance = random.Random(rows)  # noqa: S311  a fixed seed: the same file every time
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(_HEADER)
        for number in range(rows):
            query = _SIGNATURE.format(signature=chance.getrandbits(256)) if signed else ""
            writer.writerow(_record(number, query))


def _record(number: int, query: str) -> tuple[object, ...]:
    episode, language = number // len(_LANGUAGES), _LANGUAGES[number % len(_LANGUAGES)]
    season = episode // 24 + 1
    name = f"S{season:02}E{episode % 24 + 1:02}-{language}"
    place = f"https://media.studio.example.com/show/{season:05}/{episode % 24 + 1:02}"
    return (
        name,
        f"{place}/picture.mp4{query}",
        f"{place}/dub-{language}.wav{query}",
        language,
        season,
        f"Episode {episode + 1}",
    )


def write_matrix(path: Path, rows: int) -> None:
    """Write a YAML manifest whose matrix of episodes and ten languages makes so many rows."""
    episodes = "".join(f"    - E{number:06}\n" for number in range(rows // len(_LANGUAGES)))
    path.write_text(
        "defaults:\n"
        "  video_url: https://media.studio.example.com/{episode}/picture.mp4\n"
        "  audio_url: https://media.studio.example.com/{episode}/dub-{language}.wav\n"
        '  reference_id: "{episode}-{language}"\n'
        f"matrix:\n  episode:\n{episodes}  language: [{', '.join(_LANGUAGES)}]\n",
        encoding="utf-8",
    )


def write_jobs(path: Path, rows: int) -> None:
    """Write a YAML manifest that lists so many jobs, filled up from defaults."""
    with path.open("w", encoding="utf-8") as out:
        out.write(
            "defaults:\n"
            "  video_url: https://media.studio.example.com/{episode}/picture.mp4\n"
            "  audio_url: https://media.studio.example.com/{episode}/dub-{language}.wav\n"
            '  reference_id: "{episode}-{language}"\njobs:\n'
        )
        for number in range(rows):
            episode, language = number // len(_LANGUAGES), _LANGUAGES[number % len(_LANGUAGES)]
            out.write(f"  - episode: E{episode:06}\n    language: {language}\n")


def fill_ledger(path: Path, manifest: str) -> None:
    """Order every row of a manifest and let it complete, as a run of one night would.

    The API is the sandbox inside `run`, so the ledger is bound to it.
    """
    files: list[ManifestFile] = []
    problems = Problems()
    chance = random.Random(1)  # noqa: S311  as above
    with Ledger(path, SystemClock()) as ledger:
        with ledger.transaction():
            ledger.set_meta("api", "sandbox")
            ledger.begin_run("20260301T220000Z-1", "run", host="studio", pid=1, version="0.1.0")
        # The hash is known at the end only, so the rows are read once more for it.
        for _ in read_manifests([manifest], problems, files=files):
            pass
        problems.raise_if_any()
        with ledger.transaction():
            manifest_id = ledger.remember_manifest(manifest, files[0].sha256)
        numbered = enumerate(read_manifests([manifest], Problems()), 1)
        while chunk := list(islice(numbered, _CHUNK)):
            _complete(ledger, _add(ledger, chunk, manifest_id), chance)
        with ledger.transaction():
            ledger.end_run(0, "")


def _add(ledger: Ledger, chunk: Sequence[tuple[int, Row]], manifest_id: int) -> Iterator[Job]:
    with ledger.transaction():
        ledger.add_rows((row, manifest_id, position) for position, row in chunk)
    return iter(ledger.latest_jobs([row.reference_id for _, row in chunk]).values())


def _complete(ledger: Ledger, jobs: Iterator[Job], chance: random.Random) -> None:
    with ledger.transaction():
        for job in jobs:
            now = ledger._clock.now()
            request_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            attempt = ledger.begin_attempt(job.job_id, now)
            accepted = Outcome(Event.ACCEPTED, Cause.ACCEPTED, "", 202, request_id)
            ledger.end_attempt(attempt, accepted)
            seen = RemoteRequest(
                request_id, now, "completed", job.key.reference_id, now, now,
                f"https://outputs.example.com/{request_id}/output.mp4",
            )  # fmt: skip
            ledger.record_status(job.job_id, seen, Event.COMPLETED)


_MAKERS = {"table": write_table, "matrix": write_matrix, "jobs": write_jobs}


def main() -> None:
    """Make what the command line names: `table PATH ROWS`, `signed …`, `ledger PATH MANIFEST`."""
    kind, path, what = sys.argv[1:]
    if kind == "ledger":
        fill_ledger(Path(path), what)
    elif kind == "signed":
        write_table(Path(path), int(what), signed=True)
    else:
        _MAKERS[kind](Path(path), int(what))


if __name__ == "__main__":
    main()
