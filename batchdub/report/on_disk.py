"""Whether each finished dub is on disk, the same to the byte as it was when its hash was proven.

A look at the files themselves, so that a report says what is there now and not what was there once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchdub.dub_file import Seen, Sight, Whole, look_at_file
from batchdub.report.fields import CHECK_COLUMN
from batchdub.states import JobState
from batchdub.units import counted

VERIFIED = "verified"
"""What the column says of a file that is there, the same to the byte."""
_NAMED = 8
_GONE = "has gone"
_OTHER = "is not what was downloaded any more"


@dataclass(frozen=True, slots=True)
class Lacking:
    """A finished dub that is not on disk, and why."""

    reference_id: str
    source: str
    why: str


@dataclass(slots=True)
class Dubs:
    """The finished dubs of some rows: how many are on disk, and the first few that are not.

    `gone` had been downloaded, and are not there any more.
    """

    finished: int = 0
    verified: int = 0
    gone: int = 0
    lacking: list[Lacking] = field(default_factory=list)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in one more row that `checked` has looked at."""
        said = row[CHECK_COLUMN]
        if said is None:
            return
        self.finished += 1
        self.verified += said == VERIFIED
        self.gone += said == _GONE
        if said != VERIFIED and len(self.lacking) < _NAMED:
            self.lacking.append(Lacking(row["reference_id"], row["source"], said))

    @property
    def missing(self) -> int:
        """How many are not on disk as they should be."""
        return self.finished - self.verified

    @property
    def to_fetch(self) -> int:
        """How many were never whole here: one that has gone may have been moved on purpose."""
        return self.missing - self.gone

    def __str__(self) -> str:
        """Say it in a line."""
        said = f"{self.verified:,} of {counted(self.finished, 'finished dub')} on disk, verified"
        return f"{said}; {self.missing:,} not" if self.missing else said


class Disk:
    """Looks at files; one that had to be read through is not read again for the same report."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Whole], Seen] = {}

    def checked(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Give rows of the ledger with what `CHECK_COLUMN` says of each, as they stream."""
        for row in rows:
            row[CHECK_COLUMN] = self._check(row)
            yield row

    def _check(self, row: Mapping[str, Any]) -> str | None:
        if row["state"] != JobState.COMPLETED:
            return None
        problem = row.get("dub_problem")
        if row.get("dub_sha256") is None:
            return _not_whole(row, problem)
        whole = Whole(row["dub_bytes"], row["dub_sha256"], row["dub_modified_ns"] or 0)
        try:
            seen = self._look(row["dub_file"], whole)
        except OSError as error:
            return f"cannot be looked at: {error.strerror}"
        if seen.sight is Sight.SAME:
            return VERIFIED
        return _OTHER if seen.sight is Sight.OTHER else _GONE

    def _look(self, file: str, whole: Whole) -> Seen:
        known = self._known.get((file, whole))
        if known is None:
            known = look_at_file(Path(file), whole)
            if known.modified_ns != whole.modified_ns:
                self._known[file, whole] = known
        return known


def looked_at(rows: Iterator[dict[str, Any]], disk: Disk | None) -> Iterator[dict[str, Any]]:
    """Give the rows as they are, or as `Disk.checked` does where there is one."""
    return rows if disk is None else disk.checked(rows)


def _not_whole(row: Mapping[str, Any], problem: str | None) -> str:
    if problem:
        return f"not downloaded: {problem}"
    if row.get("dub_kept"):
        total = f" of {row['dub_bytes']:,}" if row["dub_bytes"] else ""
        return f"in part: {row['dub_kept']:,}{total} bytes"
    return "not downloaded"
