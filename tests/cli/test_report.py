"""`batchdub report`: exactly the promised columns, in every format, whole or not at all."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re

import pytest

from batchdub.report import REPORT_COLUMNS
from batchdub.states import JobState
from tests.cli.nights import SANDBOX, ids, ledger_with, told, write_manifest
from tests.ledger.support import remote
from tests.report.unpacking import rows_of


@pytest.fixture
def ledger(tmp_path):
    ledger, jobs = ledger_with(
        tmp_path, a=JobState.SUBMITTED, b=JobState.REJECTED, c=JobState.IN_DOUBT, d=JobState.PENDING
    )
    yield ledger, jobs
    ledger.close()


def rows(result):
    return [json.loads(line) for line in result.out.splitlines()]


def test_the_columns_are_the_promised_ones_then_the_manifests_own(cli, ledger):
    """Scripts rely on names and order; CSV is what comes without asking."""
    result = cli("report")

    header, *cells = csv.reader(io.StringIO(result.out))
    assert tuple(header) == (*REPORT_COLUMNS, "language")
    assert [row[0] for row in cells] == ["a", "b", "c", "d"]
    assert result.err == ""
    assert result.code == 0


@pytest.mark.real_time
def test_the_own_columns_of_all_manifests_come_in_the_order_they_were_first_seen(cli, tmp_path):
    """A row whose manifest does not have a column has nothing in it."""
    write_manifest(tmp_path, 1)
    (tmp_path / "more.csv").write_text(
        "client,video_url,audio_url,reference_id,language\n"
        "Nordlicht,https://x/1.mp4,https://x/1.wav,more-1,de\n"
    )
    cli("run", "tonight.csv", *SANDBOX)
    cli("run", "more.csv", *SANDBOX)

    found = rows(cli("report", "--format", "jsonl"))

    assert list(found[0])[len(REPORT_COLUMNS) :] == ["language", "client"]
    assert (found[0]["client"], found[1]["client"]) == (None, "Nordlicht")
    assert found[0]["source"] == "tonight.csv:2"


def test_error_says_what_was_wrong_or_why_it_waits(cli, ledger):
    """One column for the question: why is this row not done?"""
    opened, jobs = ledger
    with opened.transaction():
        opened.hold(jobs["d"], "the same media as `a`")

    found = rows(cli("report", "--format", "jsonl"))

    assert [row["error"] for row in found] == [
        None,
        "invalid request body",
        "no answer in 60 s",
        "the same media as `a`",
    ]


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("r.csv", "reference_id,revision"),
        ("r.json", "[\n{"),
        ("r.jsonl", '{"reference_id"'),
        ("r.md", "1 of 4 ordered, 2 need you\n\n| reference"),
        ("R.MARKDOWN", "1 of 4 ordered, 2 need you\n\n| reference"),
        ("r.html", "<!doctype html>"),
        ("r.htm", "<!doctype html>"),
    ],
)
def test_the_ending_of_a_file_says_its_format(cli, tmp_path, ledger, name, begins):
    """Nobody writes JSON into report.csv on purpose; an environment is no purpose."""
    result = cli("report", "--output", name)

    assert result.code == 0
    assert result.out == ""
    assert result.err == f"wrote {name}\n"
    assert (tmp_path / name).read_text().startswith(begins)


def test_a_flag_wins_over_the_ending_and_the_ending_over_the_environment(
    cli, tmp_path, ledger, monkeypatch
):
    """The nearer word counts."""
    monkeypatch.setenv("BATCHDUB_REPORT_FORMAT", "jsonl")

    cli("report", "--output", "a.csv")
    cli("report", "--output", "b.csv", "--format", "json")
    cli("report", "--output", "c.txt")

    assert (tmp_path / "a.csv").read_text().startswith("reference_id")
    assert (tmp_path / "b.csv").read_text().startswith("[")
    assert (tmp_path / "c.txt").read_text().startswith("{")
    assert cli("report").out.startswith("{")


def test_an_ending_that_names_no_format_needs_one(cli, tmp_path, ledger):
    """It is not guessed."""
    result = cli("report", "--output", "report.txt")

    assert result.code == 2
    assert "add `--format`" in result.err
    assert not (tmp_path / "report.txt").exists()


def test_excel_gets_its_mark_only_on_request(cli, tmp_path, ledger):
    """Without it Excel shows `Skärgård` wrongly; with it scripts miss the first column."""
    cli("report", "--output", "plain.csv")
    cli("report", "--output", "excel.csv", "--excel")

    assert (tmp_path / "plain.csv").read_bytes().startswith(b"reference_id")
    assert (tmp_path / "excel.csv").read_bytes().startswith(b"\xef\xbb\xbfreference_id")


@pytest.mark.parametrize("arguments", [(), ("--output", "r.json"), ("--format", "jsonl")])
def test_the_mark_is_for_csv_files_alone(cli, ledger, arguments):
    """Anywhere else it is a mistake."""
    result = cli("report", "--excel", *arguments)

    assert result.code == 2
    assert "`--excel` is for a CSV file" in result.err


def test_only_some_rows_by_state_and_by_column(cli, ledger):
    """Both must hold; several states may be named at once or apart."""
    both = cli("report", "--format", "jsonl", "--state", "rejected,in_doubt", "--state", "pending")

    assert [row["reference_id"] for row in rows(both)] == ["b", "c", "d"]
    chosen = cli("report", "--format", "jsonl", "--only", "language=ja", "--state", "submitted")
    assert [row["reference_id"] for row in rows(chosen)] == ["a"]


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--state", "fialed"), "`fialed` is not a state", "did you mean `failed`?"),
        (("--state", "xyz"), "`xyz` is not a state", "the states are pending, "),
        (("--state", ""), "`` chooses nothing", "the states are"),
        (("--state", "failed"), "no row is failed", "rows are `in_doubt`, `pending`, `rejected`"),
        (("--only", "language=jp"), "no row has language=`jp`", "are `ja`"),
        (("--only", "langauge=ja"), "no row has a column `langauge`", "did you mean `language`?"),
        (("--only", "language"), "`language` chooses nothing", "write COLUMN=VALUE"),
        (
            ("--state", "failed", "--only", "language=ja"),
            "no row is failed",
            "`in_doubt`, `pending`",
        ),
        (("--state", "failed", "--only", "language=jp"), "no row has language=`jp`", "`ja`"),
    ],
)
def test_a_choice_of_nothing_is_an_error_with_what_was_meant(
    cli, tmp_path, arguments, message, hint
):
    """An empty report looks like good news; and yesterday's file stays."""
    (tmp_path / "report.csv").write_text("yesterday")

    result = cli("report", "--output", "report.csv", *arguments)

    assert result.code == 2
    assert message in result.err
    assert hint in result.err
    assert (tmp_path / "report.csv").read_text() == "yesterday"


def test_a_ledger_of_no_rows_is_a_header(cli, tmp_path):
    """Nothing was chosen away, so it is an answer."""
    ledger_with(tmp_path)[0].close()

    result = cli("report")

    assert result.code == 0
    assert result.out == ",".join(REPORT_COLUMNS) + "\n"


@pytest.mark.real_time
def test_the_choice_knows_few_values_of_a_column_that_tells_rows_apart(cli, tmp_path):
    """A million titles need no memory to say that none of them was meant."""
    lines = "".join(
        f"https://x/{number}.mp4,https://x/{number}.wav,{ids(number)},title {number}\n"
        for number in range(1100)
    )
    (tmp_path / "t.csv").write_text("video_url,audio_url,reference_id,title\n" + lines)
    cli("run", "t.csv", *SANDBOX, "--tokens", "0")

    result = cli("report", "--only", "title=titel 7")

    assert result.code == 2
    assert "did you mean `title 7`" in result.err


# -- every report tells the same ------------------------------------------------------------


def as_text(row):
    """Give a row as CSV says it."""
    return {
        name: "" if row[name] is None else str(row[name]) for name in (*REPORT_COLUMNS, "language")
    }


@pytest.fixture
def every_state(tmp_path):
    """A ledger with a row in each state, one held, and one ordered more than once."""
    states = {f"row-{state}": state for state in JobState}
    ledger, jobs = ledger_with(tmp_path, **states, held=JobState.PENDING)
    with ledger.transaction():
        ledger.hold(jobs["held"], "the same media as `a`")
        other = remote("request-9", reference_id="row-completed")
        ledger.record_other(jobs["row-completed"], other, "duplicate")
    ledger.close()


@pytest.mark.usefixtures("every_state")
@pytest.mark.parametrize("format_name", ["csv", "json", "html"])
def test_every_report_and_the_status_agree_to_the_row(cli, format_name):
    """A coordinator's page and an engineer's script must not tell two stories."""
    lines = [as_text(row) for row in rows(cli("report", "--format", "jsonl"))]
    status = {row["state"]: row["rows"] for row in rows(cli("status", "--format", "jsonl"))}
    text = cli("report", "--format", format_name).out

    if format_name == "csv":
        found = list(csv.DictReader(io.StringIO(text)))
    else:
        read = json.loads(text) if format_name == "json" else rows_of(text)
        found = [as_text(row) for row in read]
    times = ("submitted_at", "finished_at") if format_name == "html" else ()  # people's own zone
    for one, other in zip(found, lines, strict=True):
        assert {**one, **dict.fromkeys(times)} == {**other, **dict.fromkeys(times)}
    assert {state: sum(row["state"] == state for row in found) for state in JobState} == status


# -- the page -------------------------------------------------------------------------------


@pytest.mark.usefixtures("every_state")
def test_the_page_counts_names_and_says_what_to_do(cli):
    """The same next commands as `status`, and each cause with its own."""
    text = cli("report", "--format", "html").out

    assert "<title>3 of 8 ordered, 5 need you · batchdub</title>" in text
    for command in told(cli("status")):
        assert f"<code>{command}</code>" in text
    assert "batchdub retry --rejected --error &#39;invalid request body&#39; --sandbox" in text
    assert "ordered more than once" in text
    assert {row["standing"] for row in rows_of(text)} == {
        "waiting", "needs you", "taken out",
    }  # fmt: skip


@pytest.mark.usefixtures("ledger")
def test_the_page_runs_its_own_script_and_nothing_else(cli):
    """The policy names script and style by what is in them; nothing is asked of a network."""
    text = cli("report", "--format", "html").out
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]

    assert policy.startswith(
        "default-src &#39;none&#39;; " if "&#39;" in policy else "default-src 'none'; "
    )
    for tag in ("script", "style"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert re.findall(r'(?:src|href|action)="(?!#|data:,")[^"]*"', text) == []


@pytest.mark.usefixtures("ledger")
def test_the_page_says_which_rows_were_chosen(cli):
    """Half of the rows must not look like all of them."""
    text = cli("report", "--format", "html", "--only", "language=ja", "--state", "rejected").out

    assert "Only language ja, state rejected" in text
    assert "<title>0 of 1 ordered, 1 needs you" in text
    assert [row["reference_id"] for row in rows_of(text)] == ["b"]


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "html", "--grid", "languag"), "did you mean `language`?"),
        (
            ("--format", "csv", "--grid", "language"),
            "`--grid` is for the HTML page and the workbook",
        ),
    ],
)
def test_a_grid_that_cannot_be_is_told(cli, arguments, said):
    """Before anything is written."""
    result = cli("report", *arguments)

    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_page_of_no_rows_is_a_page(cli, tmp_path):
    """The first morning, before the first run."""
    ledger_with(tmp_path)[0].close()

    text = cli("report", "--format", "html").out

    assert "<h1>no rows to order</h1>" in text
    assert rows_of(text) == []
