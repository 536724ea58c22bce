"""No output takes the place of the ledger or a manifest: they are the only record there is."""

from __future__ import annotations

import os

import pytest

from tests.cli.nights import SANDBOX, write_manifest

pytestmark = pytest.mark.real_time


WRITERS = [
    ("plan", "tonight.csv", "--sandbox", "--output"),
    ("run", "tonight.csv", *SANDBOX, "--events"),
    ("run", "tonight.csv", *SANDBOX, "--log-file"),
    ("audit", "tonight.csv", "--sandbox", "--certificate"),
]
REPORT = ("report", "--format", "csv", "--output")
AGAIN = ("report", "--as-manifest", "--output")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((command, "batchdub.db") for command in (REPORT, AGAIN, *WRITERS)),
        *((REPORT, name) for name in ("batchdub.db-wal", "batchdub.books.jsonl", "link")),
    ],
)
def test_a_ledger_is_not_written_over(cli, tmp_path, command, name):
    """Whoever mistypes a name loses no order: also by a link, or of a file that is not there."""
    write_manifest(tmp_path, 1)
    assert cli("run", "tonight.csv", *SANDBOX).code == 0
    os.link(tmp_path / "batchdub.db", tmp_path / "link")
    before = (tmp_path / "batchdub.db").read_bytes()

    result = cli(*command, name)

    assert result.code == 2
    assert f"name another file with {command[-1]}" in result.err
    assert (tmp_path / "batchdub.db").read_bytes() == before


@pytest.mark.parametrize("command", WRITERS)
def test_a_manifest_is_not_written_over(cli, tmp_path, command):
    """Nor added to: its signed links are nowhere else."""
    manifest = write_manifest(tmp_path, 1)
    before = (tmp_path / manifest).read_bytes()

    result = cli(*command, f"./{manifest}")

    assert result.code == 2
    assert "is a manifest that rows come from" in result.err
    assert (tmp_path / manifest).read_bytes() == before
