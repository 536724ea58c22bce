"""Every surface says the same title of the same rows: `412 of 430 ordered, 18 need you`."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from batchdub.cli.main import run_command
from batchdub.models import Row, Source
from batchdub.states import JobState
from tests.cli.nights import SANDBOX, ledger_with, write_manifest
from tests.ledger.support import bring_to, make_row, remote
from tests.report.unpacking import rows_of

ORDERED = {"submitted", "completed", "failed"}
BAD = {"failed", "rejected", "in_doubt"}
CHOICES = ((), ("--only", "language=ja"), ("--id", "row*1"), ("--state", "failed,pending"),
           ("--run", "last"), ("--since", "2026-03-01T22:00:20Z"))  # fmt: skip


@st.composite
def row_kinds(draw):
    """Draw what becomes of a row: its state, language, whether held or doubled, in which run."""
    state = draw(st.sampled_from(JobState))
    held = state is JobState.PENDING and draw(st.booleans())
    doubled = draw(st.integers(0, 4)) == 0
    return state, draw(st.sampled_from(["ja", "no"])), held, doubled, draw(st.integers(1, 2))


def build(folder, kinds):
    """Make a ledger of two runs with a row of each kind; gives what is true of each row, by id."""
    ledger, _ = ledger_with(folder)
    truth = {}
    for run_no in (1, 2):
        with ledger.transaction():
            ledger.begin_run(f"night-{run_no}", "run", host="studio", pid=1, version="0.1.0")
            manifest_id = ledger.remember_manifest("tonight.csv", "a" * 64)
        for number, (state, language, held, doubled, run) in enumerate(kinds, 1):
            if run != run_no:
                continue
            name = f"row{number}"
            made = make_row(name)
            row = Row(name, Source("tonight.csv", number), made.video_url, made.audio_url, False,
                      made.media_key, {"language": language})  # fmt: skip
            with ledger.transaction():
                ledger.add_rows([(row, manifest_id, number)])
            job_id = ledger.latest_jobs([name])[name].job_id
            bring_to(ledger, job_id, state)
            with ledger.transaction():
                if held:
                    ledger.hold(job_id, "its link dies before its turn")
                if doubled:
                    other = remote(f"other-{number}", reference_id=name)
                    ledger.record_other(job_id, other, "duplicate")
            truth[name] = (str(state), held, doubled)
        with ledger.transaction():
            ledger.end_run(0, "")
    ledger.close()
    return truth


def told_of(rows):
    """Say the title in the test's own way, from what is true of each row."""
    known = [row for row in rows if row[0] != "cancelled" or row[2]]
    ordered = sum(state in ORDERED for state, _, _ in known)
    need = sum(state in BAD or held or doubled for state, held, doubled in known)
    wait = sum(state in {"pending", "sending"} and not held and not doubled
               for state, held, doubled in known)  # fmt: skip
    if not known:
        return "no rows to order"
    title = f"{ordered} of {len(known)} ordered"
    title += f", {need} need{'s' if need == 1 else ''} you" if need else ""
    title += f", {wait} wait{'s' if wait == 1 else ''}" if wait and not need else ""
    return title if need or wait else f"{title}, none needs you"


def call(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(arguments)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def folder_of_its_own():
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


@settings(max_examples=12, deadline=None)
@given(st.lists(row_kinds(), min_size=1, max_size=9), st.sampled_from(CHOICES))
def test_every_surface_agrees_to_the_row(kinds, choice):
    """Whatever the states, and of whatever rows: status and all six formats tell one story."""
    with folder_of_its_own() as folder:
        truth = build(folder, kinds)
        code, out, _ = call("report", "--format", "jsonl", *choice)
        if code == 2:  # nothing happened then, or no row is chosen: no surface says anything
            for name in ("csv", "markdown", "html"):
                assert call("report", "--format", name, *choice)[:2] == (2, "")
            return
        lines = [json.loads(line) for line in out.splitlines()]
        chosen = {line["reference_id"]: truth[line["reference_id"]] for line in lines}
        if not choice:
            assert len(chosen) == len(kinds)
        title = told_of(chosen.values())
        states = Counter(state for state, _, _ in chosen.values())

        assert Counter(line["state"] for line in lines) == states
        assert json.loads(call("report", "--format", "json", *choice)[1]) == lines
        table = csv.DictReader(io.StringIO(call("report", "--format", "csv", *choice)[1]))
        assert Counter(line["state"] for line in table) == states
        markdown = call("report", "--format", "markdown", *choice)[1].splitlines()
        assert markdown[0] == title
        assert len(markdown) == len(lines) + 4
        page = call("report", "--format", "html", *choice)[1]
        assert re.findall(r"<title>(.*) · batchdub</title>", page) == [title]
        assert f"<h1>{title}</h1>" in page
        standings = Counter(row["standing"] for row in rows_of(page))
        assert f"{standings['needs you']} need" in title or not standings["needs you"]
        assert call("report", "--output", "night.xlsx", *choice)[0] == 0
        book = load_workbook("night.xlsx")
        assert (book["Summary"]["A1"].value, book.properties.title) == (title, title)
        assert Counter(cell.value for cell in book["Rows"]["C"][1:]) == states
        if not choice or choice[0] in ("--only", "--id"):
            _, counts, said = call("status", "--format", "json", *choice)
            assert said.splitlines()[0] == title
            assert +Counter({row["state"]: row["rows"] for row in json.loads(counts)}) == states


@pytest.mark.real_time
def test_the_end_of_a_run_its_message_and_the_reports_say_the_same(cli, tmp_path):
    """What is failed, held or pending at the end is so everywhere, in the same words."""
    manifest = write_manifest(tmp_path, 9)
    for options in (("--max-jobs", "4"), ("--wait", "--fault", "fail=0.4", "--seed", "1")):
        run = cli("run", manifest, *SANDBOX, *options,
                  "--on-finish", 'printf "%s" "$BATCHDUB_TITLE" > said')  # fmt: skip
        title = cli("status").err.splitlines()[0]

        assert title in run.err.splitlines()
        assert (tmp_path / "said").read_text() == f"batchdub: {title} (exit {run.code})"
        assert cli("report", "--format", "markdown").out.splitlines()[0] == title
        assert f"<h1>{title}</h1>" in cli("report", "--format", "html").out
    assert "need" in title
