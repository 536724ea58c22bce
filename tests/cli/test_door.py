"""Every way to fail ends in one message, a hint and the right code; never in a bare traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import click
import pytest

from batchdub.cli.commands import validate
from batchdub.cli.failures import explain
from batchdub.cli.streams import OutputError
from batchdub.errors import (
    ApiUnavailableError,
    IllegalTransitionError,
    KeyRefusedError,
    LedgerInUseError,
    ManifestError,
    NeedsALookError,
)
from batchdub.exits import Exit
from batchdub.redact import Secret

KEY = "sk-live-4f9a1c77"


@pytest.fixture
def fail_with(cli, monkeypatch):
    """Let `validate` raise something, and give the result."""

    def call(error, *flags):
        def raise_it(*_, **__):
            raise error

        monkeypatch.setattr(validate.command, "callback", raise_it)
        return cli("validate", "a.csv", *flags)

    return call


@pytest.mark.parametrize(
    "error",
    [
        KeyRefusedError("no key", "set one"),
        NeedsALookError("two orders", "set one"),
        LedgerInUseError("in use", "set one"),
        ApiUnavailableError("down", "set one"),
    ],
)
def test_a_known_failure_is_a_line_a_hint_and_its_code(fail_with, error):
    """What is wrong, and what to do: no more is needed."""
    result = fail_with(error)

    assert result.err == f"batchdub: {error.message}\nhint: set one\n"
    assert result.code == error.exit_code
    assert result.out == ""


def test_a_manifests_problems_are_listed_then_counted(fail_with):
    """The first hundred, as they are, so that an editor can jump to them."""
    lines = [f"a.csv:{number}: wrong" for number in range(100)]

    result = fail_with(ManifestError(lines, 10_000))

    assert result.err.splitlines()[:100] == lines
    assert result.err.splitlines()[100] == "… and 9,900 more"
    assert "10000 problems" in result.err.splitlines()[101]
    assert "nothing was sent" in result.err
    assert result.code == Exit.INPUT


def test_an_unexpected_failure_is_one_line_without_a_traceback(fail_with):
    """People who run this at night are not its programmers."""
    result = fail_with(RuntimeError("disk\non fire"))

    assert result.code == Exit.UNEXPECTED
    assert result.err.startswith("batchdub: unexpected RuntimeError: disk on fire\nhint: ")
    assert "Traceback" not in result.err
    assert "-vv" in result.err


def test_an_illegal_move_is_our_fault_and_said_so(fail_with):
    """Nobody can mend it by changing their input."""
    result = fail_with(IllegalTransitionError("a completed job cannot take `send`"))

    assert result.code == Exit.UNEXPECTED
    assert "IllegalTransitionError: a completed job cannot take `send`" in result.err


@pytest.mark.parametrize("flags", [("-vv",), ("-v", "-v")])
def test_a_traceback_is_there_for_those_who_ask(fail_with, flags):
    """To be sent to whoever maintains it."""
    assert "Traceback (most recent call last)" in fail_with(RuntimeError("x"), *flags).err


def test_debug_in_the_environment_asks_for_a_traceback(fail_with, monkeypatch):
    """In cron one cannot add a flag after the fact, but a variable."""
    monkeypatch.setenv("BATCHDUB_DEBUG", "1")

    assert "Traceback" in fail_with(RuntimeError("x")).err


@pytest.mark.parametrize("flags", [(), ("-vv",)])
@pytest.mark.parametrize("kind", [RuntimeError, KeyRefusedError, ExceptionGroup])
def test_no_failure_tells_a_secret(fail_with, monkeypatch, flags, kind):
    """Neither the key nor a signed link, whatever raised it and however deep."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    text = f"header {KEY!r} at https://u:pw99@cdn.example.com/a.mp4?X-Amz-Signature=s3cr3t"
    error = kind(text, [ValueError(text)]) if kind is ExceptionGroup else kind(text)
    error.__cause__ = ValueError(text)

    result = fail_with(error, *flags)

    for secret in (KEY, "pw99", "s3cr3t"):
        assert secret not in result.err + result.out
    assert "cdn.example.com" in result.err


def test_a_group_of_known_failures_is_told_as_its_members():
    """A run's tasks fail together; each reason is told once, and the worst chooses the code."""
    group = ExceptionGroup(
        "tasks",
        [
            ApiUnavailableError("down", "wait"),
            ExceptionGroup(
                "inner", [KeyRefusedError("refused", "ask"), KeyRefusedError("refused")]
            ),
        ],
    )

    failure = explain(group)

    assert failure.messages == ("down", "refused")
    assert failure.hints == ("wait", "ask")
    assert failure.exit is Exit.KEY


def test_one_unknown_failure_makes_the_whole_group_unexpected():
    """What nobody understands must not hide behind what somebody does."""
    group = ExceptionGroup("tasks", [KeyRefusedError("refused"), RuntimeError("x")])

    assert explain(group).exit is Exit.UNEXPECTED


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        click.Abort(),
        BaseExceptionGroup("tasks", [KeyboardInterrupt(), RuntimeError("x")]),
    ],
)
def test_an_interrupt_exits_130(fail_with, error):
    """As the contract and every shell have it."""
    result = fail_with(error)

    assert result.code == Exit.INTERRUPTED
    assert result.err == "batchdub: interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vaildate"], "there is no command `vaildate`, did you mean `validate`?"),
        (["frobnicate"], "there is no command `frobnicate`"),
        (["--frob"], "No such option"),
        (["validate"], "Missing argument"),
        (["validate", "--format", "xml", "a.csv"], "'xml' is not one of"),
        (["validate", "--format"], "requires an argument"),
        (["sandbox", "--rate", "fast"], "`fast` is not a rate: write N/s"),
        (["sandbox", "--fault", "fire=1"], "`fire=1` is not a fault"),
        (["sandbox", "--port", "70000"], "70000"),
        (["sandbox", "--tokens", "-1"], "-1"),
        (["sandbox", "frobnicate"], "frobnicate"),
    ],
)
def test_a_misuse_is_one_line_and_where_the_help_is(cli, arguments, message):
    """Input unusable, nothing sent: exit 2."""
    result = cli(*arguments)

    assert result.code == Exit.INPUT
    assert message in result.err
    assert len(result.err.splitlines()) == 2
    assert result.err.splitlines()[1].startswith("hint: see `batchdub")


def test_a_commands_exit_code_is_its_own(cli, monkeypatch):
    """A command returns what its work came to."""
    monkeypatch.setattr(validate.command, "callback", lambda *_, **__: Exit.ROWS_FAILED)

    assert cli("validate", "a.csv").code == 8


def test_control_characters_in_a_message_are_shown_not_obeyed(fail_with):
    """A cell of a spreadsheet must not paint the terminal."""
    result = fail_with(ManifestError(["a.csv:1: \x1b[2J\u202etxt"], 1))

    assert "\x1b" not in result.err
    assert "\u202e" not in result.err
    assert "\\x1b[2J\\u202etxt" in result.err


def test_a_failed_output_is_told_unless_the_reader_left():
    """`| head` is no failure; a full disk is."""
    left = explain(OutputError(BrokenPipeError(32, "Broken pipe")))
    full = explain(OutputError(OSError(28, "No space left on device")))

    assert (left.exit, left.messages) == (Exit.DONE, ())
    assert full.exit is Exit.UNEXPECTED
    assert full.messages == ("standard output: No space left on device",)


def test_a_broken_pipe_elsewhere_is_a_fault():
    """Only the one on standard output means that the reader has had enough."""
    assert explain(BrokenPipeError(32, "Broken pipe")).exit is Exit.UNEXPECTED


def test_any_other_complaint_of_the_parser_exits_2():
    """Also one that knows no command."""
    failure = explain(click.ClickException("a\nb"), [Secret(KEY)])

    assert failure.exit is Exit.INPUT
    assert failure.messages == ("a b",)
    assert failure.hints == ("see `batchdub --help`",)


# What only a process of its own can show.


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("shell", "code", "err"),
    [
        ("$BATCHDUB --help | head -1; exit ${PIPESTATUS[0]}", 0, ""),
        ("$BATCHDUB schema | true; exit ${PIPESTATUS[0]}", 0, ""),
        ("$BATCHDUB --help >/dev/full", 1, "batchdub: standard output: No space left on device"),
        ("$BATCHDUB --help >&-", 0, ""),
        ("$BATCHDUB frobnicate 2>&-", 2, ""),
        ("$BATCHDUB frobnicate 2>/dev/full", 2, ""),
    ],
)
def test_streams_that_fail_end_quietly_with_the_right_code(process, shell, code, err):
    """No `Exception ignored`, no traceback, whoever hangs up.

    Faults: F-112.
    """
    result = process(f"bash -c '{shell}'")

    assert result.code == code
    assert err in result.err
    assert "Exception" not in result.err
    assert err or not result.err


@pytest.mark.real_time
@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_output_is_utf8_whatever_the_locale(process, tmp_path, locale):
    """cron's locale is `C`; a title in Japanese must not end the night.

    Faults: F-112.
    """
    (tmp_path / "日本.csv").write_text(
        "video_url,audio_url,title\n"
        "https://cdn.example.com/1.mp4,https://cdn.example.com/1.wav,第一話\n"
        "https://cdn.example.com/2.mp4,https://cdn.example.com/2.wav,第一話\n",
        encoding="utf-8",
    )

    result = process(
        "$BATCHDUB validate --format csv *.csv",
        LC_ALL=locale,
        PYTHONCOERCECLOCALE="0",
        PYTHONUTF8="0",
        PYTHONIOENCODING="ascii",
    )

    assert result.code == 0
    assert "title,第一話,2" in result.out


@pytest.mark.real_time
def test_an_interrupt_from_the_keyboard_exits_130(tmp_path):
    """And leaves no traceback."""
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "batchdub", "sandbox", "--port", "0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    sandbox.stdout.readline()
    sandbox.send_signal(signal.SIGINT)
    _, err = sandbox.communicate(timeout=30)

    assert sandbox.returncode == Exit.INTERRUPTED
    assert err.decode().splitlines()[-1] == "batchdub: interrupted"
    assert "Traceback" not in err.decode()


def test_a_ctrl_c_that_python_wrapped_is_one_all_the_same():
    """One that strikes during a late import comes as the cause of a RuntimeError."""
    wrapped = RuntimeError("error calling __set_name__")
    wrapped.__cause__ = KeyboardInterrupt()

    assert explain(wrapped).exit is Exit.INTERRUPTED
