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
from batchdub.ledger.outputs import NamedRow, files_of_others, named_rows
from batchdub.manifest import Problem, Problems
from batchdub.run.file_names import NoNameError, file_key
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
    problems, names = Problems(), dict[int, str]()
    taken = _taken_by_others(ledger, job_ids, download.folder)
    for row in _that_may_end(named_rows(ledger, job_ids)):
        try:
            name = download.names.name_of(row.key.reference_id, row.key.revision, row.columns)
        except NoNameError as error:
            problems.add(_without_name(row, error))
            continue
        names[row.job_id] = name
        key = file_key(name)
        if key in taken:
            what = f"`{row.key.reference_id}` would be the same file as {taken[key]}: `{name}`"
            problems.add(_problem(row, what, _HINT))
        else:
            taken[key] = f"`{row.key.reference_id}` ({row.source})"
    problems.raise_if_any()
    return names


def _taken_by_others(ledger: Queries, job_ids: Sequence[int], folder: Path) -> dict[str, str]:
    """Give the files in this folder that other rows were downloaded to, and by whom."""
    found = {}
    start = f"{folder}{os.sep}"
    for file, reference_id in files_of_others(ledger, frozenset(job_ids)):
        if file.startswith(start):
            found[file_key(file.removeprefix(start))] = f"`{reference_id}`, downloaded before"
    return found


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
