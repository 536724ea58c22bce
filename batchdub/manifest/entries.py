"""A job of a document: its values by name, filled up from the defaults, and where each stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchdub.manifest import tree
from batchdub.manifest.names import AUDIO, FLAG, REFERENCE, VIDEO, sort_name, two_names
from batchdub.manifest.rows import Draft
from batchdub.manifest.templates import TemplateError, fill, is_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from batchdub.manifest.fields import Fault

    TellName = Callable[[tree.Scalar, Fault], None]

_LINKS = (VIDEO, AUDIO)


class Entry(NamedTuple):
    """A job, a combination of a matrix, or the defaults: values by field and by user's column.

    `good` is False if something in it was told already; it is looked at all the same, but makes
    no row.
    """

    fields: dict[str, tree.Scalar]
    own: dict[str, tree.Scalar]
    line: int
    column: int
    good: bool = True


def sort_entry(
    pairs: Iterable[tuple[tree.Scalar, tree.Scalar]], line: int, column: int, tell: TellName
) -> Entry:
    """Sort values by what their names mean; `tell` is given a name and what is wrong with it."""
    fields: dict[str, tree.Scalar] = {}
    own: dict[str, tree.Scalar] = {}
    written: dict[str, str] = {}
    good = True
    for key, value in pairs:
        name, is_field, fault = sort_name(key.text)
        if fault is None and name in written:
            fault = two_names(written[name], key.text, name)
        if fault is not None:
            tell(key, fault)
            good = False
        written.setdefault(name, key.text)
        (fields if is_field else own).setdefault(name, value)
    return Entry(fields, own, line, column, good)


class Job:
    """An entry filled up from the defaults. Called with a name it tells where the value stands."""

    def __init__(self, entry: Entry, defaults: Entry) -> None:
        self._entry = entry
        self._fields = {**defaults.fields, **entry.fields}
        self._own = {**defaults.own, **entry.own}

    def __call__(self, name: str) -> tuple[int, int | None, None]:
        """Give line and column of a field's or column's value.

        A template of the defaults is right for some rows and wrong for others, so what comes of
        it is told at the row; anything else where it is written.
        """
        value = self._fields.get(name) or self._own.get(name)
        from_defaults = value is not None and self._entry.fields.get(name) is not value
        if value is None or (from_defaults and is_template(value.text)):
            return self._entry.line, self._entry.column, None
        return value.line, value.column, None

    def place_of_template(self, name: str) -> tuple[int, int | None, None]:
        """Give line and column at which a field's template is written."""
        template = self._fields[name]
        return template.line, template.column, None

    @property
    def names(self) -> tuple[str, ...]:
        """The user's columns: the defaults' first, then the job's own."""
        return tuple(self._own)

    def draft(self, places: Mapping[str, int]) -> tuple[Draft, list[tuple[str, TemplateError]]]:
        """Fill the templates; give the row's texts, and the fields that could not be filled.

        `places` numbers `names`. The reference_id may be used in the links, not the other way.
        """
        columns = {name: value.text for name, value in self._own.items()}
        errors: list[tuple[str, TemplateError]] = []
        reference = self._fill(REFERENCE, columns, errors)
        known = {**columns, REFERENCE: reference} if reference else columns
        video, audio = (self._fill(name, known, errors) for name in _LINKS)
        flag = self._fields[FLAG].text if FLAG in self._fields else ""
        values = tuple(columns.values())
        return Draft(self._entry.line, video, audio, reference, flag, places, values), errors

    def _fill(
        self, name: str, columns: Mapping[str, str], errors: list[tuple[str, TemplateError]]
    ) -> str:
        if name not in self._fields:
            return ""
        try:
            return fill(self._fields[name].text, columns)
        except TemplateError as error:
            errors.append((name, error))
            return ""
