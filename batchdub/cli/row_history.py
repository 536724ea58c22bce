"""One row's whole history, read at one moment: as one value for programs, as tables for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from batchdub.cli.next_steps import leads_of
from batchdub.cli.prospect import prospect
from batchdub.cli.render import render
from batchdub.cli.text import visible
from batchdub.ledger import open_for_reading
from batchdub.ledger.media_versions import ordered_media, version_to
from batchdub.ledger.records import columns_of, stored_time
from batchdub.models import JobKey, MediaVersion, OrderedMedia
from batchdub.run.finding import find_job
from batchdub.settings import Settings
from batchdub.units import local_time

History = dict[str, Any]

_REVISION = (
    "revision", "sent_as", "state", "request_id", "remote_status", "held", "error", "attempts",
    "http_status", "source", "video_url", "audio_url", "output_url", "output_file",
    "output_bytes", "output_sha256", "downloaded_at", "video_seen", "audio_seen", "submitted_at",
    "finished_at", "run_id",
)  # fmt: skip
_ATTEMPT = (
    "revision", "attempt_no", "intended_at", "ended_at", "event", "cause", "http_status",
    "request_id", "message", "run_id",
)  # fmt: skip
_TRANSITION = ("revision", "at", "from_state", "event", "to_state", "actor", "note", "run_id")
_OTHER = (
    "request_id", "reference_id", "kind", "created_at", "seen_at", "acknowledged_at",
    "acknowledged_by", "note", "run_id",
)  # fmt: skip

_ATTEMPT_TABLE = {
    "revision": "revision",
    "attempt": "attempt_no",
    "began": "intended_at",
    "outcome": "event",
    "http_status": "http_status",
    "request_id": "request_id",
    "message": "message",
}
_TRANSITION_TABLE = {
    "revision": "revision",
    "at": "at",
    "from": "from_state",
    "event": "event",
    "to": "to_state",
    "who": "actor",
    "why": "note",
}
_OTHER_TABLE = {
    "request_id": "request_id",
    "kind": "kind",
    "created": "created_at",
    "acknowledged": "acknowledged_at",
    "by": "acknowledged_by",
    "why": "note",
}


def read_history(settings: Settings, reference_id: str) -> History:
    """Read all that is known of a row; times are UTC text, as the ledger has them.

    `next` says what happens next and why; `revisions`, `attempts`, `transitions` and `others`
    are in the order they came. Raises UnusableInputError, with near misses, for an unknown id.
    """
    with open_for_reading(settings.ledger) as ledger, ledger.moment():
        leads = leads_of(settings, ledger.meta("api") or "")
        job = find_job(ledger, reference_id)
        found = ledger.history(job.key.reference_id)
        media = ordered_media(ledger, [job.key.reference_id]).get(job.key.reference_id, [])
    waiting = [
        other["request_id"]
        for other in found["others"]
        if other["kind"] == "duplicate" and other["acknowledged_at"] is None
    ]
    return {
        "reference_id": job.key.reference_id,
        "state": str(job.state),
        "next": prospect(
            job,
            waiting,
            leads,
            ordered_after_all=any(
                other["kind"] == "duplicate" and other["job_id"] == job.job_id
                for other in found["others"]
            ),
        ),
        "columns": columns_of(found["jobs"][-1]["columns"]),
        "revisions": [
            _pick(_revision(row, found["outputs"], media), _REVISION) for row in found["jobs"]
        ],
        "attempts": [_pick(row, _ATTEMPT) for row in found["attempts"]],
        "transitions": [_pick(row, _TRANSITION) for row in found["transitions"]],
        "others": [_pick(row, _OTHER) for row in found["others"]],
    }


def _revision(
    row: Mapping[str, Any],
    outputs: Sequence[Mapping[str, Any]],
    media: Sequence[OrderedMedia],
) -> dict[str, Any]:
    revision = row["revision"]
    whole = [each for each in outputs if each["revision"] == revision and each["sha256"]]
    output = {
        "output_bytes": whole[0]["bytes"] if whole else None,
        "output_sha256": whole[0]["sha256"] if whole else None,
        "downloaded_at": whole[0]["downloaded_at"] if whole else None,
    }
    then = next((each for each in media if each.key.revision == revision), None)
    seen = {
        "video_seen": _seen(then.video if then else None),
        "audio_seen": _seen(then.audio if then else None),
    }
    sent_as = JobKey(row["reference_id"], revision).sent_as
    return {**row, **output, **seen, "sent_as": sent_as, "source": f"{row['path']}:{row['line']}"}


def _seen(version: MediaVersion | None) -> dict[str, Any] | None:
    """Give what a probe saw of a medium before its order, as the ledger has it."""
    text = version_to(version)
    return None if text is None else dict(json.loads(text))


def _pick(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def print_history(history: History, environ: Mapping[str, str]) -> None:
    """Print a history for people: facts, then a table each of what was tried and what happened."""
    for revision in history["revisions"]:
        for name, value in _facts(revision, history):
            click.echo(f"{name:<14}{visible(value)}")
        click.echo()
    for title, rows, columns in (
        ("attempts", history["attempts"], _ATTEMPT_TABLE),
        ("what happened", history["transitions"], _TRANSITION_TABLE),
        ("further requests", history["others"], _OTHER_TABLE),
    ):
        if rows:
            click.echo(f"{title}:")
            shown = _without_empty(rows, columns, several=len(history["revisions"]) > 1)
            render(_local(rows, shown), tuple(shown), "table", environ)
            click.echo()
    click.echo(f"next: {visible(history['next'])}")


def _facts(revision: Mapping[str, Any], history: History) -> Iterator[tuple[str, str]]:
    yield "reference_id", revision["sent_as"]
    last = revision is history["revisions"][-1]
    for name in _REVISION[2:]:
        if revision[name] is not None:
            yield name, _told(name, revision[name])
    for name, value in history["columns"].items() if last else ():
        yield name, value


def _without_empty(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], *, several: bool
) -> dict[str, str]:
    """Leave out the columns that say nothing, so that a table fits its terminal."""
    return {
        title: name
        for title, name in columns.items()
        if any(row[name] is not None for row in rows) and (name != "revision" or several)
    }


def _local(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    for row in rows:
        yield {
            title: None if row[name] is None else _told(name, row[name])
            for title, name in columns.items()
        }


def _told(name: str, value: object) -> str:
    """Write a value for people: a time in their own zone, a number as it is."""
    if isinstance(value, dict):
        return ", ".join(_facts_of_medium(value))
    return (
        local_time(stored_time(str(value))) if name.endswith("_at") or name == "at" else str(value)
    )


def _facts_of_medium(seen: Mapping[str, Any]) -> Iterator[str]:
    if seen["bytes"] is not None:
        yield f"{seen['bytes']:,} bytes"
    if seen["modified_at"]:
        yield f"dated {local_time(stored_time(seen['modified_at']))}"
    if seen["etag"]:
        yield f"{'weak ' if seen['weak'] else ''}ETag"
    yield f"on {local_time(stored_time(seen['seen_at']))}"
