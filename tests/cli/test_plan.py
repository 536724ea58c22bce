"""`batchdub plan`: each row's fate and why, and nothing is touched."""

from __future__ import annotations

import json

import pytest

from tests.cli.nights import SANDBOX, ids, write_manifest


def fates(result):
    return {row["reference_id"]: row["fate"] for row in map(json.loads, result.out.splitlines())}


def test_a_first_plan_needs_no_ledger_and_no_key_and_leaves_nothing(cli, tmp_path):
    """Every row is new; the pace implies a time, and the columns group the rows."""
    manifest = write_manifest(tmp_path)

    result = cli("plan", manifest, "--format", "jsonl")

    assert result.code == 0
    assert set(fates(result).values()) == {"new"}
    assert "6 rows: 6 new" in result.err
    assert "to order by language: no (3 of 3), ja (3 of 3)" in result.err
    assert "6 orders at 60/min: about 6.1 s" in result.err
    assert [path.name for path in tmp_path.iterdir()] == [manifest]


@pytest.mark.real_time
def test_each_row_has_its_fate_and_the_reason(cli, tmp_path):
    """Ordered already as which request, other media under this id, the same media twice, new."""
    manifest = write_manifest(tmp_path, 3)
    cli("run", manifest, *SANDBOX, "--limit", "2")
    lines = (tmp_path / manifest).read_text().splitlines()
    lines[2] = lines[2].replace("/2.mp4", "/changed.mp4")
    lines.append(lines[1].replace(ids(1), "again"))
    (tmp_path / manifest).write_text("\n".join(lines))

    result = cli("plan", manifest, "--format", "jsonl", "--rate", "unlimited")

    assert fates(result) == {
        ids(1): "submitted",
        ids(2): "conflict",
        ids(3): "new",
        "again": "same_media",
    }
    reasons = [json.loads(row)["reason"] for row in result.out.splitlines()]
    assert reasons[0].startswith("already submitted as ")
    assert "stands for other media" in reasons[1]
    assert f"the same media as `{ids(1)}`" in reasons[3]
    assert "1 order, as fast as the API answers" in result.err


@pytest.mark.real_time
def test_a_plan_of_an_ordered_manifest_orders_nothing(cli, tmp_path):
    """It says so."""
    manifest = write_manifest(tmp_path, 2)
    cli("run", manifest, *SANDBOX)

    assert "nothing to order" in cli("plan", manifest).err


def test_a_plan_is_of_the_chosen_rows(cli, tmp_path):
    """A choice that chooses nothing is told, with what was meant."""
    manifest = write_manifest(tmp_path, 4)

    assert "2 rows: 2 new" in cli("plan", manifest, "--only", "language=ja").err
    missed = cli("plan", manifest, "--only", "langauge=ja")
    assert missed.code == 2
    assert "did you mean `language`?" in missed.err


def test_a_bad_manifest_has_no_plan(cli, tmp_path):
    """Unless its bad rows are left out."""
    (tmp_path / "bad.csv").write_text("video_url,audio_url\nftp://x,https://x/1.wav\n")

    assert cli("plan", "bad.csv").code == 2
