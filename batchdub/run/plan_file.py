"""A plan as a file: what was looked at and agreed to, for a run that does that and nothing else.

JSON of one object: `batchdub_plan` is the version of its format, then come what the plan was made
of, and under `rows` every row with its fate, one to a line. It holds no link and no column of the
manifest: of the media only their key, of the API's key only the ledger's salted fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from batchdub.errors import UnusableInputError
from batchdub.plan import Fate, PlannedRow
from batchdub.price import Tariff

FORMAT = 1
_MAKE_ONE = "make one with `batchdub plan MANIFEST --output FILE`"
_NAME = "batchdub_plan"
_ROW = ("source", "reference_id", "revision", "media", "fate", "cost_millionths")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode


class PlanRow(NamedTuple):
    """What a plan says of one row; `cost` is in millionths, None without a price."""

    source: str
    reference_id: str
    revision: int
    media: str
    fate: Fate
    cost: int | None


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A manifest that a plan was made of: as it was named, where it lies, and its hash."""

    path: str
    location: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHead:
    """What a plan was made of.

    `ledger` is where that lies, `api` what it is bound to, `account` its fingerprint of the key, if
    it has one yet.
    `price` is as `--price` takes it, empty without one.
    """

    made_at: str
    made_by: str
    ledger: str
    api: str
    account: str | None
    manifests: tuple[PlannedFile, ...]
    only: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    limit: int | None = None
    skip_invalid: bool = False
    allow_same_media: bool = False
    reorder_changed: bool = False
    price: str = ""
    duration_column: str = ""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan that was read from a file; `digest` is of its text, and names it."""

    path: str
    digest: str
    head: PlanHead
    rows: Mapping[str, PlanRow]


def plan_row(item: PlannedRow, tariff: Tariff | None) -> PlanRow:
    """Give what a plan says of a row; a cost only of one that is to be ordered."""
    row = item.row
    revision = item.job.key.revision if item.job else 1
    priced = tariff if item.fate.sends else None
    cost = None if priced is None else priced.cost_of(row.columns)
    return PlanRow(str(row.source), row.reference_id, revision, row.media_key, item.fate, cost)


def plan_text(head: PlanHead, rows: Iterable[PlanRow]) -> Iterator[str]:
    """Write a plan, piece by piece; the rows may be many."""
    facts = json.dumps({_NAME: FORMAT, **asdict(head)}, ensure_ascii=False, indent=1)
    yield facts.removesuffix("\n}") + ',\n "rows": ['
    between = "\n  "
    for row in rows:
        yield between + _encode(dict(zip(_ROW, row, strict=True)))
        between = ",\n  "
    yield "\n ]\n}\n"


def read_plan(path: str) -> SavedPlan:
    """Read a plan's file. Raises UnusableInputError for what is none, or of a newer batchdub."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnusableInputError(f"{path}: {error.strerror}", _MAKE_ONE) from None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise _no_plan(path) from None
    version = found.get(_NAME) if isinstance(found, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise _no_plan(path)
    if version > FORMAT:
        raise UnusableInputError(
            f"{path}: a plan of format {version}, and this batchdub knows {FORMAT}",
            "upgrade batchdub, or make the plan anew",
        )
    try:
        head, rows = _head(found), dict(map(_row, found["rows"]))
        whole = len(rows) == len(found["rows"])
    except (KeyError, TypeError, ValueError):
        raise _no_plan(path) from None
    if not whole:
        raise UnusableInputError(f"{path}: has a row twice", "make the plan anew")
    return SavedPlan(path, hashlib.sha256(content).hexdigest()[:16], head, rows)


def _no_plan(path: str) -> UnusableInputError:
    return UnusableInputError(f"{path}: not a plan of batchdub's", _MAKE_ONE)


def _head(found: Mapping[str, Any]) -> PlanHead:
    manifests = tuple(
        PlannedFile(_text(each["path"]), _text(each["location"]), _text(each["sha256"]))
        for each in found["manifests"]
    )
    return PlanHead(
        made_at=_text(found["made_at"]),
        made_by=_text(found["made_by"]),
        ledger=_text(found["ledger"]),
        api=_text(found["api"]),
        account=None if found["account"] is None else _text(found["account"]),
        manifests=manifests,
        only=tuple(map(_text, found["only"])),
        ids=tuple(map(_text, found["ids"])),
        limit=_whole(found["limit"]),
        skip_invalid=_flag(found["skip_invalid"]),
        allow_same_media=_flag(found["allow_same_media"]),
        reorder_changed=_flag(found.get("reorder_changed", False)),
        price=_text(found["price"]),
        duration_column=_text(found["duration_column"]),
    )


def _row(found: Mapping[str, Any]) -> tuple[str, PlanRow]:
    source, reference_id, media = (
        _text(found[name]) for name in ("source", "reference_id", "media")
    )
    revision, cost = _whole(found["revision"]), _whole(found["cost_millionths"])
    if revision is None:
        raise ValueError
    row = PlanRow(source, reference_id, revision, media, Fate(found["fate"]), cost)
    return reference_id, row


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value
