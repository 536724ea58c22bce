"""`--download`: finished dubs on disk, from whole commands and real sockets."""

from __future__ import annotations

import json
import signal
import time

import pytest

from batchdub.sandbox.books import read_books
from batchdub.sandbox.media import make_mp4
from tests.cli.nights import (
    KEY,
    SANDBOX,
    books_of,
    counts,
    ids,
    once_each,
    sandbox_on_a_port,
    started,
    told,
    wait_until,
    write_manifest,
)

NAME = "{language}/{reference_id}.mp4"
NAMED = ("--download", "dubs", "--download-name", NAME)


def expected(folder):
    """Give what the sandbox has for each row, by its reference_id."""
    orders = read_books(folder / "batchdub.books.jsonl")
    return {order.reference_id: make_mp4(order.request_id) for order in orders}


def found(folder):
    return {path.stem: path.read_bytes() for path in folder.rglob("*.mp4")}


@pytest.mark.real_time
def test_run_orders_waits_and_downloads(cli, tmp_path):
    """One command, and the report says where each file is."""
    manifest = write_manifest(tmp_path, 4)

    result = cli("run", manifest, *SANDBOX, *NAMED)

    assert result.code == 0
    assert found(tmp_path / "dubs") == expected(tmp_path)
    assert f"downloads: {tmp_path / 'dubs'}" in result.err
    assert "4 dubs downloaded (" in result.err
    assert told(result) == ["batchdub report --format csv --output report.csv"]
    rows = [json.loads(line) for line in cli("report", "--format", "jsonl").out.splitlines()]
    assert rows[0]["output_file"] == str(tmp_path / "dubs/no" / f"{ids(1)}.mp4")
    assert "output_sha256 " in cli("show", ids(1)).out

    again = cli("wait", *SANDBOX, *NAMED)
    assert (again.code, "0 dubs downloaded, 4 there already" in again.err) == (0, True)
    assert cli("ledger", "check").code == 0


def test_a_folder_that_no_ledger_can_hold_is_told_before_anything_is_ordered(cli, tmp_path):
    """A name of another encoding would end the run after its orders, in a traceback."""
    result = cli("run", write_manifest(tmp_path, 1), *SANDBOX, "--download", "d\udcff")

    assert result.code == 2
    assert "its path is not UTF-8" in result.err
    assert not books_of(tmp_path)


@pytest.mark.real_time
def test_what_could_not_be_had_is_named_with_its_line_and_exit_8(cli, tmp_path):
    """Orders and polling are not stopped by it, and the next command is the same download."""
    manifest = write_manifest(tmp_path, 3)
    (tmp_path / "dubs/ja").mkdir(parents=True)
    (tmp_path / "dubs/ja" / f"{ids(2)}.mp4").write_text("mine")

    result = cli("run", manifest, *SANDBOX, *NAMED, "--events", "e.jsonl")

    assert result.code == 8
    line = f"{manifest}:3: `{ids(2)}`: not downloaded: {tmp_path}/dubs/ja/{ids(2)}.mp4: another"
    assert f"batchdub: {line}" in result.err
    assert "2 dubs downloaded" in result.err
    assert told(result) == [f"batchdub wait --sandbox --download dubs --download-name '{NAME}'"]
    assert counts(tmp_path) == {"completed": 3}
    events = [json.loads(text) for text in (tmp_path / "e.jsonl").read_text().splitlines()]
    files = [each["event"] for each in events if "downloaded" in each["event"]]
    assert sorted(files) == ["row.downloaded", "row.downloaded", "row.not_downloaded"]
    (tmp_path / "dubs/ja" / f"{ids(2)}.mp4").unlink()
    assert cli("wait", *SANDBOX, *NAMED).code == 0
    assert found(tmp_path / "dubs") == expected(tmp_path)


@pytest.mark.real_time
def test_faults_of_the_line_do_not_change_a_byte(cli, tmp_path):
    """The sandbox cuts, refuses, and sends pages; what comes to its place is the dub (F-114)."""
    manifest = write_manifest(tmp_path, 6)
    faults = ("output-drop=0.3", "output-expired=0.2", "output-page=0.1", "output-slow=1:0.3s")

    result = cli("run", manifest, *SANDBOX, "--download", "dubs",
                 *(word for fault in faults for word in ("--fault", fault)))  # fmt: skip

    assert result.code == 0
    assert found(tmp_path / "dubs") == expected(tmp_path)
    assert books_of(tmp_path) == once_each(6)


@pytest.mark.real_time
def test_kill_9_in_the_middle_of_downloads_and_again(cli, tmp_path):
    """F-114: three deaths at different moments; the same command ends with the right bytes."""
    manifest = write_manifest(tmp_path, 4)
    cli("run", manifest, *SANDBOX, "--wait")
    arguments = ("wait", *SANDBOX, "--download", "dubs", "--fault", "output-slow=1:3s")
    parts = 0
    for after_s in (0.0, 0.4, 1.3):
        with started(tmp_path, *arguments) as run:
            wait_until(lambda: any(part.stat().st_size for part in tmp_path.rglob("*.part")))
            time.sleep(after_s)
            run.send_signal(signal.SIGKILL)
            run.wait()
        parts += len(list(tmp_path.rglob("*.part")))

    result = cli("wait", *SANDBOX, "--download", "dubs")

    assert result.code == 0
    assert parts
    assert found(tmp_path / "dubs") == expected(tmp_path)
    names = {path.name for path in (tmp_path / "dubs").iterdir()}
    assert names == {f"{ids(n)}.mp4{end}" for n in range(1, 5) for end in ("", ".json")}
    assert books_of(tmp_path) == once_each(4)


@pytest.mark.real_time
def test_ctrl_c_during_a_download_says_how_to_go_on(cli, tmp_path):
    """130, and what has come stays."""
    manifest = write_manifest(tmp_path, 1)
    cli("run", manifest, *SANDBOX, "--wait")
    arguments = ("wait", *SANDBOX, "--download", "dubs", "--fault", "output-slow=1:9s")
    with started(tmp_path, *arguments) as run:
        wait_until(lambda: any(part.stat().st_size for part in tmp_path.rglob("*.part")))
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=20)[1]

    assert run.returncode == 130
    assert "next: batchdub wait --sandbox --download dubs" in said.splitlines()
    assert "0 dubs downloaded" in said
    assert "1 left" in said


@pytest.mark.real_time
def test_a_second_order_of_a_row_has_a_file_of_its_own(cli, tmp_path, monkeypatch):
    """What was delivered once is not overwritten by what was ordered anew."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 1)
    with sandbox_on_a_port() as (there, books):
        cli("run", manifest, *there, "--download", "dubs")
        again = cli("reorder", "--id", ids(1), "--reason", "new mix", *there, "--download", "dubs")

    assert again.code == 0
    assert found(tmp_path / "dubs") == {
        ids(1): make_mp4(books.orders[0].request_id),
        f"{ids(1)}~r2": make_mp4(books.orders[1].request_id),
    }


@pytest.mark.real_time
def test_resume_downloads_what_the_whole_ledger_has(cli, tmp_path, monkeypatch):
    """Also where nothing is left to order."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 2)
    with sandbox_on_a_port() as (there, books):
        cli("run", manifest, *there)
        result = cli("resume", *there, "--download", "dubs", "--download-concurrency", "1")

    assert (result.code, len(books.orders)) == (0, 2)
    assert len(found(tmp_path / "dubs")) == 2


@pytest.mark.real_time
def test_names_are_settled_before_anything_is_ordered(cli, tmp_path):
    """Exit 2, with file and line."""
    manifest = write_manifest(tmp_path, 3)

    twice = cli(
        "run", manifest, *SANDBOX, "--download", "dubs", "--download-name", "{language}.mp4"
    )
    lacking = cli("run", manifest, *SANDBOX, "--download", "dubs", "--download-name",
                  "{langauge}/{reference_id}.mp4")  # fmt: skip

    assert (twice.code, lacking.code) == (2, 2)
    assert f"{manifest}:4: `{ids(3)}` would be the same file as `{ids(1)}`" in twice.err
    assert f"{manifest}:1: --download-name: there is no column `langauge` (did you mean" in (
        lacking.err
    )
    assert books_of(tmp_path) == {}


@pytest.mark.parametrize("command", [("run", "--dry-run"), ("plan",)])
def test_a_plan_checks_the_names_and_makes_no_folder(cli, tmp_path, command):
    """Exit 2 with file and line, as the run would; the plan itself is printed all the same."""
    manifest, (name, *more) = write_manifest(tmp_path, 3), command

    twice = cli(name, manifest, *more, "--download", "dubs", "--download-name", "{language}.mp4")
    lacking = cli(name, manifest, *more, "--download", "dubs", "--download-name", "{langauge}.mp4")
    fine = cli(name, manifest, *more, "--download", "dubs", "--download-name", NAME)

    assert (twice.code, lacking.code, fine.code) == (2, 2, 0)
    assert f"{manifest}:4: `{ids(3)}` would be the same file as `{ids(1)}`" in twice.err
    assert f"{manifest}:1: --download-name: there is no column `langauge`" in lacking.err
    assert "3 rows: 3 new" in fine.err
    assert not (tmp_path / "dubs").exists()


def test_a_plan_with_a_name_that_is_taken_is_not_saved(cli, tmp_path):
    """What `run --plan` would refuse need not be approved by anybody."""
    manifest = write_manifest(tmp_path, 3)

    result = cli("plan", manifest, "--output", "plan.json", "--download", "dubs",
                 "--download-name", "all.mp4")  # fmt: skip

    assert result.code == 2
    assert not (tmp_path / "plan.json").exists()


@pytest.mark.real_time
def test_names_hold_in_a_folder_until_others_are_asked_for(cli, tmp_path):
    """A shorter line must not fetch all of it once more; what is there is there, and is told."""
    manifest = write_manifest(tmp_path, 4)
    cli("run", manifest, *SANDBOX, *NAMED, "--limit", "2")
    first = sorted(path.name for path in (tmp_path / "dubs").rglob("*.mp4"))
    cli("run", manifest, *SANDBOX, "--wait")

    asked = cli("wait", *SANDBOX, "--download", "dubs", "--download-name", "all/{reference_id}.mp4")
    both = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.mp4"))
    same = cli("wait", *SANDBOX, "--download", "dubs")
    plan = cli("plan", manifest, "--download", "dubs", "--download-name", f"ja/{ids(2)}.mp4")

    assert len(first) == 2
    assert "2 dubs downloaded" in asked.err
    assert "2 there already, under the names of an earlier download" in asked.err
    assert both == [f"dubs/all/{ids(3)}.mp4", f"dubs/all/{ids(4)}.mp4",
                    f"dubs/ja/{ids(2)}.mp4", f"dubs/no/{ids(1)}.mp4"]  # fmt: skip
    assert "names as in this folder before: all/{reference_id}.mp4" in same.err
    assert "0 dubs downloaded, 4 there already, 2 of them under the names of an" in same.err
    assert plan.code == 2
    assert found(tmp_path / "dubs") == expected(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--download-name", NAME), "`--download-name` without `--download`"),
        (("--download-concurrency", "2"), "`--download-concurrency` without `--download`"),
        (("--download", "d", "--download-name", "../{a}.mp4"), "is not a template for file names"),
        (("--download", "tonight.csv"), "tonight.csv: cannot be written: File exists"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_ordered(cli, tmp_path, options, words):
    result = cli("run", write_manifest(tmp_path, 1), *SANDBOX, *options)

    assert result.code == 2
    assert words in result.err
    assert books_of(tmp_path) == {}


@pytest.mark.real_time
def test_a_folder_in_a_config_file_lies_beside_it(cli, tmp_path, monkeypatch):
    """As every path there does, wherever the command is typed."""
    season = tmp_path / "season"
    season.mkdir()
    write_manifest(season, 1)
    (season / "batchdub.toml").write_text('download = "dubs"\ndownload-name = "{reference_id}.mp4"')

    assert cli("run", "season/tonight.csv", *SANDBOX).code == 0
    assert list(found(season / "dubs")) == [ids(1)]
