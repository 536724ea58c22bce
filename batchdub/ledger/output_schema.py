"""The schema's second part: the files that finished dubs were downloaded to.

A row begins with the first byte of a download, and says how much of the `.part` file is known to
be on disk; with `sha256` the file is whole and stands at `file`.
"""

from __future__ import annotations

TABLE = """CREATE TABLE outputs (
        job_id INTEGER PRIMARY KEY REFERENCES jobs,
        file TEXT NOT NULL,
        validator TEXT NOT NULL DEFAULT '',
        bytes INTEGER CHECK (bytes >= 0),
        kept INTEGER NOT NULL DEFAULT 0 CHECK (kept >= 0),
        sha256 TEXT CHECK (length(sha256) = 64),
        modified_ns INTEGER,
        downloaded_at TEXT,
        run_id TEXT REFERENCES runs,
        CHECK (sha256 IS NULL OR bytes IS NOT NULL AND kept = bytes)
    )"""

GUARD = """CREATE TRIGGER output_of_completed BEFORE INSERT ON outputs
        WHEN NOT EXISTS (SELECT 1 FROM jobs WHERE job_id = NEW.job_id AND state = 'completed')
        BEGIN SELECT RAISE(ABORT, 'only a finished dub has an output'); END"""

STRANGE = (
    "SELECT 1 FROM outputs WHERE bytes < 0 OR kept < 0 OR length(sha256) <> 64"
    " OR sha256 IS NOT NULL AND (bytes IS NULL OR kept <> bytes) LIMIT 1"
)
"""The question for rows that the table's own CHECKs would not let in."""
