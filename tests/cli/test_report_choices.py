"""`report`: rows of a night or a run, statements, workbooks, and manifests to go on with."""

from __future__ import annotations

import csv
import io
import json
import stat

import pytest
from openpyxl import load_workbook

from batchdub.ledger import open_for_reading
from batchdub.ledger.views import VIEWS
from batchdub.states import Event, JobState
from tests.cli.nights import CDN, SANDBOX, ids, ledger_with, write_manifest
from tests.ledger.support import PERSON, accepted, add_jobs, attempt, make_row, remote

SIGNED = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0123456789abcdef"


def rows(result):
    return [json.loads(line) for line in result.out.splitlines()]


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def two_runs(tmp_path):
    """One row failed in run-1 and was ordered again in run-2, together with a new one."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.FAILED, b=JobState.COMPLETED)
    with ledger.transaction():
        ledger.begin_run("run-2", "retry --failed", host="studio", pid=1, version="0.1.0")
        again = ledger.next_revision(
            jobs["a"], Event.RETRY, PERSON, make_row("a"), manifest_id=1, position=2
        )
    [c] = add_jobs(ledger, "c")
    attempt(ledger, again, accepted("request-again"))
    attempt(ledger, c, accepted("request-c"))
    with ledger.transaction():
        ledger.record_other(c, remote("request-9", reference_id="c"), "duplicate")
        ledger.end_run(0, "")
    ledger.close()


# -- of a run, or since a time ----------------------------------------------------------------


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--run", "run-1"), "ab"),
        (("--run", "run-2"), "ac"),
        (("--run", "last"), "ac"),
        (("--since", "2026-03-01T00:00Z"), "abc"),
        (("--run", "last", "--id", "c"), "c"),
    ],
)
def test_rows_to_which_something_happened(cli, arguments, names):
    """A row that was ordered again belongs to both runs, as it is now."""
    found = rows(cli("report", "--format", "jsonl", *arguments))

    assert "".join(sorted(row["reference_id"] for row in found)) == names


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("--run", "run-3"), "there is no run `run-3`", "did you mean `run-"),
        (("--since", "2030-01-01T00:00Z"), "nothing happened to any row", "batchdub status"),
        (("--since", "soon"), "`soon` is not a time", "write it as"),
        (("--by", "langage"), "no row has a column `langage`", "did you mean `language`?"),
        (("--by", "language", "--only", "language=ko"), "no row has language=`ko`", "`ja`"),
        (("--by", "language", "--format", "html"), "which html cannot hold", "--format csv"),
        (("--format", "xlsx",), "a workbook needs a file", "--output FILE.xlsx"),
        (("--as-manifest",), "needs a file", "--output FILE.csv"),
        (("--as-manifest", "--output", "x.csv", "--by", "a"), "goes with no `--by`", "rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_anything_is_written(cli, tmp_path, arguments, said, hint):
    """With what was meant."""
    result = cli("report", *arguments)

    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert hint in result.err
    assert not (tmp_path / "x.csv").exists()


def test_the_rows_are_those_of_the_view(cli, tmp_path):
    """The README promises that the view `report` is what the command exports."""
    ledger_with(tmp_path, **{f"row-{state}": state for state in JobState})[0].close()

    with open_for_reading(tmp_path / "batchdub.db") as ledger:
        names = ("held", "media_key", "video_hash", "audio_hash", "columns")
        told = [
            tuple(
                value
                for name, value in row.items()
                if name not in names and not name.startswith("dub_")
            )
            for row in ledger.report_rows()
        ]
        seen = [row[:-1] for row in ledger.ask(VIEWS["report"])]

    assert told == seen


# -- a statement ------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_runs")
def test_a_statement_counts_orders_and_not_rows(cli):
    """The row that was ordered again and the duplicate are further orders: both may be paid."""
    by_run = rows(cli("report", "--per", "run", "--by", "language", "--format", "jsonl"))
    by_month = cli("report", "--by", "language")

    figures = [[line[name] for name in ("run", "language", "orders", "completed", "failed",
                "further_orders", "unpriced", "cost")] for line in by_run]  # fmt: skip
    assert figures == [
        ["run-1", "ja", 2, 1, 1, 0, 2, None],
        ["run-2", "ja", 3, 0, 0, 2, 3, None],
    ]
    assert by_month.out == (
        "month,language,orders,in_doubt,completed,failed,further_orders,unpriced,currency,cost,"
        "cost_in_doubt\n2026-03,ja,5,0,1,1,2,5,,,\n"
    )


@pytest.mark.real_time
def test_a_statement_says_what_orders_cost(cli, tmp_path):
    """By the price that held when they were sent; what is in doubt apart."""
    write_manifest(tmp_path, 3)
    cli("run", "tonight.csv", *SANDBOX, "--price", "1.25 EUR/job")

    lines = rows(cli("report", "--by", "language", "--format", "jsonl"))
    page = cli("report", "--format", "html").out

    assert [(line["language"], line["orders"], line["currency"], line["cost"]) for line in lines] \
        == [("ja", 1, "EUR", "1.25"), ("no", 2, "EUR", "2.50")]  # fmt: skip
    assert "Cost of these rows: 3.75 EUR" in page


@pytest.mark.usefixtures("two_runs")
def test_a_statement_is_of_the_rows_that_were_chosen(cli):
    """One client's lines are what that client is sent."""
    [line] = rows(cli("report", "--per", "run", "--run", "last", "--id", "c", "--format", "jsonl"))

    assert (line["orders"], line["further_orders"]) == (2, 1)


# -- a workbook -------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_runs")
def test_a_workbook_has_the_rows_of_every_other_report(cli, tmp_path):
    """And the grid; its ending says what it is."""
    result = cli("report", "--output", "night.xlsx")
    sheet = load_workbook(tmp_path / "night.xlsx")["Rows"]
    header, *lines = [[cell.value for cell in line] for line in sheet]
    told = list(csv.reader(io.StringIO(cli("report").out)))

    assert (result.code, result.err) == (0, "wrote night.xlsx\n")
    assert header == told[0]
    assert [line[:4] for line in lines] == [
        [row[0], int(row[1]), row[2], row[3] or None] for row in told[1:]
    ]


# -- a manifest to go on with -----------------------------------------------------------------


@pytest.mark.real_time
@pytest.mark.parametrize("query", ["", SIGNED, f"{SIGNED}&v=7", "?token=planted"])
def test_a_manifest_of_some_rows_is_taken_by_run_as_it_is(cli, tmp_path, query):
    """Whole links, the same media, the same ids: nothing is ordered twice, and no row is new."""
    write_manifest(tmp_path, 6, query=query)
    cli("run", "tonight.csv", *SANDBOX, "--max-jobs", "4")

    made = cli("report", "--as-manifest", "--state", "pending", "--output", "rest.csv")
    done = cli("run", "rest.csv", *SANDBOX)

    assert made.code == 0
    assert "wrote rest.csv: 2 rows" in made.err
    assert stat.S_IMODE((tmp_path / "rest.csv").stat().st_mode) == 0o600
    lines = table(tmp_path / "rest.csv")
    assert lines[0]["video_url"] == f"{CDN}/5.mp4{query}"
    assert [line["reference_id"] for line in lines] == [ids(5), ids(6)]
    assert done.code == 0
    assert ": 2 ordered" in done.err


@pytest.mark.real_time
def test_without_its_manifest_a_signed_row_is_named_and_left_out(cli, tmp_path):
    """A link without its signature would be ordered, paid for, and fail."""
    write_manifest(tmp_path, 2, "signed.csv", query=SIGNED)
    write_manifest(tmp_path, 3, "plain.csv", media="other-")
    cli("run", "signed.csv", *SANDBOX, "--tokens", "0")
    cli("run", "plain.csv", *SANDBOX, "--tokens", "0", "--id", ids(3))
    (tmp_path / "signed.csv").unlink()
    (tmp_path / "plain.csv").unlink()

    result = cli("report", "--as-manifest", "--output", "again.csv")

    assert result.code == 8
    assert f"signed.csv:2: `{ids(1)}`: its links are signed" in result.err
    assert "wrote again.csv: 1 row" in result.err
    lines = table(tmp_path / "again.csv")
    assert [line["reference_id"] for line in lines] == [ids(3)]


@pytest.mark.real_time
def test_where_no_row_can_be_written_there_is_no_file(cli, tmp_path):
    """A manifest of no rows is an error to whoever reads it."""
    write_manifest(tmp_path, 2, query=SIGNED)
    cli("run", "tonight.csv", *SANDBOX, "--tokens", "0")
    (tmp_path / "tonight.csv").write_text("video_url,audio_url\nhttps://x/1,https://x/2\n")

    result = cli("report", "--as-manifest", "--output", "again.csv")

    assert result.code == 8
    assert "again.csv: nothing to write" in result.err
    assert not (tmp_path / "again.csv").exists()


@pytest.mark.real_time
@pytest.mark.parametrize("arguments", [("--as-manifest",), ()])
def test_no_report_takes_the_place_of_a_manifest(cli, tmp_path, arguments):
    """It would take the other rows' links with it."""
    write_manifest(tmp_path, 2)
    cli("run", "tonight.csv", *SANDBOX)
    before = (tmp_path / "tonight.csv").read_text()

    result = cli("report", *arguments, "--output", "./tonight.csv")

    assert result.code == 2
    assert "is a manifest that rows come from" in result.err
    assert (tmp_path / "tonight.csv").read_text() == before


@pytest.mark.real_time
def test_a_manifest_keeps_every_text_as_it_was(cli, tmp_path):
    """An id with an apostrophe before it would be another row, and ordered again."""
    header = "reference_id,video_url,audio_url,note,disable_active_speaker_detection\n"
    line = f'-1,{CDN}/1.mp4,{CDN}/1.wav,"=a, ""b""\n2",yes\n'
    (tmp_path / "t.csv").write_text(header + line)
    cli("run", "t.csv", *SANDBOX)

    cli("report", "--as-manifest", "--output", "again.csv")
    planned = rows(cli("plan", "again.csv", "--format", "jsonl"))

    [line] = table(tmp_path / "again.csv")
    assert (line["reference_id"], line["note"]) == ("-1", '=a, "b"\n2')
    assert line["disable_active_speaker_detection"] == "true"
    assert [row["fate"] for row in planned] == ["submitted"]
