"""The columns of a report: the contract's own in their fixed order, then the manifest's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPORT_COLUMNS = (
    "reference_id",
    "revision",
    "state",
    "request_id",
    "remote_status",
    "error",
    "attempts",
    "http_status",
    "source",
    "video_url",
    "audio_url",
    "output_url",
    "output_file",
    "submitted_at",
    "finished_at",
    "run_id",
)
"""What scripts rely on; DESIGN.md's "Report row". `source` is `file:line`."""

CHECK_COLUMN = "output_check"
"""Whether a finished dub is on disk, `verified`, or why not: last, where any was downloaded."""
_TAKEN = frozenset({*REPORT_COLUMNS, CHECK_COLUMN})
_PREFIX = "manifest."


def report_columns(extra_columns: Iterable[str], *, files: bool = False) -> tuple[str, ...]:
    """Give a report's columns in order: ours, the manifest's own as they are shown, the check.

    `files` tells that dubs were downloaded from this ledger.
    """
    check = (CHECK_COLUMN,) if files else ()
    return (*REPORT_COLUMNS, *shown_names(extra_columns).values(), *check)


def shown_names(extra_columns: Iterable[str]) -> dict[str, str]:
    """Give each of the manifest's own columns the name that a report shows, in order.

    The name itself, or with `manifest.` before it where it would hide one of our columns.
    """
    extra = tuple(dict.fromkeys(extra_columns))
    taken = {*_TAKEN, *extra}
    shown: dict[str, str] = {}
    for name in extra:
        free = name
        if name in _TAKEN:
            while free in taken:
                free = _PREFIX + free
            taken.add(free)
        shown[name] = free
    return shown


def report_row(
    known: Mapping[str, object], columns: Mapping[str, str], shown: Mapping[str, str]
) -> dict[str, object]:
    """Make a report's row: `known` by our column names, `columns` by the manifest's.

    `shown` is what `shown_names` gave for the whole report. What is not known is None; a
    column that this row's manifest does not have is None too.
    """
    row = {name: known.get(name) for name in REPORT_COLUMNS}
    row.update({free: columns.get(name) for name, free in shown.items()})
    if CHECK_COLUMN in known:
        row[CHECK_COLUMN] = known[CHECK_COLUMN]
    return row
