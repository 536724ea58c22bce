"""What a probe shows to have changed since rows were ordered, and what becomes of them for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from batchdub.ledger import Queries
from batchdub.ledger.media_versions import ordered_media
from batchdub.models import Change
from batchdub.plan import Fate, PlannedRow, Revise
from batchdub.preflight import change_of
from batchdub.run.judging import refusal
from batchdub.run.probing import COMPARED, Probed
from batchdub.states import Event


def with_changes(ledger: Queries | None, probed: Probed | None, *, reorder: bool) -> Revise:
    """Give what tells of planned rows which of them have media that changed since their order.

    A row that was ordered without a probe, was restored, or whose media's server did not answer
    has not changed as far as anybody knows. Only what is done is `reordered`, if that is wanted:
    what is at the API is being made from the one or the other, and nobody can say which, and what
    has failed is the business of `retry`.
    """
    if ledger is None or probed is None or not probed.seen:
        return lambda planned: planned
    duplicates = ledger.unseen_duplicates()

    def revise(planned: Sequence[PlannedRow]) -> Iterator[PlannedRow]:
        changes = _changes(ledger, probed, planned)
        for item in planned:
            change = changes.get(item.row.reference_id)
            if change is None or item.job is None:
                yield item
                continue
            others = duplicates.get(item.row.reference_id, ())
            yield _revised(item, change, refusal(item.job, Event.REORDER, others), reorder=reorder)

    return revise


def _revised(item: PlannedRow, change: Change, why_not: str, *, reorder: bool) -> PlannedRow:
    if item.fate is not Fate.COMPLETED or change.made:
        return item._replace(since=change)
    if not reorder:
        return item._replace(fate=Fate.CHANGED, since=change)
    fate = Fate.CHANGED if why_not else Fate.REORDERED
    return item._replace(fate=fate, since=change, waits_for=why_not)


def _changes(
    ledger: Queries, probed: Probed, planned: Sequence[PlannedRow]
) -> Mapping[str, Change]:
    """Give what has changed by reference_id, of the rows where anything has."""
    ordered = {item.row.reference_id: item for item in planned if item.fate in COMPARED}
    known = ordered_media(ledger, list(ordered)) if ordered else {}
    found: dict[str, Change] = {}
    for name, item in ordered.items():
        # Other links are other media: what was made from those says nothing of these.
        revisions = [each for each in known.get(name, ()) if each.media_key == item.row.media_key]
        # Of a revision that no attempt of ours has made nothing is known, whatever came before.
        if revisions and item.job and revisions[-1].key == item.job.key:
            change = change_of(revisions, *probed.media_of(item.row))
            if change is not None:
                found[name] = change
    return found
