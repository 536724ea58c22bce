"""What was spent, order by order: each that was paid or may have been, and what it cost.

An attempt counts from its intent on, unless it surely was no order: it was never sent, was turned
away or refused, or the API's list has shown that it does not exist. What a person has decided of
an order in doubt proves nothing, so that one goes on counting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from batchdub.ledger.records import columns_of
from batchdub.models import Source
from batchdub.states import JobState
from batchdub.units import to_stored_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchdub.ledger.queries import Queries

_COUNTS = """(attempts.event IS NULL OR attempts.event IN ('accepted', 'lost'))
            AND NOT EXISTS (
                SELECT 1 FROM transitions AS gone
                WHERE gone.job_id = attempts.job_id
                AND gone.event = 'absent' AND gone.actor IS NULL
                AND attempts.attempt_no = (
                    SELECT count(*) FROM transitions AS sends
                    WHERE sends.job_id = gone.job_id AND sends.event = 'send'
                    AND sends.transition_id < gone.transition_id))"""


def spend_view(*, has_costs: bool = True) -> str:
    """Give the view `spend` as SQL; a ledger of schema 1 has no costs.

    Beside the attempts there are orders that were found although no attempt of theirs counts, and
    duplicates: they cost what the job's last priced attempt did. `certainty` is `spent` or `maybe`.
    """
    cost, currency = ("cost", "currency") if has_costs else ("NULL", "NULL")
    last = "FROM attempts WHERE job_id = jobs.job_id{} ORDER BY attempt_no DESC LIMIT 1".format(
        " AND cost IS NOT NULL" if has_costs else ""
    )
    return f"""
        SELECT jobs.job_id, jobs.reference_id, jobs.revision, attempts.attempt_no,
            attempts.run_id, attempts.intended_at AS at,
            CASE WHEN attempts.event = 'accepted' OR (attempts.attempt_no = jobs.attempts
                AND jobs.request_id IS NOT NULL) THEN 'spent' ELSE 'maybe' END AS certainty,
            {cost} AS cost_millionths, {currency} AS currency, jobs.columns
        FROM attempts JOIN jobs USING (job_id)
        WHERE {_COUNTS}
        UNION ALL
        SELECT jobs.job_id, jobs.reference_id, jobs.revision, NULL, jobs.run_id,
            jobs.submitted_at, 'spent', (SELECT {cost} {last}), (SELECT {currency} {last}),
            jobs.columns
        FROM jobs
        WHERE jobs.request_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM attempts WHERE attempts.job_id = jobs.job_id AND {_COUNTS})
        UNION ALL
        SELECT jobs.job_id, jobs.reference_id, jobs.revision, NULL, other_requests.run_id,
            other_requests.created_at, 'spent', (SELECT {cost} {last}), (SELECT {currency} {last}),
            jobs.columns
        FROM other_requests JOIN jobs USING (job_id)
        WHERE other_requests.kind = 'duplicate'"""


@dataclass(frozen=True, slots=True)
class Spend:
    """One order that was or may have been paid; its cost in millionths, None without a price.

    `open` tells that its job is in doubt, so that the order may yet turn out not to exist.
    """

    job_id: int
    attempt_no: int | None
    open: bool
    cost: int | None
    currency: str | None
    reference_id: str
    source: Source
    columns: Mapping[str, str]


def spend_since(ledger: Queries, moment: datetime) -> Iterator[Spend]:
    """Give what was spent, or may have been, since a moment of our wall clock."""
    query = (
        "SELECT spend.job_id, attempt_no, state = ? AND attempt_no = attempts, cost_millionths,"
        " currency, spend.reference_id, path, line, spend.columns"
        " FROM spend JOIN jobs USING (job_id) JOIN manifests USING (manifest_id)"
        " WHERE at >= ?"
    )
    for row in ledger.ask(query, (JobState.IN_DOUBT, to_stored_time(moment))):
        job_id, attempt_no, is_open, cost, currency, reference_id, path, line, columns = row
        yield Spend(
            job_id, attempt_no, bool(is_open), cost, currency, reference_id,
            Source(path, line), columns_of(columns),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bought:
    """One order as a statement counts it. `at` is stored time; `sure` tells that it exists.

    `state` is that of its job, at that revision; `own` tells that this is the job's own order, and
    not one that was made besides.
    """

    reference_id: str
    revision: int
    at: str
    run_id: str
    sure: bool
    state: str
    own: bool
    cost: int | None
    currency: str
    columns: dict[str, str]


def bought(
    ledger: Queries, since: datetime | None = None, run_id: str | None = None
) -> Iterator[Bought]:
    """Give every order that was or may have been paid, of all time or less, as they stream."""
    query = (
        "SELECT spend.reference_id, spend.revision, at, coalesce(spend.run_id, ''),"
        " certainty = 'spent', state,"
        " attempt_no = attempts OR attempt_no IS NULL AND at = submitted_at,"
        " cost_millionths, coalesce(currency, ''), spend.columns"
        " FROM spend JOIN jobs USING (job_id)"
        " WHERE at >= ?1 AND spend.run_id IS coalesce(?2, spend.run_id)"
    )
    earliest = to_stored_time(since) if since else ""
    for row in ledger.ask(query, (earliest, run_id)):
        reference_id, revision, at, run, sure, state, own, cost, currency, columns = row
        yield Bought(
            reference_id, revision, at, run, bool(sure), state, bool(own), cost, currency,
            columns_of(columns),
        )  # fmt: skip
