"""The formats by name, and the one door to write rows in any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from batchdub.errors import UnusableInputError
from batchdub.report.as_csv import write_csv
from batchdub.report.as_json import write_json, write_jsonl
from batchdub.report.as_markdown import write_markdown, write_title
from batchdub.report.fields import report_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    RowWriter = Callable[[Iterable[Mapping[str, object]], Sequence[str], TextIO], None]

FORMATS: Mapping[str, RowWriter] = {
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_jsonl,
    "markdown": write_markdown,
}
"""Each writes rows as they come, in constant memory, with the columns in the order given."""


def write_report(
    rows: Iterable[Mapping[str, object]],
    extra_columns: Sequence[str],
    format_name: str,
    out: TextIO,
    *,
    files: bool = False,
    title: Sequence[str] = (),
) -> None:
    """Write report rows, as `report_row` makes them, and their header.

    `extra_columns` are the manifest's own names, before `shown_names`; `files` as for
    `report_columns`. The `title` stands above a table for people. Raises UnusableInputError for an
    unknown format, before anything is written.
    """
    if format_name == "markdown":
        write_title(title, out)
    write_rows(rows, report_columns(extra_columns, files=files), format_name, out)


def write_rows(
    rows: Iterable[Mapping[str, object]], columns: Sequence[str], format_name: str, out: TextIO
) -> None:
    """Write rows of any kind; a row's missing column is empty, a further one is left out."""
    writer = FORMATS.get(format_name)
    if writer is None:
        known = ", ".join(FORMATS)
        raise UnusableInputError(f"`{format_name}` is not a format", f"choose one of {known}")
    writer(rows, columns, out)
