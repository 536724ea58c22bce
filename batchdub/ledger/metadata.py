"""What a table browser shows of a ledger: each table and view in words, and questions ready to ask.

In the form that Datasette takes: `datasette batchdub.db --metadata metadata.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import cleandoc

DESCRIPTIONS: Mapping[str, str] = {
    "meta": "the API the ledger is bound to, and other facts of its own",
    "runs": "each run: when, what, how it ended",
    "manifests": "each manifest file by path and hash",
    "jobs": "each row at a revision: state, request_id, media (URLs cut)",
    "attempts": "each try of each order: intent, cost, outcome, HTTP status",
    "transitions": "each change of state: when, by which run or person, why",
    "media": "what a probe last saw of each media file: size, type, version",
    "outputs": "each dub's file: where, how much of it is there, SHA-256",
    "other_requests": "further requests under our reference_ids: duplicates, older ones",
    "report": "what batchdub report exports",
    "counts_by_state": "how many jobs are in each state",
    "spend": "every order that was or may have been paid: when, by which run, for how much"
    " (millionths)",
    "failed_by_cause": "failed and rejected jobs by cause",
    "oldest_waiting": "submitted jobs, the oldest first",
    "stalled": "submitted jobs that have been at the API for more than six hours",
    "duplicates": "rows that were ordered more than once",
    "blocked": "jobs that are held, and why",
    "needs_a_look": "jobs in doubt, and duplicates nobody has acknowledged",
    "history": "every transition with its reference_id",
}
"""Every table and view of a ledger; the README says the same."""

_SPENT = """certainty, currency, count(*) AS orders,
        round(sum(cost_millionths) / 1e6, 2) AS cost, count(*) - count(cost_millionths) AS unpriced
    FROM spend"""
_COUNTS = """count(*) AS orders, count(*) FILTER (WHERE state = 'completed') AS completed,
        count(*) FILTER (WHERE state = 'failed') AS failed
    FROM jobs WHERE request_id IS NOT NULL"""

QUERIES: Mapping[str, tuple[str, str]] = {
    "failed-by-cause": (
        "Failed and rejected rows by cause, the most frequent first",
        "SELECT state, cause, jobs, for_example FROM failed_by_cause",
    ),
    "oldest-waiting": (
        "Rows that have been at the API for the longest",
        """
        SELECT reference_id, submitted_at, remote_status,
            round((julianday('now') - julianday(submitted_at)) * 24, 1) AS hours
        FROM oldest_waiting""",
    ),
    "orders-by-language": (
        "Orders that the API took, by the manifests' column `language`",
        f"""
    SELECT json_extract(columns, '$.language') AS language,
        {_COUNTS}
    GROUP BY language ORDER BY orders DESC""",
    ),
    "orders-by-column": (
        "The same by any column of the manifests: its name is asked for",
        f"""
    SELECT json_extract(columns, '$."' || :column || '"') AS value,
        {_COUNTS}
    GROUP BY value ORDER BY orders DESC""",
    ),
    "spend-by-language": (
        "What orders cost, by language; `maybe` is what is in doubt",
        f"""
    SELECT json_extract(columns, '$.language') AS language, {_SPENT}
    GROUP BY language, certainty, currency ORDER BY cost DESC""",
    ),
    "spend-by-month": (
        "What orders cost, by month",
        f"""
    SELECT substr(at, 1, 7) AS month, {_SPENT}
    GROUP BY month, certainty, currency ORDER BY month DESC""",
    ),
    "missing-episodes": (
        "Episodes that are not done, by language and season",
        """
        SELECT json_extract(columns, '$.language') AS language,
            json_extract(columns, '$.season') AS season, count(*) AS missing,
            group_concat(json_extract(columns, '$.episode'), ', ') AS episodes
        FROM jobs WHERE latest = 1 AND state NOT IN ('completed', 'cancelled')
        GROUP BY language, season ORDER BY missing DESC""",
    ),
    "minute-by-minute": (
        "The night by minute: orders, 429s, and what was lost",
        """
        SELECT substr(intended_at, 1, 16) AS minute,
            count(*) FILTER (WHERE event = 'accepted') AS ordered,
            count(*) FILTER (WHERE http_status = 429) AS told_to_slow_down,
            count(*) FILTER (WHERE event = 'lost') AS lost
        FROM attempts GROUP BY minute ORDER BY minute DESC""",
    ),
    "tried-more-than-once": (
        "Rows that took more than one try, and what came back each time",
        """
        SELECT reference_id, revision, attempt_no, intended_at, event, cause,
            attempts.http_status, message
        FROM attempts JOIN jobs USING (job_id) WHERE jobs.attempts > 1
        ORDER BY reference_id, revision, attempt_no""",
    ),
}
"""Ready questions by name: what each tells, and its SQL."""


def datasette_metadata(database: str) -> dict[str, object]:
    """Give Datasette's metadata for a ledger; `database` is the file's name without its ending."""
    return {
        "title": "batchdub ledger",
        "description": "Dubs that were ordered, row by row. Times are UTC; links are without"
        " their signatures. Read it as you like; only batchdub should write to it.",
        "databases": {
            database: {
                "tables": {name: {"description": text} for name, text in DESCRIPTIONS.items()},
                "queries": {
                    name: {"title": title, "sql": cleandoc(sql)}
                    for name, (title, sql) in QUERIES.items()
                },
            }
        },
    }
