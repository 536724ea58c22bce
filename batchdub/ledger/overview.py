"""What a person asks of the whole ledger at once: what needs a look, who runs, which columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from batchdub.ledger.queries import Queries
from batchdub.ledger.records import columns_of
from batchdub.ledger.views import IS_STALLED, NEEDS_A_LOOK
from batchdub.models import Source
from batchdub.states import JobState


@dataclass(frozen=True, slots=True)
class Attention:
    """A job that does not go on by itself: `held` waits for a person, `error` is what was seen."""

    source: Source
    reference_id: str
    state: JobState
    held: str | None
    error: str | None


def count_by_held(queries: Queries) -> Counter[tuple[JobState, bool]]:
    """Count the jobs, latest revisions only, by state and by whether they are held."""
    counts: Counter[tuple[JobState, bool]] = Counter()
    rows = queries.ask(
        "SELECT state, count(*), count(held) FROM jobs WHERE latest = 1 GROUP BY state"
    )
    for state, number, held in rows:
        counts[JobState(state), False] += number - held
        counts[JobState(state), True] += held
    return +counts


def count_stalled(queries: Queries) -> int:
    """Count the submitted jobs that have been at the API for more than six hours."""
    return int(next(queries.ask(f"SELECT count(*) FROM jobs WHERE {IS_STALLED}"))[0])


def had_a_price(queries: Queries) -> bool:
    """Whether any order was sent at a price."""
    query = "SELECT 1 FROM spend WHERE cost_millionths IS NOT NULL LIMIT 1"
    return next(queries.ask(query), None) is not None


def needs_a_look(queries: Queries, first: int) -> list[Attention]:
    """Give the first so many jobs, in manifest order, that do not go on by themselves.

    In doubt, rejected, failed, or pending and held.
    """
    query = (
        "SELECT path, line, reference_id, state, held, error FROM jobs"
        " JOIN manifests USING (manifest_id)"
        f" WHERE {NEEDS_A_LOOK} ORDER BY manifest_id, position LIMIT ?"
    )
    return [
        Attention(Source(path, line), reference_id, JobState(state), held, error)
        for path, line, reference_id, state, held, error in queries.ask(query, (first,))
    ]


def process_of(queries: Queries, run_id: str) -> tuple[str, int]:
    """Give the host and the process id that a run was begun with."""
    host, pid = next(queries.ask("SELECT host, pid FROM runs WHERE run_id = ?", (run_id,)))
    return host, pid


def run_ids(queries: Queries) -> list[str]:
    """Give the ids of all runs, the last one first."""
    query = "SELECT run_id FROM runs ORDER BY started_at DESC, run_id DESC"
    return [run_id for (run_id,) in queries.ask(query)]


def column_names(queries: Queries) -> list[str]:
    """Give the names of the manifests' own columns, each once, in the order they first come.

    Reads every row and keeps none.
    """
    names: dict[str, None] = {}
    query = "SELECT columns FROM jobs WHERE latest = 1 ORDER BY manifest_id, position"
    for (text,) in queries.ask(query):
        names.update(dict.fromkeys(columns_of(text)))
    return list(names)


def ids_beginning(queries: Queries, beginning: str, most: int) -> list[str]:
    """Give the first so many reference_ids that begin with a text, sorted."""
    query = (
        "SELECT DISTINCT reference_id FROM jobs WHERE reference_id >= ?1"
        " AND reference_id < ?1 || char(1114111) ORDER BY reference_id LIMIT ?2"
    )
    return [str(row[0]) for row in queries.ask(query, (beginning, most))]
