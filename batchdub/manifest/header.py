"""The header of a table: which cell is which field of a row, and which are the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchdub.manifest.fields import Fault
from batchdub.manifest.names import AUDIO, FIELDS, VIDEO, alias_meant, sort_name, two_names
from batchdub.manifest.problems import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NO_HEADER = Fault(
    "a link where a column's name should be",
    f"the first line must name the columns: {', '.join(FIELDS[:3])}",
)


class Header(NamedTuple):
    """What the cells of each record are.

    `fields` gives the cell's index of each field of ours that there is, `own` of each of the
    user's columns, in order. `usable` is whether rows can be made at all.
    """

    fields: dict[str, int]
    own: dict[str, int]
    usable: bool


def read_header(cells: Sequence[str], tell: Callable[[int | None, str, Fault], None]) -> Header:
    """Work out a header; `tell` is given the cell's index (or None), its name, and the fault."""
    linked = next((index for index, cell in enumerate(cells) if "://" in cell), None)
    if linked is not None:
        tell(linked, "", _NO_HEADER)
        return Header({}, {}, usable=False)
    header = Header({}, {}, usable=True)
    for index, written in enumerate(cells):
        fault = _place(index, cells, header)
        if fault is not None:
            tell(index, written, fault)
    missing = [field for field in (VIDEO, AUDIO) if field not in header.fields]
    for field in missing:
        tell(None, field, _missing(field, cells))
    return header._replace(usable=not missing)


def _place(index: int, cells: Sequence[str], header: Header) -> Fault | None:
    name, is_field, fault = sort_name(cells[index])
    places = header.fields if is_field else header.own
    first = places.setdefault(name, index)
    if fault is None and first != index:
        return two_names(cells[first], cells[index], name)
    return fault


def _missing(field: str, cells: Sequence[str]) -> Fault:
    near = alias_meant(cells, field)
    if near:
        return Fault("no such column", f"is {quoted(near)} meant?")
    if len(cells) == 1:
        return Fault("no such column", "separate the columns with a comma, a semicolon or a tab")
    return Fault("no such column", "the header must name it")
