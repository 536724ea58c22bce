"""Who is told of a run hears of every end, of those before the first order as well."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from batchdub.cli import hook_options
from batchdub.notify import web
from batchdub.states import JobState
from tests.cli.nights import KEY, SANDBOX, api_server, books_of, ledger_with, write_manifest


@pytest.fixture
def told(monkeypatch):
    """Give what was posted: URL and body."""
    posted = []
    monkeypatch.setattr(
        web, "poster",
        lambda _: lambda url, content, _type: posted.append((url.reveal(), content.decode())),
    )  # fmt: skip
    return posted


HOOKS = ("--webhook", "https://chat.example.com/T0", "--ping", "https://hc.example.com/u")


def paths(told):
    return [url.partition("example.com")[2] for url, _ in told]


@pytest.mark.real_time
def test_a_run_that_went_well_is_told(cli, tmp_path, told):
    """One message: counts and the next command."""
    manifest = write_manifest(tmp_path, 2)

    result = cli("run", manifest, *SANDBOX, *HOOKS)

    assert result.code == 0
    assert paths(told) == ["/u/start", "/T0", "/u"]
    body = json.loads(told[1][1])
    assert body["title"] == "batchdub: 2 of 2 ordered, none needs you (exit 0)"
    assert "2 rows: 2 submitted" in body["lines"]
    assert body["next_commands"][0].startswith("batchdub wait")
    assert cli("resume", *SANDBOX, *HOOKS).code == 0
    left = json.loads(told[4][1])
    assert left["title"] == ("batchdub: nothing is left to order, and nothing is in doubt (exit 0)")
    assert left["next_commands"] == ["batchdub wait --sandbox"]


@pytest.mark.real_time
def test_a_wait_tells_what_became_of_the_dubs(cli, tmp_path, told, monkeypatch):
    """Not how many were ordered: that was told by the run. Its events go where a run's go."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    request = {"id": "request-1", "created_at": "2026-03-01T22:00:00Z", "status": "failed",
               "reference_id": "a", "error_message": "video URL is not accessible"}  # fmt: skip

    def answer(path):
        asked = parse_qs(urlsplit(path).query)
        page = {name: int(asked.get(name, ["0"])[0]) for name in ("limit", "offset")}
        return 200, {"data": [request], "pagination": page | {"total": 1}} if asked else request

    with api_server(answer) as base_url:
        ledger_with(tmp_path, base_url, a=JobState.SUBMITTED)[0].close()
        there = ("--base-url", base_url, *HOOKS, "--events", "a.jsonl", "--log-file", "a.log")
        result = cli("wait", *there)
        again = cli("resume", "--wait", *there)

    assert (result.code, again.code) == (8, 0)
    assert paths(told) == ["/u/start", "/T0", "/u/fail", "/u/start", "/T0", "/u"]
    body = json.loads(told[1][1])
    assert body["title"] == "batchdub: 0 of 1 dub done, 1 failed (exit 8)"
    assert body["lines"] == ["tonight.csv:2: `a`: failed: video URL is not accessible"]
    assert body["next_commands"][-1] == f"batchdub retry --failed --base-url {base_url}"
    events = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert "row.failed" in [event["event"] for event in events]
    assert events[0]["run_id"] == body["run_id"]
    assert (tmp_path / "a.log").read_text().count("row.failed") == 1
    assert json.loads(told[4][1])["title"] == "batchdub: nothing is at the API (exit 0)"


def test_a_wait_without_a_ledger_is_told(cli, told):
    """The night's run may not have been there at all."""
    assert cli("wait", *SANDBOX, *HOOKS).code == 10
    assert json.loads(told[1][1])["title"] == "batchdub: batchdub.db: there is no ledger (exit 10)"


@pytest.mark.real_time
def test_a_run_that_could_not_begin_is_told(cli, tmp_path, told):
    """The exported sheet was broken, and nobody looked until the morning."""
    (tmp_path / "bad.csv").write_text("video_url,audio_url\nftp://x,https://y/1.wav\n")

    result = cli("run", "bad.csv", *SANDBOX, *HOOKS)

    assert result.code == 2
    assert paths(told) == ["/u/start", "/T0", "/u/fail"]
    body = json.loads(told[1][1])
    assert body["title"] == "batchdub: 1 problem in the manifest (exit 2)"
    assert any("bad.csv:2:1: video_url" in line for line in body["lines"])


def test_a_dry_run_tells_nobody(cli, tmp_path, told):
    """It does nothing."""
    assert cli("run", write_manifest(tmp_path, 1), "--dry-run", *HOOKS).code == 0
    assert not told


def test_a_failing_hook_cannot_fail_the_run(cli, tmp_path):
    """It is said, and the exit code is the run's own."""
    result = cli("run", write_manifest(tmp_path, 1), *SANDBOX, "--on-finish", "exit 4")

    assert result.code == 0
    assert "warning: --on-finish: ended with 4; the run itself is not affected" in result.err


def test_a_hook_that_cannot_work_is_told_before_the_run(cli, tmp_path):
    """Nothing was sent, and the token is not repeated."""
    result = cli("run", write_manifest(tmp_path, 1), *SANDBOX, "--ping", "planted-uuid")

    assert result.code == 2
    assert "--ping: not an http(s) URL" in result.err
    assert "planted" not in result.err


def test_hooks_can_be_tried(cli, told):
    """Before the night that needs them."""
    result = cli("notify", "--test", *HOOKS)

    assert result.code == 0
    assert paths(told) == ["/u/start", "/T0", "/u"]
    assert "nothing was ordered" in told[1][1]
    assert cli("notify", "--test", "--on-finish", "exit 1").code == 1


@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_nothing_to_try_is_a_mistake(cli, arguments):
    """With what to do."""
    result = cli("notify", *arguments)

    assert result.code == 2
    assert "hint: " in result.err


def test_an_end_that_left_no_message_is_told_by_its_code(cli, tmp_path, told):
    """An unknown code counts as a failure."""
    assert hook_options._end(type("I", (), {"message": None}), 77).exit_code == 1


def test_a_run_writes_its_events_and_its_log(cli, tmp_path):
    """Begin and end, and each row in between."""
    manifest = write_manifest(tmp_path, 2)

    result = cli("run", manifest, *SANDBOX, "--events", "-", "--log-file", "night.log")

    events = [json.loads(line) for line in result.out.splitlines()]
    assert events[0]["event"] == "run.begin"
    assert events[-1]["event"] == "run.end"
    assert events[-1]["states"] == {"submitted": 2}
    accepted = [event["source"] for event in events if event["event"] == "row.accepted"]
    assert sorted(accepted) == ["tonight.csv:2", "tonight.csv:3"]
    log = (tmp_path / "night.log").read_text().splitlines()
    assert len(log) == len(events)
    assert all(f" {events[0]['run_id']} " in line for line in log)


def test_times_of_day_and_thresholds_are_read_before_anything_happens(cli, tmp_path):
    """A misread end of the night costs money."""
    manifest = write_manifest(tmp_path, 2)
    for option, value, words in (
        ("--until", "6pm", "is not a time of day"),
        ("--not-before", "22:00 Mars/Base", "is not a time zone"),
        ("--max-failures", "most", "is no number of failures"),
        ("--order", "langage", "did you mean `language`?"),
        ("--events", "no/such/folder/x", "No such file"),
    ):
        result = cli("run", manifest, *SANDBOX, option, value)
        assert result.code == 2
        assert words in result.err
    assert not books_of(tmp_path)


def test_the_served_come_in_turn(cli, tmp_path):
    """The tokens end after the first two."""
    (tmp_path / "a.csv").write_text(
        "video_url,audio_url,reference_id,priority\n"
        + "".join(f"https://c/{n}.mp4,https://c/{n}.wav,r{n},{p}\n"
                  for n, p in enumerate([3, 1, 2, 10]))
    )  # fmt: skip

    result = cli("run", "a.csv", *SANDBOX, "--tokens", "2", "--concurrency", "1",
                 "--order", "priority:desc")  # fmt: skip

    assert result.code == 4
    assert set(books_of(tmp_path)) == {"r3", "r0"}


def test_a_night_that_is_over_ends_with_5(cli, tmp_path):
    """`--max-duration 0s` orders nothing."""
    manifest = write_manifest(tmp_path, 2)
    result = cli("run", manifest, *SANDBOX, "--until", "23:59 UTC", "--max-duration", "0s")

    assert result.code == 5
    assert "is over" in result.err
