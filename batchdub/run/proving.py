"""Audit and rebuild as one call each: read the manifests, ask the API, write what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from batchdub.clock import Clock
from batchdub.errors import LedgerUnusableError
from batchdub.exits import Exit
from batchdub.ledger import Ledger, Queries, open_for_reading
from batchdub.models import Job, JobKey, RemoteRequest
from batchdub.run.account import may_be_bound_anew, note_answer, require_account, require_bound_to
from batchdub.run.asking import Say
from batchdub.run.audit import Audit, Subject, ask_for_all
from batchdub.run.certificate import ledger_content
from batchdub.run.connecting import Target, asking
from batchdub.run.prepare import register
from batchdub.run.rebuild import Rebuilt, read_everything, rebuild
from batchdub.run.reckoning import keep_strangers, reckon
from batchdub.run.revisions import Place, further_revisions, restore_revisions
from batchdub.run.session import open_session
from batchdub.run.source import Source
from batchdub.units import Rate

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Proving:
    """What both need: which ledger, which API, how fast to ask, and who is told."""

    ledger_path: Path
    target: Target
    rate: Rate
    clock: Clock
    version: str
    say: Say


def audit_manifests(proving: Proving, source: Source) -> tuple[Audit, str]:
    """Audit every row of the manifests; gives the audit, and the hash of what the ledger says.

    Changes nothing. Raises LedgerUnusableError if there is no ledger, or it is of another API.
    """
    with open_for_reading(proving.ledger_path) as ledger:
        _require_same_api(ledger, proving)
        subjects = list(_subjects(ledger, source))
        not_ours = ledger.not_ours()
        content = ledger_content(ledger)
    return asyncio.run(_audit(proving, subjects, not_ours)), content


async def _audit(proving: Proving, subjects: list[Subject], not_ours: set[str]) -> Audit:
    async with asking(
        proving.target, proving.rate, proving.clock, proving.version, proving.say
    ) as api:
        return await ask_for_all(api, subjects, not_ours)


def _require_same_api(ledger: Queries, proving: Proving) -> None:
    bound = ledger.meta("api")
    if bound != proving.target.name and not (bound and may_be_bound_anew(ledger)):
        raise LedgerUnusableError(
            f"{proving.ledger_path}: this ledger was made against {bound},"
            f" not {proving.target.name}",
            "name another ledger with --ledger, or its API with --base-url or --sandbox",
        )


def _subjects(ledger: Queries, source: Source) -> Iterator[Subject]:
    rows = source.numbered()
    while chunk := [row for _, row in islice(rows, _CHUNK)]:
        jobs = ledger.all_revisions([row.reference_id for row in chunk])
        for row in chunk:
            revisions: Iterable[Job | None] = jobs.get(row.reference_id) or (None,)
            key = JobKey(row.reference_id)
            for job in revisions:
                key = job.key if job else key
                yield Subject(key.sent_as, str(row.source), job)
            # A ledger that is older than a retry does not know of it; the API does.
            beyond = JobKey(key.reference_id, key.revision + 1)
            yield Subject(beyond.sent_as, str(row.source), None, beyond=True)


def rebuild_ledger(proving: Proving, source: Source, since: datetime | None) -> Rebuilt:
    """Restore a ledger from the manifests and the API's list; orders nothing.

    The list is read before the ledger is touched. Raises as `open_session` and `require_account`,
    and KeyRefusedError or ApiUnavailableError if the list cannot be read completely.
    """
    with _ledger_so_far(proving) as ledger:
        requests = asyncio.run(_read(proving, ledger))
    with open_session(
        proving.ledger_path,
        clock=proving.clock,
        command="ledger rebuild",
        target=proving.target.name,
        version=proving.version,
    ) as session:
        with session.ledger.transaction():
            note_answer(session.ledger)
            rebuilt = _write(session.ledger, source, requests, since)
        session.exit_code = Exit.NEEDS_A_LOOK if rebuilt.duplicates else Exit.DONE
        return rebuilt


@contextmanager
def _ledger_so_far(proving: Proving) -> Iterator[Queries | None]:
    """Give what is left of the ledger; None if nothing is, so that no pin can be compared."""
    path = proving.ledger_path
    if not path.is_file() or path.stat().st_size == 0:
        yield None
        return
    with open_for_reading(path) as ledger:
        require_bound_to(ledger, proving.target.name)
        yield ledger


async def _read(proving: Proving, ledger: Queries | None) -> tuple[RemoteRequest, ...]:
    async with asking(
        proving.target, proving.rate, proving.clock, proving.version, proving.say
    ) as api:
        if ledger is not None:
            await require_account(api, ledger, proving.target.key)
        return await read_everything(api)


def _write(
    ledger: Ledger, source: Source, requests: tuple[RemoteRequest, ...], since: datetime | None
) -> Rebuilt:
    ids = {file.path: ledger.remember_manifest(file.path, file.sha256) for file in source.files}
    prepared = register(ledger, source.planned(ledger, allow_same_media=True), ids)
    latest = ledger.jobs_by_id(prepared.scope)
    known = ledger.all_revisions([job.key.reference_id for job in latest])
    jobs = [revision for job in latest for revision in known[job.key.reference_id]]
    rebuilt = rebuild(ledger, jobs, requests, since)
    further = further_revisions(requests)
    restore_revisions(ledger, rebuilt, further, _places(source, further, ids), since)
    keep_strangers(ledger, reckon(ledger, len(requests)).strangers)
    return rebuilt


def _places(source: Source, further: Collection[str], ids: Mapping[str, int]) -> dict[str, Place]:
    return {
        row.reference_id: Place(row, ids[row.source.path], position)
        for position, row in (source.numbered() if further else ())
        if row.reference_id in further
    }
