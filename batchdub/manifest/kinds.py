"""Which kind of manifest a file is: by its extension, else by how it begins."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import PurePath

from batchdub.manifest.names import field_of
from batchdub.manifest.problems import UnreadableError


class Kind(Enum):
    """How a manifest is written."""

    TABLE = "table"
    """CSV or TSV: one record a line, under a header."""
    YAML = "yaml"
    """`jobs` or `matrix`, read by the strict loader."""
    JSON = "json"
    """The same in JSON."""


_BY_EXTENSION = {
    ".csv": Kind.TABLE,
    ".tsv": Kind.TABLE,
    ".txt": Kind.TABLE,
    ".yaml": Kind.YAML,
    ".yml": Kind.YAML,
    ".json": Kind.JSON,
}
_WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xls", ".ods", ".numbers"})
_ZIP = "PK\x03\x04"
_YAML_LINE = re.compile(r"^(?:---|(?:name|defaults|jobs|matrix)[ ]*:)", re.MULTILINE)


def kind_of_file(path: str, head: str) -> Kind:
    """Tell the kind from the path and the file's first characters; UnreadableError if neither can.

    A workbook is told from its content too: many are called `.csv`.
    """
    extension = PurePath(path).suffix.lower()
    if extension in _WORKBOOKS or head.startswith(_ZIP):
        hint = "in the spreadsheet, save the sheet as `CSV UTF-8`"
        raise UnreadableError(None, None, "a spreadsheet's own file, not text", hint)
    kind = _BY_EXTENSION.get(extension) or _kind_of_text(head)
    if kind is None:
        hint = "name it .csv, .tsv, .yaml or .json, as it is written"
        raise UnreadableError(None, None, "neither a table nor YAML nor JSON by its looks", hint)
    return kind


def _kind_of_text(head: str) -> Kind | None:
    start = head.lstrip()
    if start.startswith(("{", "[")):
        return Kind.JSON
    first_line = start.partition("\n")[0]
    if sum(field_of(cell.strip('"')) is not None for cell in re.split("[,;\t]", first_line)) > 1:
        return Kind.TABLE
    return Kind.YAML if _YAML_LINE.search(start) else None
