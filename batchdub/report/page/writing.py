"""Writing the page: everything in one file that asks nothing of any network.

Its own script and style are named by their hashes in the page's Content-Security-Policy, so that
a browser runs nothing else, even if a text of a row should ever come to stand as markup.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TextIO
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from batchdub.headline import Standing
from batchdub.ledger import RunRecord
from batchdub.report.causes import Lead
from batchdub.report.digest import Digest
from batchdub.report.fields import CHECK_COLUMN, REPORT_COLUMNS, shown_names
from batchdub.report.grid import shortened
from batchdub.report.page.drawing import drawing_of, format_step
from batchdub.report.page.packing import packed
from batchdub.report.timeline import Kind, Timeline
from batchdub.states import JobState
from batchdub.units import counted, format_duration, local_time


@dataclass(frozen=True, slots=True)
class Told:
    """What the page says that is not of the rows themselves.

    `chosen` says which rows these are, if not all; `last_run` how the last run ended; `cost` what
    they cost, if any has a price;
    `next_commands` are what to type next, the most urgent first; `fetch` fetches finished dubs.
    """

    now: datetime
    ledger: str
    chosen: str
    last_run: str
    next_commands: Sequence[str]
    lead: Lead
    cost: str = ""
    fetch: str = ""


@dataclass(frozen=True, slots=True)
class _Share:
    """A part of the bar under the headline."""

    standing: Standing
    label: str
    rows: int
    x: float
    width: float


_SHARES: Sequence[tuple[Standing, str, Sequence[JobState], bool | None]] = (
    (Standing.DONE, "done", (JobState.COMPLETED,), None),
    (Standing.WAITING, "at the API", (JobState.SUBMITTED, JobState.SENDING), None),
    (Standing.WAITING, "still to be ordered", (JobState.PENDING,), False),
    (Standing.NEEDS_YOU, "in doubt", (JobState.IN_DOUBT,), None),
    (Standing.NEEDS_YOU, "failed", (JobState.FAILED,), None),
    (Standing.NEEDS_YOU, "rejected", (JobState.REJECTED,), None),
    (Standing.NEEDS_YOU, "held back", (JobState.PENDING,), True),
    (Standing.NEEDS_YOU, "ordered twice", (), None),
    (Standing.OUT, "taken out", (JobState.CANCELLED,), None),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows above its rows; without a `line` nothing has happened yet.

    `own_columns` are the manifests' own, before `shown_names`.
    """

    digest: Digest
    told: Told
    own_columns: Sequence[str]
    line: Timeline | None = None
    runs: Sequence[RunRecord] = ()


def write_page(
    page: Page, rows: Iterable[tuple[Mapping[str, object], Standing]], out: TextIO
) -> None:
    """Write the page; `rows` are as `report_row` makes them, each with its standing."""
    digest, line, told = page.digest, page.line, page.told
    shown = shown_names(page.own_columns)
    ours = (*REPORT_COLUMNS, *((CHECK_COLUMN,) if digest.dubs is not None else ()))
    columns = (*ours, *shown.values())
    style, script = _asset("page.css"), _asset("page.js")
    pieces = _environment().from_string(_asset("page.html.j2")).generate(
        style=Markup(style),  # noqa: S704  our own files, which no text of a row is in
        script=Markup(script),  # noqa: S704  as above
        style_hash=_hash(style),
        script_hash=_hash(script),
        digest=digest,
        shares=list(_shares(digest)),
        causes=digest.causes.sorted(),
        grid=digest.grid,
        filter_of=lambda down, across: _filter(digest, shown, down, across),
        line=line,
        drawing=drawing_of(line, page.runs) if line else None,
        kinds=[kind for kind in Kind if line and line.totals[kind]],
        told=told,
        packed=packed(rows, columns, len(ours)),
        counted=counted,
        duration=format_duration,
        local_time=local_time,
        shortened=shortened,
        step=format_step,
        Standing=Standing,
    )  # fmt: skip
    for piece in pieces:
        out.write(piece)


def _shares(digest: Digest) -> Iterable[_Share]:
    x = 0.0
    for standing, label, states, held in _SHARES:
        rows = digest.count(*states, held=held) if states else digest.doubled.total()
        if rows or label == "done":
            width = rows / max(1, digest.rows) * 100
            yield _Share(standing, label, rows, x, width)
            x += width


def _filter(digest: Digest, shown: Mapping[str, str], down: str, across: Sequence[str]) -> str:
    """Give the address within the page that shows the rows of a cell, for the page's script."""
    axes = digest.grid.axes
    pairs = zip((axes.down, *axes.across), (down, *across), strict=False)
    said = (f"c.{quote(shown[name], safe='')}={quote(value, safe='')}" for name, value in pairs)
    return "#rows?" + "&".join(said)


@cache
def _environment() -> Environment:
    # Every value is escaped; a name that is not there is an error and not an empty page.
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _asset(name: str) -> str:
    return files("batchdub.report.page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
