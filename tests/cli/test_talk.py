"""Talk serves the person, and never gets in the way of the work."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from batchdub.cli.talk import is_terminal, talk_on

WATCHED = {"TERM": "xterm"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Broken(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")

    def isatty(self):
        raise ValueError("I/O operation on closed file")


def said(**kind):
    out = io.StringIO()
    talk = replace(talk_on(out, {}), **kind)
    talk.say("said")
    talk.detail("detail")
    talk.warn("careful")
    talk.problem("wrong")
    talk.hint("mend it")
    talk.plain(["a:1", "b:2"])
    return out.getvalue().splitlines()


PROBLEMS = ["warning: careful", "batchdub: wrong", "hint: mend it", "a:1", "b:2"]


def test_talk_is_plain_lines_off_a_terminal():
    """With the details left out."""
    assert said() == ["said", *PROBLEMS]


def test_verbose_adds_details():
    """`-v`."""
    assert said(verbose=1) == ["said", "detail", *PROBLEMS]


def test_quiet_leaves_what_is_wrong():
    """`-q`: cron mails whatever is printed; with `-v` as well, quiet wins."""
    assert said(quiet=True, verbose=1) == PROBLEMS


def test_labels_have_colour_on_a_terminal_only_if_wanted():
    """NO_COLOR is honoured."""
    coloured, bare = Terminal(), Terminal()
    talk_on(coloured, WATCHED).warn("x")
    talk_on(bare, WATCHED | {"NO_COLOR": "1"}).warn("x")

    assert coloured.getvalue() == "\x1b[33mwarning:\x1b[0m x\n"
    assert bare.getvalue() == "warning: x\n"


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}])
def test_a_terminal_that_understands_nothing_is_none(environ):
    """Emacs' shell and CI logs say so by TERM."""
    assert not is_terminal(Terminal(), environ)
    assert is_terminal(Terminal(), WATCHED)


def test_a_line_that_cannot_be_written_is_dropped():
    """A paid order must be recorded though the terminal is gone.

    Faults: F-112.
    """
    talk = talk_on(Broken(), WATCHED)

    talk.say("said")
    talk.problem("wrong")

    assert not talk.terminal


def test_talk_to_a_closed_stream_is_dropped():
    """Whoever closed it wants to hear nothing."""
    out = io.StringIO()
    out.close()

    talk_on(out, {}).say("said")
