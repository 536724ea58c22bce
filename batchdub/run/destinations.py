"""Which file each row's dub becomes, settled before anything is ordered.

A template that names a column which is not there, a row without a value for it, and two rows that
would share a file are problems of the manifest: told all at once, with file and line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries
from batchdub.ledger.outputs import NamedRow, any_outputs, files_of_others, named_rows
from batchdub.manifest import Problem, Problems
from batchdub.models import JobKey
from batchdub.plan import Fate, PlannedRow
from batchdub.run.file_names import NameTemplate, NoNameError, file_key
from batchdub.run.name_memory import names_in
from batchdub.run.options import Download
from batchdub.run.session import LEAST_FREE_BYTES
from batchdub.run.space import free_bytes
from batchdub.states import JobState

_HINT = "name what tells them apart with --download-name, such as `{language}/{reference_id}.mp4`"


def open_folder(path: str) -> Path:
    """Make the folder that downloads go to, if it is not there, and prove that it takes files.

    Gives its absolute path. Raises UnusableInputError.
    """
    folder = Path(os.path.abspath(path))  # noqa: PTH100  links in it stay as they were named
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise UnusableInputError(
            f"{path}: its path is not UTF-8, so no ledger can hold it",
            "name another folder with --download",
        ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".batchdub-{os.getpid()}.part"
        probe.write_bytes(b"")
        probe.unlink()
        free = free_bytes(folder)
    except OSError as error:
        raise UnusableInputError(
            f"{path}: cannot be written: {error.strerror}", "name another folder with --download"
        ) from None
    if free < LEAST_FREE_BYTES:
        raise UnusableInputError(
            f"{path}: only {free / 1e6:.0f} MB are free",
            "free some space, or name a folder on another disk with --download",
        )
    return folder


def destinations(
    ledger: Queries, job_ids: Sequence[int], download: Download | None
) -> dict[int, str]:
    """Give the name of each of these jobs' files, relative to the folder; without one, none.

    Raises ManifestError with every row that has no name of its own.
    """
    if download is None:
        return {}
    naming = Naming(names_in(ledger, download))
    for row in _that_may_end(named_rows(ledger, job_ids)):
        naming.add(row)
    naming.finish(ledger, download.folder)
    return naming.names


def naming_as_planned(
    ledger: Queries | None, planned: Iterable[PlannedRow], download: Download
) -> Iterator[PlannedRow]:
    """Pass planned rows on, and give each its name as the run would.

    Raises ManifestError at the end, as `destinations`.
    """
    naming = Naming(names_in(ledger, download))
    for number, item in enumerate(planned, 1):
        job, row = item.job, item.row
        if item.fate is not Fate.CONFLICT and (job is None or job.state is not JobState.CANCELLED):
            key = job.key if job else JobKey(row.reference_id)
            job_id = job.job_id if job else -number  # which no job has
            state = job.state if job else JobState.PENDING
            naming.add(NamedRow(job_id, key, state, row.source, row.columns))
        yield item
    naming.finish(ledger, download.folder)


class Naming:
    """Gives rows their files' names, one after the other, and notes which have none of their own.

    `names` are by job_id.
    """

    def __init__(self, template: NameTemplate) -> None:
        self.names: dict[int, str] = {}
        self._template = template
        self._problems = Problems()
        self._owners: dict[str, NamedRow] = {}

    def add(self, row: NamedRow) -> None:
        """Name a row's file."""
        try:
            name = self._template.name_of(row.key.reference_id, row.key.revision, row.columns)
        except NoNameError as error:
            self._problems.add(_without_name(row, error))
            return
        self.names[row.job_id] = name
        owner = self._owners.setdefault(file_key(name), row)
        if owner is not row:
            self._refuse(row, f"`{owner.key.reference_id}` ({owner.source})")

    def finish(self, ledger: Queries | None, folder: Path) -> None:
        """See that no other row of the ledger has one of these files. Raises ManifestError."""
        start = f"{folder}{os.sep}"
        for file, reference_id in self._of_others(ledger):
            if not file.startswith(start):
                continue
            owner = self._owners.get(file_key(file.removeprefix(start)))
            if owner is not None:
                self._refuse(owner, f"`{reference_id}`, downloaded before")
        self._problems.raise_if_any()

    def _of_others(self, ledger: Queries | None) -> Iterator[tuple[str, str]]:
        # A plan may look at a ledger of an older schema, which knows no files yet.
        if ledger is not None and any_outputs(ledger):
            yield from files_of_others(ledger, frozenset(self.names))

    def _refuse(self, row: NamedRow, other: str) -> None:
        name, who = self.names[row.job_id], row.key.reference_id
        what = f"`{who}` would be the same file as {other}: `{name}`"
        self._problems.add(_problem(row, what, _HINT))


def _that_may_end(rows: Iterable[NamedRow]) -> Iterator[NamedRow]:
    return (row for row in rows if row.state is not JobState.CANCELLED)


def _without_name(row: NamedRow, error: NoNameError) -> Problem:
    if not error.missing:
        hint = "give it a value, or leave it out of --download-name" if error.column else _HINT
        return _problem(row, f"no name for its file: {error.what}", hint)
    # Told of a manifest once, and not for each of its rows.
    return Problem(
        row.source.path, 1, None, "", f"--download-name: {error.what}", _meant(error, row.columns)
    )


def _meant(error: NoNameError, columns: Mapping[str, str]) -> str:
    near = get_close_matches(error.column, columns, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    there = ", ".join(f"`{name}`" for name in (*list(columns)[:8], "reference_id", "revision"))
    return f"there are {there}"


def _problem(row: NamedRow, what: str, hint: str) -> Problem:
    return Problem(row.source.path, row.source.line, None, "", what, hint)
