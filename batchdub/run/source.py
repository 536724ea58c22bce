"""The rows of a run: the manifests read, the wanted rows chosen, and held against the ledger.

A manifest is read twice, so that a million rows need no room: once to find every problem, once to
plan. The second reading must give the same bytes as the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries
from batchdub.manifest import ManifestFile, Problems, read_manifests
from batchdub.models import Row
from batchdub.plan import PlannedRow, plan_rows
from batchdub.select import Choosing, Selector

Numbered = tuple[int, Row]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of the manifests take part: the first `limit`, and of these what `rows` chooses.

    `among` are the only reference_ids that take part, where a ledger says which are left.
    """

    rows: Selector = field(default_factory=Selector)
    limit: int | None = None
    among: Collection[str] | None = None

    def of(self, rows: Iterable[Row], choosing: Choosing | None = None) -> Iterator[Numbered]:
        """Choose rows, each with its place in the manifest from 1; `choosing` may watch."""
        chooser = choosing or self.rows
        for position, row in islice(enumerate(rows, 1), self.limit):
            if self.among is not None and row.reference_id not in self.among:
                continue
            if chooser.chooses(row.reference_id, row.columns):
                yield position, row


@dataclass(frozen=True, slots=True)
class Source:
    """Manifests that have been read once and can be read again, to the same bytes.

    `rows` counts the chosen ones, `invalid` those that were left out for a problem because the
    caller wanted it so; `missing` are wanted reference_ids that no manifest has any more.
    """

    paths: tuple[str, ...]
    files: tuple[ManifestFile, ...]
    choice: Choice
    rows: int
    invalid: int = 0
    missing: tuple[str, ...] = ()

    def numbered(self) -> Iterator[Numbered]:
        """Read the manifests again and give the chosen rows.

        Raises UnusableInputError at the end if a manifest is not what it was.
        """
        files: list[ManifestFile] = []
        everything = read_manifests(self.paths, Problems(), files=files)
        yield from self.choice.of(everything)
        for _ in everything:  # what lies beyond a limit is read as well, for its hash
            pass
        for before, now in zip(self.files, files, strict=True):
            if before.sha256 != now.sha256:
                raise UnusableInputError(
                    f"{now.path}: changed while it was read", "run the same command again"
                )

    def planned(self, ledger: Queries | None, *, allow_same_media: bool) -> Iterator[PlannedRow]:
        """Give every chosen row with its fate; without a ledger nothing is known yet."""
        if ledger is None:
            return plan_rows(
                self.numbered(), lambda _: {}, lambda _: {}, allow_same_media=allow_same_media
            )
        return plan_rows(
            self.numbered(),
            ledger.latest_jobs,
            ledger.jobs_of_media,
            allow_same_media=allow_same_media,
        )


def open_source(
    paths: Sequence[str],
    choice: Choice,
    warn: Callable[[str], None],
    *,
    skip_invalid: bool = False,
) -> Source:
    """Read manifests for the first time.

    Raises ManifestError with every problem, unless `skip_invalid`: then the rows that have one
    are left out and told as warnings. Raises UnusableInputError if no row is chosen.
    """
    problems = Problems()
    files: list[ManifestFile] = []
    choosing = Choosing(choice.rows)
    found = _found(choice, read_manifests(paths, problems, files=files), choosing)
    for warning in problems.warnings():
        warn(str(warning))
    problems.raise_if_any(skip_rows=skip_invalid)
    if not choosing.chosen and choice.among is None:
        problems.raise_if_any()
    choosing.require_all()
    for problem in problems.first():
        warn(f"left out: {problem}")
    missing = sorted(set(choice.among or ()) - found)
    return Source(
        tuple(paths),
        tuple(files),
        choice,
        choosing.chosen,
        problems.rows_left_out,
        tuple(missing),
    )


def _found(choice: Choice, rows: Iterator[Row], choosing: Choosing) -> set[str]:
    """Choose to the end of the manifests; gives which of the rows wanted by name there are."""
    found = set()
    for _, row in choice.of(rows, choosing):
        if choice.among is not None:
            found.add(row.reference_id)
    for _ in rows:
        pass
    return found
