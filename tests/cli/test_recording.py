"""Events and logs are complete, legible to programs and to grep, and never in the way of orders."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from batchdub.cli import recording as recording_module
from batchdub.cli.recording import json_line, log_line, recording
from batchdub.cli.talk import Talk
from batchdub.errors import UnusableInputError

EVENT = {
    "schema": 1,
    "at": "2026-03-01T22:00:00.000Z",
    "run_id": "R1",
    "event": "row.lost",
    "reference_id": "S01E01-no",
    "source": "tonight.csv:2",
    "message": 'the connection "ended"\nwithout an answer',
    "http_status": 500,
}


@pytest.fixture
def talk():
    return Talk(io.StringIO())


def test_an_event_is_one_line_whatever_is_in_it():
    """A line break in the server's words must not become another event."""
    assert json.loads(json_line(EVENT)) == EVENT
    assert json_line(EVENT).count("\n") == 1


def test_a_log_line_has_the_run_and_the_row_in_it():
    """`grep tonight.csv:2` tells the row's night."""
    line = log_line(EVENT)

    assert line == (
        "2026-03-01T22:00:00.000Z WARNING R1 tonight.csv:2 S01E01-no row.lost"
        ' message="the connection \\"ended\\"\\nwithout an answer" http_status=500\n'
    )
    begin = {key: EVENT[key] for key in ("schema", "at", "run_id")} | {"event": "run.begin"}
    assert log_line(begin) == "2026-03-01T22:00:00.000Z INFO    R1 - run.begin\n"


def test_nights_follow_each_other_in_one_file_of_the_owners(tmp_path, talk):
    """Whoever reads it need not know when a run began."""
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        with recording(str(path), None, talk) as on_event:
            on_event(EVENT)

    assert [json.loads(line) for line in path.read_text().splitlines()] == [EVENT, EVENT]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_events_are_there_as_they_happen(tmp_path, talk):
    """A dashboard follows the file; a killed run leaves what it had told."""
    with recording(str(tmp_path / "e"), str(tmp_path / "l"), talk) as on_event:
        on_event(EVENT)
        assert (tmp_path / "e").read_text() == json_line(EVENT)
        assert (tmp_path / "l").read_text() == log_line(EVENT)


def test_they_may_go_to_the_output(capsys, talk):
    """`--events - | jq`."""
    with recording("-", None, talk) as on_event:
        on_event(EVENT)

    assert capsys.readouterr().out == json_line(EVENT)


def test_a_log_does_not_grow_without_end(tmp_path, talk, monkeypatch):
    """Nobody clears a server's disk at night."""
    monkeypatch.setattr(recording_module, "_LOG_BYTES", 1_000)
    with recording(None, str(tmp_path / "log"), talk) as on_event:
        for _ in range(100):
            on_event(EVENT)

    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["log", "log.1", "log.2", "log.3", "log.4", "log.5"]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


@pytest.mark.parametrize("named", ["events", "log"])
def test_a_file_that_cannot_be_opened_is_known_before_the_run(tmp_path, talk, named):
    """And nothing was spent."""
    path = str(tmp_path / "no" / "such" / "folder")
    files = (path, None) if named == "events" else (None, path)

    with pytest.raises(UnusableInputError, match="No such file"), recording(*files, talk):
        pass


@pytest.mark.parametrize("named", ["events", "log"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_file_that_takes_no_more_is_told_once_and_costs_no_order(talk, named):
    """F-112: the run goes on without it."""
    files = ("/dev/full", None) if named == "events" else (None, "/dev/full")

    with recording(*files, talk) as on_event:
        on_event(EVENT)
        on_event(EVENT)

    assert talk.stream.getvalue() == (
        "warning: /dev/full: No space left on device; the run goes on without it\n"
    )


def test_nobody_wants_events():
    """Then none are made."""
    with recording(None, None, Talk(io.StringIO())) as on_event:
        assert on_event is None
