"""`batchdub audit` and `batchdub ledger rebuild` from end to end."""

from __future__ import annotations

import json

import pytest

from tests.cli.nights import (
    KEY,
    SANDBOX,
    books_of,
    counts,
    ids,
    once_each,
    sandbox_on_a_port,
    write_manifest,
)

pytestmark = pytest.mark.real_time


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path)


def test_a_clean_night_is_proven(cli, manifest):
    cli("run", manifest, *SANDBOX)

    result = cli("audit", manifest, *SANDBOX)

    assert result.code == 0
    assert "6 asked: 6 once" in result.err


def test_the_certificate_holds_what_was_seen(cli, tmp_path, manifest):
    cli("run", manifest, *SANDBOX)

    result = cli("audit", manifest, *SANDBOX, "--certificate", "proof.json")

    proof = json.loads((tmp_path / "proof.json").read_text())
    assert result.code == 0
    assert proof["proven"] is True
    assert proof["counts"] == {"once": 6}
    assert [row["reference_id"] for row in proof["rows"]] == [ids(n) for n in range(1, 7)]
    assert proof["does_not_prove"]


def test_a_row_ordered_twice_is_named_with_all_its_ids_and_exits_6(cli, tmp_path, manifest):
    """The books of two nights under one file: what another machine would have done."""
    cli("run", manifest, *SANDBOX)
    twice = (tmp_path / "batchdub.books.jsonl").read_text().splitlines()[0]
    order = json.loads(twice)
    order["request_id"] = "00000000-0000-4000-8000-000000000001"
    with (tmp_path / "batchdub.books.jsonl").open("a") as books:
        books.write(json.dumps(order) + "\n")

    result = cli("audit", manifest, *SANDBOX, "--format", "jsonl")

    (found,) = map(json.loads, result.out.splitlines())
    assert result.code == 6
    assert (found["verdict"], found["reference_id"]) == ("twice", ids(1))
    assert "00000000-0000-4000-8000-000000000001" in found["request_ids"]
    assert "1 twice" in result.err


def test_every_row_is_printed_if_wanted(cli, manifest):
    cli("run", manifest, *SANDBOX)

    result = cli("audit", manifest, *SANDBOX, "--all", "--format", "csv")

    assert result.out.count("\nonce,") == 6


def test_an_audit_of_another_api_is_refused(cli, manifest, monkeypatch):
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    cli("run", manifest, *SANDBOX)

    result = cli("audit", manifest, "--base-url", "http://127.0.0.1:9/api")

    assert result.code == 10
    assert "was made against sandbox" in result.err


def test_an_audit_changes_nothing(cli, tmp_path, manifest):
    cli("run", manifest, *SANDBOX)
    before = (tmp_path / "batchdub.db").read_bytes()

    cli("audit", manifest, *SANDBOX)

    assert (tmp_path / "batchdub.db").read_bytes() == before


def test_a_lost_ledger_is_rebuilt_and_only_the_rest_is_ordered(cli, tmp_path, manifest):
    cli("run", manifest, *SANDBOX)
    (tmp_path / "batchdub.db").unlink()
    more = write_manifest(tmp_path, 8)

    stopped = cli("run", more, *SANDBOX)
    rebuilt = cli("ledger", "rebuild", more, *SANDBOX)
    after = cli("run", more, *SANDBOX)

    assert (stopped.code, rebuilt.code, after.code) == (6, 0, 0)
    assert f"`batchdub ledger rebuild --sandbox {more}`" in stopped.err
    assert "8 rows: 6 restored, 2 not found, 0 duplicates" in rebuilt.err
    assert ": 2 ordered in " in after.err
    assert books_of(tmp_path) == once_each(8)


def test_since_takes_only_newer_requests(cli, tmp_path, manifest):
    cli("run", manifest, *SANDBOX)
    (tmp_path / "batchdub.db").unlink()

    rebuilt = cli("ledger", "rebuild", manifest, *SANDBOX, "--since", "2999-01-01T00:00Z")

    assert rebuilt.code == 0
    assert "6 not found" in rebuilt.err
    assert "6 older requests recorded as not ours" in rebuilt.err
    assert counts(tmp_path) == {"pending": 6}


def test_a_duplicate_found_by_a_rebuild_is_printed_and_exits_6(cli, tmp_path, manifest):
    cli("run", manifest, *SANDBOX)
    order = json.loads((tmp_path / "batchdub.books.jsonl").read_text().splitlines()[0])
    order["request_id"] = "ffffffff-0000-4000-8000-000000000001"
    with (tmp_path / "batchdub.books.jsonl").open("a") as books:
        books.write(json.dumps(order) + "\n")
    (tmp_path / "batchdub.db").unlink()

    rebuilt = cli("ledger", "rebuild", manifest, *SANDBOX)

    assert rebuilt.code == 6
    assert "ordered more than once" in rebuilt.out
    assert "\nduplicate " in rebuilt.out


def test_requests_of_other_manifests_are_counted(cli, tmp_path, manifest):
    cli("run", manifest, *SANDBOX)
    (tmp_path / "batchdub.db").unlink()
    fewer = write_manifest(tmp_path, 2)

    rebuilt = cli("ledger", "rebuild", fewer, *SANDBOX)

    assert "4 requests of the account stand in no row" in rebuilt.err


def test_a_time_that_is_none_is_told(cli, manifest):
    result = cli("ledger", "rebuild", manifest, *SANDBOX, "--since", "yesterday")

    assert result.code == 2
    assert "`yesterday` is not a time" in result.err


def test_a_rebuild_with_another_accounts_key_is_refused_before_it_writes(
    cli, tmp_path, manifest, monkeypatch
):
    """It would find nothing, and only the next run would notice. A new key of the same is taken."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    ledger = tmp_path / "batchdub.db"
    with sandbox_on_a_port() as (options, books):
        cli("run", manifest, *options)
        monkeypatch.setenv("CHAMELAION_API_KEY", "a-second-planted-key")
        same = cli("ledger", "rebuild", manifest, *options[:2])
        before = ledger.read_bytes()
        books.__init__()  # as another account sees them
        refused = cli("ledger", "rebuild", manifest, *options[:2])

    assert (same.code, refused.code) == (0, 10)
    assert "belongs to another account" in refused.err
    assert ledger.read_bytes() == before


def test_a_rebuild_from_another_api_is_refused_before_it_asks(cli, manifest, monkeypatch):
    """Nothing listens there, and nobody needs to know."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")

    refused = cli("ledger", "rebuild", manifest, "--base-url", "http://127.0.0.1:1/api")

    assert refused.code == 10
    assert "made against sandbox" in refused.err
