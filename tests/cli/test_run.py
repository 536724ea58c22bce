"""`batchdub run` from end to end: every exit code, and every row ordered once in the books."""

from __future__ import annotations

import os
import pty
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.nights import (
    FAST,
    KEY,
    ROOT,
    SANDBOX,
    api_that_answers,
    books_of,
    counts,
    ids,
    once_each,
    sandbox_on_a_port,
    started,
    wait_until,
    write_manifest,
)

pytestmark = pytest.mark.real_time
SIGNED = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=s3cr3tsignature"


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path)


# -- the promise ------------------------------------------------------------------------------


def test_every_row_is_ordered_and_the_same_command_again_orders_nothing(cli, tmp_path, manifest):
    """The README's first promise: the same command is the resume."""
    first = cli("run", manifest, *SANDBOX)
    second = cli("run", manifest, *SANDBOX)

    assert (first.code, second.code) == (0, 0)
    assert "6 ordered in " in first.err
    assert ": 0 ordered in " in second.err
    assert "6 rows: 6 submitted" in second.err
    assert books_of(tmp_path) == once_each(6)


def test_lost_replies_cost_nothing_twice(cli, tmp_path):
    """One in three answers is lost after the order was taken; the books show each row once."""
    manifest = write_manifest(tmp_path, 40)

    result = cli(
        "run", manifest, *SANDBOX, "--fault", "drop-after=0.2", "--fault", "error-after=0.1"
    )

    assert result.code == 0
    assert "found at the API" in result.err
    assert books_of(tmp_path) == once_each(40)


def test_a_run_says_where_it_orders_and_where_it_remembers(cli, tmp_path, manifest):
    """In one line each, before anything is spent, and data goes nowhere else."""
    result = cli("run", manifest, *SANDBOX)

    assert result.out == ""
    assert result.err.startswith("sandbox: nothing is ordered for real; books in ")
    assert f"ledger: {tmp_path / 'batchdub.db'}" in result.err
    assert stat.S_IMODE((tmp_path / "batchdub.db").stat().st_mode) == 0o600


def test_only_the_chosen_rows_are_ordered(cli, tmp_path, manifest):
    """By column, or the first so many; both exit 0, for that is all that was asked."""
    assert cli("run", manifest, *SANDBOX, "--limit", "2").code == 0
    assert set(books_of(tmp_path)) == {ids(1), ids(2)}

    assert cli("run", manifest, *SANDBOX, "--only", "language=ja").code == 0
    assert set(books_of(tmp_path)) == {ids(1), ids(2), ids(4), ids(6)}


def test_a_dry_run_leaves_no_trace(cli, tmp_path, manifest):
    """It prints the plan, as `batchdub plan` does."""
    result = cli("run", manifest, "--dry-run", *SANDBOX)

    assert result.code == 0
    assert len(result.out.splitlines()) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == [manifest]


def test_off_a_terminal_there_is_no_control_character(cli, manifest):
    """Cron mails what is printed."""
    result = cli("run", manifest, *SANDBOX)

    assert "\x1b" not in result.err
    assert "\r" not in result.err


def test_quiet_says_only_what_is_wrong(cli, manifest):
    """Cron mails whatever is printed, so a good night prints nothing."""
    assert cli("run", manifest, *SANDBOX, "-q", "--max-jobs", "1").err.startswith("batchdub: ")
    assert cli("run", manifest, *SANDBOX, "-q").err == ""


# -- the question -----------------------------------------------------------------------------


def answer_on_a_terminal(folder, answer, *arguments, **environ):
    """Run as a person does, on a terminal, and type an answer; gives code and what was shown."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "batchdub", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"} | environ,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    with process:
        while True:
            try:
                shown += os.read(master, 4096)
            except OSError:  # the other end is closed: the process has ended
                break
            if answer and shown.rstrip().endswith(b"[y/N]:"):
                os.write(master, answer)
                answer = b""
    os.close(master)
    return process.returncode, shown.decode()


def test_a_person_is_asked_once_and_no_means_no(cli, tmp_path, manifest):
    """On a terminal only; nothing was ordered, and the run is remembered as interrupted."""
    code, shown = answer_on_a_terminal(tmp_path, b"n\n", "run", manifest, *SANDBOX)

    assert code == 130
    assert "Order 6 new dubs at the sandbox?" in shown
    assert "nothing was ordered" in shown
    assert not books_of(tmp_path)
    assert counts(tmp_path) == {}
    assert "exit 130" in cli("status").err


def test_a_person_sees_what_is_held_back_before_the_question(cli, tmp_path):
    """Two rows of the same media: whoever agrees to one order knows that the other is not sent."""
    media = "https://cdn.example.com/1.mp4,https://cdn.example.com/1.wav"
    (tmp_path / "two.csv").write_text(f"video_url,audio_url,reference_id\n{media},a\n{media},b\n")

    _, shown = answer_on_a_terminal(tmp_path, b"n\n", "run", "two.csv", *SANDBOX)

    before, _, _ = shown.partition("Order 1 new dub")
    assert "two.csv:3: `b`: held back: the same media as `a`" in " ".join(before.split())


def test_a_person_who_agrees_gets_the_same_run(tmp_path, manifest):
    """With one live line, and the summary under it."""
    code, shown = answer_on_a_terminal(tmp_path, b"y\n", "run", manifest, *SANDBOX)

    assert code == 0
    assert "6 rows: 6 submitted" in shown
    assert books_of(tmp_path) == once_each(6)


def test_yes_skips_the_question(tmp_path, manifest):
    """Also on a terminal."""
    code, shown = answer_on_a_terminal(tmp_path, b"", "run", manifest, "--yes", *SANDBOX)

    assert code == 0
    assert "[y/N]" not in shown


# -- the exit codes ---------------------------------------------------------------------------


def test_1_standard_output_that_takes_nothing_is_an_unexpected_end(process, cli, manifest):
    """A full disk under a redirected report must not look like a whole one."""
    cli("run", manifest, *SANDBOX)

    result = process("$BATCHDUB report > /dev/full")

    assert result.code == 1
    assert "standard output: No space left on device" in result.err


def test_2_a_bad_manifest_sends_nothing_and_shows_a_hundred_problems(cli, tmp_path):
    """Ten thousand problems have one cause; a hundred show it, and the count how far it goes."""
    rows = "".join(f"ftp://x/{number}.mp4,{CDN_WAV},r{number}\n" for number in range(10_000))
    (tmp_path / "bad.csv").write_text("video_url,audio_url,reference_id\n" + rows)

    result = cli("run", "bad.csv", *SANDBOX)

    assert result.code == 2
    lines = result.err.splitlines()
    assert lines[0].startswith("bad.csv:2:1: video_url: ")
    assert lines[99].startswith("bad.csv:101:")
    assert "9,900 more" in lines[100]
    assert lines[103] == "hint: or leave these rows out with --skip-invalid"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv"]


CDN_WAV = "https://cdn.example.com/1.wav"


def test_2_sandbox_options_without_a_sandbox_are_refused(cli, manifest):
    """They would do nothing, and somebody would believe that they did."""
    result = cli("run", manifest, "--tokens", "5")

    assert result.code == 2
    assert "add --sandbox" in result.err


def test_3_without_a_key_nothing_is_asked(cli, tmp_path, manifest):
    """And no ledger is left behind."""
    result = cli("run", manifest)

    assert result.code == 3
    assert "no API key is set" in result.err
    assert "CHAMELAION_API_KEY" in result.err
    assert not (tmp_path / "batchdub.db").exists()


def test_3_a_refused_key_sends_nothing_and_is_not_printed(cli, manifest, monkeypatch):
    """The API says 401 to the first, free call."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    with sandbox_on_a_port(key="another") as (options, books):
        result = cli("run", manifest, *options)

    assert result.code == 3
    assert "invalid token" in result.err
    assert "hint: set a key that works" in result.err
    assert KEY not in result.err
    assert not books.orders


def test_4_at_the_token_limit_the_rest_stays_pending(cli, tmp_path, manifest):
    """And the same command goes on, once there are tokens."""
    result = cli("run", manifest, *SANDBOX, "--tokens", "4")

    assert result.code == 4
    assert "the account's token limit is reached" in result.err
    assert "once the account has tokens again" in result.err
    assert counts(tmp_path) == {"submitted": 4, "pending": 2}


def test_5_our_own_cap_is_kept_exactly_and_is_no_failure(cli, tmp_path, manifest):
    """The same command sends the next ones, then there is nothing left."""
    codes = [cli("run", manifest, *SANDBOX, "--max-jobs", "4").code for _ in range(2)]

    assert codes == [5, 0]
    assert books_of(tmp_path) == once_each(6)


def test_6_a_lost_ledger_is_noticed_before_anything_is_spent(cli, tmp_path, manifest):
    """The API has orders that this ledger cannot explain."""
    cli("run", manifest, *SANDBOX)
    for path in tmp_path.glob("batchdub.db*"):
        path.unlink()

    result = cli("run", manifest, *SANDBOX)

    assert result.code == 6
    assert "6 requests under this manifest's reference_ids" in result.err
    assert f"{manifest}:2: `{ids(1)}` is request " in result.err
    assert "`batchdub ledger rebuild " in result.err
    assert books_of(tmp_path) == once_each(6)


def test_6_what_was_probably_paid_is_held_for_a_person(cli, tmp_path):
    """A 200 without an id, and a list that does not show it: nobody can know."""
    manifest = write_manifest(tmp_path, 2)

    faults = ("--fault", "junk-after=1", "--fault", "list-lag=1:1h")
    result = cli("run", manifest, *SANDBOX, *faults, "--settle", "0.2s")

    assert result.code == 6
    assert f"{manifest}:2: `{ids(1)}`: in doubt: " in result.err
    assert counts(tmp_path) == {"in_doubt": 2}


def test_7_a_second_run_names_the_first_and_orders_nothing(cli, tmp_path, manifest):
    """Its pid, host and start; the lock dies with its process."""
    lock = tmp_path / "batchdub.db.lock"
    slow = ("--fault", "slow=1:30s")
    with started(tmp_path, "run", manifest, *SANDBOX, *slow) as first:
        wait_until(lambda: lock.exists() and lock.stat().st_size)
        wait_until(lambda: books_of(tmp_path))
        before = sum(books_of(tmp_path).values())
        third = cli("run", manifest, *SANDBOX)
        # A sandbox of its own finds the books in use already; so this one asks a port.
        with sandbox_on_a_port() as (options, books):
            second = cli("run", manifest, *options, "--key-file", key_file(tmp_path))

    for refused in (second, third):
        assert refused.code == 7
        assert f"(pid {first.pid} on " in refused.err
    assert not books.orders
    assert before


def key_file(folder):
    (folder / "key").write_text(f"{KEY}\n")
    return str(folder / "key")


def test_8_refused_rows_are_named_and_stay_a_failure(cli, tmp_path, monkeypatch):
    """A second run over them exits 8 again: the code is about the rows, not about this run."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 3)
    with api_that_answers(400, {"error": "invalid request body"}) as base_url:
        options = ("--base-url", base_url, *FAST, "--no-canary")
        results = [cli("run", manifest, *options) for _ in range(2)]

    assert [result.code for result in results] == [8, 8]
    for result in results:
        assert f"{manifest}:2: `{ids(1)}`: rejected: HTTP 400: invalid request body" in result.err
    assert counts(tmp_path) == {"rejected": 3}


def test_8_other_media_under_an_ordered_id_is_a_conflict(cli, tmp_path):
    """Told and not sent: the paid dub may be the right one."""
    manifest = write_manifest(tmp_path, 2)
    cli("run", manifest, *SANDBOX)
    write_manifest(tmp_path, 2, media="other-")

    result = cli("run", manifest, *SANDBOX)

    assert result.code == 8
    assert "2 in conflict" in result.err
    assert "stands for other media" in result.err
    assert books_of(tmp_path) == once_each(2)


def test_8_an_invalid_row_is_left_out_on_request(cli, tmp_path, manifest):
    """The others are ordered, and the exit code remembers it."""
    with (tmp_path / manifest).open("a") as lines:
        lines.write("ftp://x/1,also wrong,S09E01,ja\n")

    result = cli("run", manifest, *SANDBOX, "--skip-invalid")

    assert result.code == 8
    assert "7 rows: 6 submitted, 1 invalid" in result.err
    assert books_of(tmp_path) == once_each(6)


def test_9_an_api_that_is_not_there_leaves_everything_pending(cli, tmp_path, manifest, monkeypatch):
    """Nothing listens on that port."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)

    result = cli("run", manifest, "--base-url", "http://127.0.0.1:1/api", *FAST)

    assert result.code == 9
    assert "nothing was sent" in result.err
    assert "hint: check the base URL" in result.err
    assert counts(tmp_path) == {"pending": 6}


def test_9_a_mistyped_address_costs_no_ledger(cli, tmp_path, manifest, monkeypatch):
    """It never answered like the API, so the right one takes its place, and says so."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    cli("run", manifest, "--base-url", "http://127.0.0.1:1/api", *FAST)
    with sandbox_on_a_port() as (options, books):
        result = cli("run", manifest, *options)
        other = cli("run", manifest, "--base-url", "http://127.0.0.1:1/api", *FAST)

    assert (result.code, len(books.orders)) == (0, 6)
    assert "was bound to http://127.0.0.1:1/api, which never answered" in result.err
    assert (other.code, "made against" in other.err) == (10, True)


def test_9_an_address_that_is_not_the_api_ends_the_run(cli, tmp_path, manifest, monkeypatch):
    """The list answers, but orders get 405: a wrong base URL, and no row's fault."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    with api_that_answers(405, {"error": "method not allowed"}) as base_url:
        options = ("--base-url", base_url, *FAST, "--no-canary", "--concurrency", "1")
        result = cli("run", manifest, *options)

    assert result.code == 9
    assert counts(tmp_path) == {"pending": 6}


def test_10_a_sandbox_ledger_is_not_used_on_another_api(cli, manifest, monkeypatch):
    """Its orders are not real."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    cli("run", manifest, *SANDBOX, "--max-jobs", "0")

    with sandbox_on_a_port() as (options, books):
        unused = cli("run", manifest, *options)
        cli("run", manifest, *SANDBOX, "--max-jobs", "1")
        result = cli("run", manifest, *options)

    assert unused.code == result.code == 10
    assert "made against sandbox, not http://127.0.0.1:" in result.err
    assert "hint: name another ledger with --ledger\n" in result.err
    assert "or delete this one: nothing was ordered from it\n" in unused.err
    assert not books.orders


def not_sqlite(path):
    path.write_text("my notes\n")


def newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def cut(path):
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(not_sqlite, "not a SQLite file"), (newer, "newer batchdub"), (cut, "damaged")],
)
def test_10_an_unusable_ledger_is_refused_and_left_as_it_is(cli, tmp_path, manifest, spoil, words):
    """With what is wrong with it, before anything is spent."""
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")
    ledger = tmp_path / "batchdub.db"
    spoil(ledger)
    before = ledger.read_bytes()

    result = cli("run", manifest, *SANDBOX)

    assert result.code == 10
    assert words in result.err
    assert ledger.read_bytes() == before
    assert sum(books_of(tmp_path).values()) == 1


def test_10_a_damaged_ledger_is_made_anew_as_told(cli, tmp_path, manifest):
    """The hint named a command that met the same damage, and gave the same hint."""
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")
    cut(tmp_path / "batchdub.db")
    told = cli("ledger", "rebuild", manifest, *SANDBOX[:1])
    (tmp_path / "batchdub.db").rename(tmp_path / "damaged.db")
    (tmp_path / "batchdub.db-wal").unlink(missing_ok=True)

    assert told.code == 10
    assert "move the file and its -wal away" in told.err
    assert cli("ledger", "rebuild", manifest, *SANDBOX[:1]).code == 0
    assert counts(tmp_path)["pending"] == 5


def test_10_a_sandbox_that_has_no_room_for_its_books_names_the_ledger(cli, manifest):
    """The option that names books is another command's."""
    result = cli("run", manifest, *SANDBOX, "--ledger", "none/season.db")

    assert result.code == 10
    assert "name another one with --ledger" in result.err
    assert "--state" not in result.err


# -- secrets ----------------------------------------------------------------------------------


def test_the_key_and_signatures_are_in_no_output_and_in_no_file(
    cli, tmp_path, monkeypatch, recwarn
):
    """Ledgers and logs are handed around."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 4, query=SIGNED)
    faults = ("drop-after=0.3", "error-before=0.3", "junk-after=0.3")
    with sandbox_on_a_port(*faults, seed=3) as (options, books):
        said = [
            cli("run", manifest, *options, "-vv"),
            cli("show", ids(1)),
            cli("show", ids(2), "--format", "json"),
            cli("status", "--format", "json"),
            cli("report", "--format", "jsonl"),
            cli("report", "--output", "report.csv"),
        ]

    assert books.orders
    texts = [text for result in said for text in (result.out, result.err)]
    files = [path for path in tmp_path.iterdir() if path.name != manifest]
    texts += [path.read_bytes().decode("utf-8", "replace") for path in files]
    for text in texts:
        assert KEY not in text
        assert "s3cr3tsignature" not in text
    assert Path(tmp_path / "report.csv") in files
    assert not recwarn.list
