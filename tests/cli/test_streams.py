"""Standard output tells its own failures apart from everybody else's."""

from __future__ import annotations

import io
import sys

import pytest

from batchdub.cli import main
from batchdub.cli.commands import validate
from batchdub.cli.main import run_command
from batchdub.cli.streams import DataOutput, OutputError, dependable_streams, forget_output
from batchdub.errors import NeedsALookError
from batchdub.exits import Exit


class Full(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")

    def flush(self):
        # Python 3.13 closes what it throws away, and tells of a failure there.
        if not self.closed:
            self.write("")

    def close(self):
        """Close without a flush: what was refused before is refused by now."""


@pytest.mark.parametrize("act", [lambda out: out.write("x"), lambda out: out.flush()])
def test_a_failure_of_standard_output_has_its_own_name(act):
    """An OSError from anywhere else must not be taken for it."""
    with pytest.raises(OutputError, match="standard output: No space left") as caught:
        act(DataOutput(Full()))

    assert not caught.value.reader_left


def test_everything_else_is_the_streams_own():
    """click asks for the encoding, and whether a person watches."""
    assert not DataOutput(io.StringIO()).isatty()


def test_streams_that_the_caller_closed_go_nowhere(monkeypatch):
    """Python has None for them; a descriptor that is free would be the ledger's next."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    with dependable_streams():
        sys.stdout.write("x")
        sys.stdout.flush()
        sys.stderr.write("x")

    assert sys.stdout is None
    assert sys.stderr is None


def test_forgetting_output_needs_no_descriptor(monkeypatch):
    """A stream in memory has none."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    forget_output()


def test_a_failure_is_told_though_standard_output_fails_as_well(monkeypatch, capsys):
    """The first reason is the one that counts."""

    def fail(*_, **__):
        raise NeedsALookError("two orders for one row")

    monkeypatch.setattr(validate.command, "callback", fail)
    monkeypatch.setattr(sys, "stdout", Full())

    assert run_command(["validate", "a.csv"]) == Exit.NEEDS_A_LOOK
    assert "two orders" in capsys.readouterr().err


def test_the_process_exits_with_the_commands_code(monkeypatch, capsys):
    """`main` is what the console script calls."""
    monkeypatch.setattr(sys, "argv", ["batchdub", "frobnicate"])

    with pytest.raises(SystemExit) as caught:
        main.main()

    assert caught.value.code == Exit.INPUT
    assert "frobnicate" in capsys.readouterr().err
