"""The views: what someone who opens the ledger in a table browser reads first.

`stalled`, `duplicate` and `blocked` are no states; they are derived here.
"""

from __future__ import annotations

from batchdub.ledger.spend import spend_view

_LATEST = "jobs.latest = 1"
NEEDS_A_LOOK = (
    "latest = 1 AND (state IN ('in_doubt', 'rejected', 'failed')"
    " OR held IS NOT NULL AND state = 'pending')"
)
"""The jobs that do not go on by themselves; as these very words, so that their index serves."""
IS_STALLED = f"""{_LATEST} AND state = 'submitted'
        AND submitted_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-6 hours')"""


def report_query(more: str = "", condition: str = "", join: str = "") -> str:
    """Give the question for the report's rows: with `more` columns, or with fewer rows."""
    return f"""
        SELECT jobs.reference_id, jobs.revision, jobs.state, jobs.request_id,
            jobs.remote_status, coalesce(jobs.error, jobs.held) AS error, jobs.attempts,
            jobs.http_status, manifests.path || ':' || jobs.line AS source,
            jobs.video_url, jobs.audio_url, jobs.output_url, jobs.output_file,
            jobs.submitted_at, jobs.finished_at, jobs.run_id, jobs.columns{more}
        FROM jobs JOIN manifests USING (manifest_id){join}
        WHERE {_LATEST}{condition}
        ORDER BY jobs.manifest_id, jobs.position"""


VIEWS = {
    "report": report_query(),
    "counts_by_state": f"""
        SELECT state, count(*) AS jobs FROM jobs WHERE {_LATEST} GROUP BY state""",
    "failed_by_cause": f"""
        SELECT state, coalesce(error, '(no reason given)') AS cause, count(*) AS jobs,
            min(reference_id) AS for_example
        FROM jobs WHERE {_LATEST} AND state IN ('failed', 'rejected')
        GROUP BY state, cause ORDER BY jobs DESC""",
    "oldest_waiting": f"""
        SELECT reference_id, revision, state, submitted_at, remote_status
        FROM jobs WHERE {_LATEST} AND state = 'submitted' ORDER BY submitted_at""",
    "stalled": f"""
        SELECT reference_id, revision, submitted_at, remote_status, request_id
        FROM jobs WHERE {IS_STALLED} ORDER BY submitted_at""",
    "duplicates": """
        SELECT other_requests.reference_id, other_requests.request_id,
            other_requests.created_at, jobs.request_id AS kept_request_id,
            other_requests.acknowledged_at, other_requests.acknowledged_by
        FROM other_requests LEFT JOIN jobs USING (job_id)
        WHERE other_requests.kind = 'duplicate'""",
    "blocked": f"""
        SELECT reference_id, revision, state, held AS reason
        FROM jobs WHERE {_LATEST} AND held IS NOT NULL""",
    "needs_a_look": f"""
        SELECT reference_id, revision, coalesce(held, 'outcome unknown') AS reason
        FROM jobs WHERE {_LATEST} AND state = 'in_doubt'
        UNION ALL
        SELECT reference_id, NULL, 'ordered more than once: also ' || request_id
        FROM duplicates WHERE acknowledged_at IS NULL""",
    "history": """
        SELECT jobs.reference_id, jobs.revision, transitions.at, transitions.from_state,
            transitions.event, transitions.to_state, transitions.actor, transitions.note,
            transitions.run_id
        FROM transitions JOIN jobs USING (job_id) ORDER BY transitions.transition_id""",
    "spend": spend_view(),
}
