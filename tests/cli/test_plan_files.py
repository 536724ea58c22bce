"""A plan that was looked at is done exactly, or nothing is, and one is told what has changed."""

from __future__ import annotations

import json

import pytest

from tests.cli.nights import SANDBOX, books_of, ids, once_each, told, write_manifest

pytestmark = pytest.mark.real_time
PLAN = ("--plan", "p.json")


def save(cli, manifest, *options):
    result = cli("plan", manifest, "--output", "p.json", "--sandbox", *options)
    assert result.code == 0, result.err
    return result


def edit(folder, name, before, after):
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))


def test_the_next_command_keeps_the_pace_that_the_plan_reckoned_with(cli, tmp_path):
    """A slower run would come too late for links that were good in time."""
    saved = save(cli, write_manifest(tmp_path), "--rate", "600/min")

    assert told(saved) == ["batchdub run --plan p.json --sandbox --rate 600/min"]


def test_a_saved_plan_is_done_without_naming_the_manifest(cli, tmp_path):
    """The file is the data, so nothing is printed; the next command is told, and does it."""
    manifest = write_manifest(tmp_path)

    saved = save(cli, manifest, "--only", "language=ja")
    result = cli("run", *PLAN, *SANDBOX)

    assert saved.out == ""
    assert told(saved) == ["batchdub run --plan p.json --sandbox"]
    assert "plan: p.json (3 rows, 3 to order)" in result.err
    assert result.code == 0
    assert books_of(tmp_path) == {ids(2): 1, ids(4): 1, ids(6): 1}


def test_the_same_command_is_the_resume_of_a_plan(cli, tmp_path):
    """Rows that this plan's own runs have moved on are as planned; another's are not."""
    manifest = write_manifest(tmp_path, 4)
    save(cli, manifest)

    codes = [cli("run", *PLAN, *SANDBOX, "--max-jobs", "2").code for _ in range(3)]

    assert codes == [5, 0, 0]
    assert books_of(tmp_path) == once_each(4)


def test_a_plan_that_another_run_has_overtaken_is_stale(cli, tmp_path):
    """Row by row, by file and line."""
    manifest = write_manifest(tmp_path, 3)
    save(cli, manifest)
    cli("run", manifest, *SANDBOX, "--limit", "1")

    result = cli("run", *PLAN, *SANDBOX)

    assert result.code == 2
    assert f"{manifest}:2: `{ids(1)}`: was `new`, is `submitted`: already submitted" in result.err
    assert "p.json: the plan is stale: 1 thing has changed" in result.err
    assert books_of(tmp_path) == once_each(1)


def test_what_changed_in_the_manifest_is_told(cli, tmp_path):
    """Other media, a row that is new, a row that is gone; and nothing is in the ledger."""
    manifest = write_manifest(tmp_path, 4)
    save(cli, manifest)
    edit(tmp_path, manifest, "/2.mp4", "/other.mp4")
    edit(tmp_path, manifest, ids(3), "S09E009")

    result = cli("run", manifest, *PLAN, *SANDBOX)

    assert result.code == 2
    assert result.err.splitlines()[-5:-2] == [
        f"{manifest}:3: `{ids(2)}`: has other media than in the plan",
        f"{manifest}:4: `S09E009`: is not in the plan",
        f"{manifest}:4: `{ids(3)}`: is in no manifest any more",
    ]
    assert not books_of(tmp_path)
    assert "pending       0" in cli("status").out


def test_fresh_links_and_moved_lines_change_nothing(cli, tmp_path):
    """A rotated signature is the same row, and so is one that stands elsewhere."""
    signed = "?X-Amz-Algorithm=a&X-Amz-Signature={}"
    manifest = write_manifest(tmp_path, 3, query=signed.format("old"))
    save(cli, manifest)
    write_manifest(tmp_path, 3, query=signed.format("new"))
    header, *rows = (tmp_path / manifest).read_text().splitlines()
    (tmp_path / manifest).write_text("\n".join([header, *reversed(rows)]))

    assert cli("run", *PLAN, *SANDBOX).code == 0
    assert books_of(tmp_path) == once_each(3)
    assert "old" not in (tmp_path / "p.json").read_text()


def test_another_ledger_or_api_is_not_what_was_agreed_to(cli, tmp_path, monkeypatch):
    """An empty ledger beside the right one knows no row, and would order all of them."""
    manifest = write_manifest(tmp_path, 2)
    save(cli, manifest)
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted-key-4f9a1c77")

    there = cli("run", *PLAN, "--base-url", "http://127.0.0.1:9/api")
    other = cli("run", *PLAN, *SANDBOX, "--ledger", "other.db")

    assert "was made for sandbox, and this run is for http://127.0.0.1:9/api" in there.err
    assert "other.db" in other.err
    assert (there.code, other.code) == (2, 2)
    assert not books_of(tmp_path)


def test_a_plan_cannot_be_made_for_an_api_that_the_ledger_is_not_bound_to(cli, tmp_path):
    """As the run would be refused."""
    manifest = write_manifest(tmp_path, 2)
    cli("run", manifest, *SANDBOX)

    result = cli("plan", manifest, "--output", "p.json", "--base-url", "https://x.example.com")

    assert result.code == 10
    assert "made against sandbox" in result.err


def test_a_plan_keeps_its_price(cli, tmp_path):
    """What was agreed to was a sum; another price or another length is another plan."""
    manifest = write_manifest(tmp_path, 2)
    save(cli, manifest, "--price", "1,234.50 EUR/job".replace(",", ""))

    dearer = cli("run", *PLAN, *SANDBOX, "--price", "2000 EUR/job")
    done = cli("run", *PLAN, *SANDBOX)

    assert dearer.code == 2
    assert "the price was 1234.50 EUR/job, is 2,000.00 EUR/job" in dearer.err
    assert ", for 2,469.00 EUR\n" in done.err


def test_a_length_that_changed_between_two_runs_of_a_plan_is_another_cost(cli, tmp_path):
    """Also of a row that the plan's own run has tried: it was to cost what was agreed to."""
    manifest = "tonight.csv"
    (tmp_path / manifest).write_text(
        "video_url,audio_url,reference_id,duration\n"
        "https://cdn.example.com/1.mp4,https://cdn.example.com/1.wav,S1,1:00\n"
        "https://cdn.example.com/2.mp4,https://cdn.example.com/2.wav,S2,2:00\n"
    )
    save(cli, manifest, "--price", "1 EUR/min")
    first = cli("run", *PLAN, *SANDBOX, "--concurrency", "1", "--tokens", "1")
    edit(tmp_path, manifest, "2:00", "90:00")

    result = cli("run", *PLAN, *SANDBOX)

    assert first.code == 4
    assert result.code == 2
    assert f"{manifest}:3: `S2`: was to cost 2.00 EUR, costs 90.00 EUR" in result.err
    assert books_of(tmp_path) == {"S1": 1}


def test_a_dry_run_of_a_plan_says_whether_it_still_holds(cli, tmp_path):
    """Before the night, when somebody can still do something about it."""
    manifest = write_manifest(tmp_path, 2)
    save(cli, manifest)
    assert cli("run", *PLAN, "--dry-run", "--sandbox").code == 0
    assert "is for https://api.chamelaion.com/api" in cli("run", *PLAN, "--dry-run").err
    edit(tmp_path, manifest, "/2.mp4", "/other.mp4")

    stale = cli("run", *PLAN, "--dry-run", "--sandbox")

    assert stale.code == 2
    assert "has other media" in stale.err
    assert ids(1) in stale.out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("run",), "Missing argument"),
        (("run", *PLAN, "--only", "language=ja"), "`--only` beside `--plan`"),
        (("run", *PLAN, "--skip-invalid"), "`--skip-invalid` beside `--plan`"),
        (("run", *PLAN, "--duration-column", "length"), "has lengths of no column, not from"),
        (("run", "b.csv", *PLAN), "is a plan of tonight.csv, not of b.csv"),
        (("plan", "tonight.csv", "--output", "q", "--format", "csv"), "a plan's file is JSON"),
    ],
)
def test_what_contradicts_a_plan_is_refused(cli, tmp_path, arguments, why):
    """Neither is followed in silence."""
    save(cli, write_manifest(tmp_path, 2))
    write_manifest(tmp_path, 2, "b.csv")

    result = cli(*arguments)

    assert result.code == 2
    assert why in result.err


def test_a_plan_names_no_link_and_no_column(cli, tmp_path):
    """It is sent around to be looked at."""
    save(cli, write_manifest(tmp_path, 2, query="?sig=secret"))

    found = json.loads((tmp_path / "p.json").read_text())

    assert set(found["rows"][0]) == {
        "source", "reference_id", "revision", "media", "fate", "cost_millionths",
    }  # fmt: skip
    assert "cdn.example.com" not in json.dumps(found)
