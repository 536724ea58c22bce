"""The combined night: dubs that fail, downloads that are cut, links that expire, and a SIGKILL.

Held against the sandbox's own books and bytes, on disk and in every report.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import signal
from contextlib import closing

import pytest
from openpyxl import load_workbook

from batchdub.ledger import open_for_reading
from batchdub.sandbox.books import read_books
from batchdub.sandbox.media import make_mp4
from tests.cli.nights import SANDBOX, ids, once_each, started, told, wait_until, write_manifest
from tests.report.unpacking import rows_of

pytestmark = pytest.mark.real_time

ROWS = 60
FAULTS = ("fail=0.2", "output-drop=0.3", "output-lapse=0.5:1s", "output-expired=0.1",
          "output-slow=1:0.3s", "drop-after=0.1")  # fmt: skip
NIGHT = ("--wait", "--download", "dubs", "--download-name", "{language}/{reference_id}.mp4",
         "--settle", "1s", "--seed", "3",
         *(word for fault in FAULTS for word in ("--fault", fault)))  # fmt: skip


def books(folder):
    """Give each row's order as the provider has it; that there is one of each row is the proof."""
    orders = list(read_books(folder / "batchdub.books.jsonl"))
    assert sorted(order.reference_id for order in orders) == sorted(once_each(ROWS))
    return {order.reference_id: order for order in orders}


def outputs(folder):
    """Give what the ledger has of each row's file, by its reference_id."""
    query = ("SELECT reference_id, state, output_file, file, bytes, sha256 FROM jobs"
             " LEFT JOIN outputs USING (job_id) WHERE latest = 1")  # fmt: skip
    with closing(open_for_reading(folder / "batchdub.db")) as ledger:
        return {name: known for name, *known in ledger.ask(query)}


def test_a_night_of_faults_and_a_kill_ends_with_every_dub_on_disk(cli, tmp_path):
    """Every completed row's file is the provider's, byte for byte, and all reports say so."""
    command = ("run", write_manifest(tmp_path, ROWS), *SANDBOX, *NIGHT)
    dubs = tmp_path / "dubs"
    with started(tmp_path, *command) as run:
        wait_until(lambda: len(list(dubs.rglob("*.mp4"))) > 8
                   and any(part.stat().st_size for part in dubs.rglob("*.part")))  # fmt: skip
        run.send_signal(signal.SIGKILL)
        run.wait()
    done_before = len(list(dubs.rglob("*.mp4")))
    said = cli("status").err
    assert re.search(r"(\d+) of \d+ finished dubs on disk, verified; \d+ not", said)
    assert "next: batchdub resume --sandbox" in said or "wait --sandbox --download dubs" in said

    with started(tmp_path, *command) as run:
        end = run.communicate(timeout=60)[1]

    orders = books(tmp_path)
    failed = {name for name, order in orders.items() if order.fails}
    finished = {name: make_mp4(order.request_id) for name, order in orders.items()
                if not order.fails}  # fmt: skip
    assert (run.returncode, 8 <= done_before < len(finished), len(failed) > 5) == (8, True, True)

    # on disk: the provider's bytes under the row's name with a note beside each, and nothing else
    names = {name: ("ja", "no")[int(name[-3:]) % 2] for name in orders}
    there = {path.relative_to(dubs): path for path in dubs.rglob("*") if path.is_file()}
    assert sorted(map(str, there)) == sorted(
        f"{names[name]}/{name}.mp4{end}" for name in finished for end in ("", ".json")
    )
    for name, whole in finished.items():
        path, sha256 = dubs / names[name] / f"{name}.mp4", hashlib.sha256(whole).hexdigest()
        assert path.read_bytes() == whole
        note = json.loads(path.with_name(f"{path.name}.json").read_text())
        assert (note["sha256"], note["bytes"]) == (sha256, len(whole))
        known = ["completed", str(path), str(path), len(whole), sha256]
        assert outputs(tmp_path)[name] == known
    assert {name: known for name, known in outputs(tmp_path).items() if name in failed} == {
        name: ["failed", None, None, None, None] for name in failed
    }

    # and every surface says so
    title = f"60 of 60 ordered, {len(failed)} need you"
    dubs_line = f"{len(finished)} of {len(finished)} finished dubs on disk, verified"
    checks = {name: "verified" if name in finished else None for name in orders}
    assert title in end.splitlines()
    assert cli("status").err.splitlines()[:2] == [title, dubs_line]
    assert cli("report", "--format", "markdown").out.split("\n\n")[:2] == [title, dubs_line]
    page = cli("report", "--format", "html").out
    assert f'<h1>{title}</h1>\n<p class="dubs">{dubs_line}</p>' in page
    assert {row["reference_id"]: row["output_check"] for row in rows_of(page)} == checks
    lines = [json.loads(line) for line in cli("report", "--format", "jsonl").out.splitlines()]
    assert {line["reference_id"]: line["output_check"] for line in lines} == checks
    assert {line["reference_id"]: line["output_file"] for line in lines} == {
        name: known[1] for name, known in outputs(tmp_path).items()
    }
    assert cli("report", "--output", "night.xlsx").code == 0
    book = load_workbook(tmp_path / "night.xlsx")
    head, *cells = book["Rows"].iter_rows(values_only=True)
    read = [dict(zip(head, each, strict=True)) for each in cells]
    assert {row["reference_id"]: row["output_check"] for row in read} == checks
    assert [book["Summary"][place].value for place in ("A1", "A2")] == [title, dubs_line]
    assert cli("ledger", "check").code == 0
    assert cli("audit", "tonight.csv", "--sandbox", "--all").code == 0


def test_reports_say_which_dubs_are_not_on_disk_and_why(cli, tmp_path):
    """Gone, changed, and never had: each with its reason, until the same download mends it."""
    manifest = write_manifest(tmp_path, 5)
    (tmp_path / "dubs").mkdir()
    (tmp_path / f"dubs/{ids(3)}.mp4").write_text("mine")
    assert cli("run", manifest, *SANDBOX, "--download", "dubs").code == 8
    (tmp_path / f"dubs/{ids(1)}.mp4").unlink()
    changed = tmp_path / f"dubs/{ids(2)}.mp4"
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    (tmp_path / f"dubs/{ids(4)}.mp4").touch()

    dubs_line = "2 of 5 finished dubs on disk, verified; 3 not"
    foreign = f"not downloaded: {tmp_path}/dubs/{ids(3)}.mp4: another file stands there, and none"
    whys = {ids(1): "has gone", ids(2): "is not what was downloaded any more", ids(3): foreign}
    table = {row["reference_id"]: row["output_check"]
             for row in csv.DictReader(io.StringIO(cli("report").out))}  # fmt: skip
    assert {name for name, said in table.items() if said == "verified"} == {ids(4), ids(5)}
    page = cli("report", "--format", "html").out
    assert f'<p class="dubs">{dubs_line}</p>' in page
    assert "<b>3</b> finished, without a verified file" in page
    assert "<code>batchdub wait --sandbox --download dubs</code>" in page
    cli("report", "--output", "night.xlsx")
    summary = load_workbook(tmp_path / "night.xlsx")["Summary"]
    lacking = {row[0]: row[2] for row in summary.iter_rows(values_only=True) if row[2]}
    status = cli("status")
    assert dubs_line in status.err.splitlines()
    for name, why in whys.items():
        assert table[name].startswith(why)
        assert lacking[name].startswith(why)
        assert re.search(rf"{name}</span>.*{re.escape(why)}", page)
        assert f"`{name}`: its dub: {why}" in status.err
    assert "batchdub wait --sandbox --download dubs" in told(status)

    changed.unlink()
    (tmp_path / f"dubs/{ids(3)}.mp4").unlink()
    assert cli("wait", *SANDBOX, "--download", "dubs").code == 0
    assert "5 of 5 finished dubs on disk, verified" in cli("status").err.splitlines()
