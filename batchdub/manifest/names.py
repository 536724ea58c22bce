"""The names that a manifest may use for a row's fields, and typing errors in them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from batchdub.manifest.fields import Fault, column_doubt, column_fault
from batchdub.manifest.problems import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

VIDEO = "video_url"
AUDIO = "audio_url"
REFERENCE = "reference_id"
FLAG = "disable_active_speaker_detection"

FIELDS = (VIDEO, AUDIO, REFERENCE, FLAG)
"""The fields of a row that are ours; every other column is the user's."""

ALIASES = {"video": VIDEO, "episode_url": VIDEO, "audio": AUDIO, "dub_url": AUDIO}

_NEAR = 2


class Name(NamedTuple):
    """What a column's name is: a field of ours or the user's own, and what is wrong with it.

    A misspelt field is taken for that field all the same, so that its values are looked at too.
    """

    name: str
    is_field: bool
    fault: Fault | None


def field_of(name: str) -> str | None:
    """Give the field that a column's name or alias stands for, in any case; None for a user's."""
    written = name.strip().lower()
    return written if written in FIELDS else ALIASES.get(written)


@lru_cache(maxsize=1024)
def sort_name(written: str) -> Name:
    """Tell a field's name from a user's, and find what is wrong with either.

    A name within two edits of a field's is an error. Aliases are left to `alias_meant`, which is
    asked only where a field is missing: they are short, and `studio` is two edits from `audio`.
    """
    field = field_of(written)
    if field is not None:
        return Name(field, is_field=True, fault=None)
    near = nearest(written, FIELDS)
    if near:
        fault = Fault(f"unknown, but close to `{near}`", f"write `{near}`, or rename it")
        return Name(near, is_field=True, fault=fault)
    return Name(written, is_field=False, fault=_name_fault(written))


def _name_fault(written: str) -> Fault | None:
    if not written.strip():
        return Fault("a column without a name", "name it, or remove it")
    return column_fault(written) or column_doubt(written)


def two_names(first: str, second: str, name: str) -> Fault:
    """Say that one meaning has two columns."""
    if first.strip().lower() == second.strip().lower():
        return Fault("two columns of this name", "remove or rename one")
    return Fault(f"means `{name}`, as {quoted(first)} does", "keep one of the two")


def alias_meant(names: Sequence[str], field: str) -> str:
    """Give the one of `names` that is within two edits of an alias of a missing field."""
    aliases = tuple(alias for alias, stands_for in ALIASES.items() if stands_for == field)
    return next((name for name in names if nearest(name, aliases)), "")


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Give the first of the `known` names within two edits of `name`, or nothing."""
    written = name.strip().lower()
    return next((each for each in known if _within_two_edits(written, each)), "")


def _within_two_edits(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > _NEAR:
        return False
    above = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        row = [number]
        for place, wanted in enumerate(other):
            change = above[place] + (letter != wanted)
            row.append(min(change, above[place + 1] + 1, row[place] + 1))
        above = row
    return above[-1] <= _NEAR
