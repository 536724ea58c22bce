"""`{placeholders}` in the links and the reference_id of a YAML or JSON manifest.

A placeholder is a column's name and nothing more: no attribute, index or format can be reached
from a manifest. A doubled brace stands for itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batchdub.manifest.fields import Fault
from batchdub.manifest.names import nearest
from batchdub.manifest.problems import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_MOST_NAMED = 10


class TemplateError(Exception):
    """A template cannot be filled. `of_row` if another row's columns could fill it."""

    def __init__(self, fault: Fault, *, of_row: bool = False) -> None:
        super().__init__(fault.what)
        self.fault = fault
        self.of_row = of_row


def is_template(text: str) -> bool:
    """Whether there is anything to fill or to unescape."""
    return "{" in text or "}" in text


def fill(text: str, columns: Mapping[str, str]) -> str:
    """Fill a text from a row's columns; TemplateError if a placeholder is unknown or empty."""
    if not is_template(text):
        return text
    return _PIECE.sub(lambda piece: _filled(piece, columns), text)


def _filled(piece: re.Match[str], columns: Mapping[str, str]) -> str:
    if piece[0] in ("{{", "}}"):
        return piece[0][0]
    if piece[1] is None:
        raise TemplateError(
            Fault(f"a single `{piece[0]}`", "write `{{` or `}}` for a brace that is meant")
        )
    name = piece[1].strip()
    if name not in columns:
        raise TemplateError(_unknown(name, columns))
    if not columns[name]:
        what = f"`{{{quoted(name)[1:-1]}}}` has nothing to be filled with: the column is empty"
        raise TemplateError(Fault(what, "give the column a value"), of_row=True)
    return columns[name]


def _unknown(name: str, columns: Mapping[str, str]) -> Fault:
    what = f"no column {quoted(name)} for a placeholder"
    near = nearest(name, tuple(columns))
    if near:
        return Fault(what, f"is {quoted(near)} meant?")
    named = ", ".join(quoted(each) for each in list(columns)[:_MOST_NAMED])
    return Fault(what, f"there are {named}" if named else "the row has no columns of its own")
