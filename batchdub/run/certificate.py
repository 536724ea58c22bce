"""The certificate of an audit: what was asked, when, what was seen, and what it does not prove."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from batchdub.ledger import Queries
from batchdub.manifest import ManifestFile
from batchdub.run.audit import Audit, Finding
from batchdub.units import to_stored_time

_FORMAT = 1
DOES_NOT_PROVE = (
    (
        "that the list was complete when the API answered it: how soon a new request shows is"
        " documented nowhere, so an order sent just before may be missing"
    ),
    (
        "that the API still lists everything it was ever sent: how long it remembers is"
        " documented nowhere"
    ),
    "that nobody has ordered the same media under other reference_ids",
)


def certificate(
    audit: Audit, files: Sequence[ManifestFile], ledger_hash: str, api: str, version: str
) -> dict[str, Any]:
    """Put an audit into one JSON object; times are UTC, `content_sha256` is `ledger_content`."""
    return {
        "certificate": "batchdub audit",
        "format": _FORMAT,
        "batchdub": version,
        "api": api,
        "asked": str(audit.way),
        "asked_from": to_stored_time(audit.began_at),
        "asked_until": to_stored_time(audit.ended_at),
        "server_time": None if audit.server_at is None else to_stored_time(audit.server_at),
        "manifests": [
            {"path": file.path, "sha256": file.sha256, "bytes": file.size} for file in files
        ],
        "ledger": {"content_sha256": ledger_hash},
        "proven": int(audit.exit_code) == 0,
        "counts": {str(verdict): number for verdict, number in sorted(audit.counts.items())},
        "rows": [_row(finding) for finding in audit.findings],
        "does_not_prove": list(DOES_NOT_PROVE),
    }


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "reference_id": finding.sent_as,
        "source": finding.source,
        "verdict": str(finding.verdict),
        "ledger_state": finding.ledger_state and str(finding.ledger_state),
        "ledger_request_id": finding.ledger_request_id,
        "requests": [
            {
                "request_id": request.request_id,
                "created_at": to_stored_time(request.created_at),
                "status": request.status,
            }
            for request in finding.requests
        ],
    }


def ledger_content(ledger: Queries) -> str:
    """Hash what the ledger says of orders: reference_id, revision, state and request_id of each.

    Not the file: its bytes change when SQLite tidies up, what it says does not.
    """
    digest = hashlib.sha256()
    for line in ledger.orders():
        digest.update(json.dumps(line, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()
