"""Failures with one cause stand together, with what mends them and the command for it."""

from __future__ import annotations

import shlex

import pytest

from batchdub.preflight.links import FRESH_LINKS
from batchdub.report.causes import Causes, Lead, Stuck
from batchdub.states import JobState

LEAD = Lead(("--ledger", "a b.db"), ("--sandbox",))
BOTH = ["--sandbox", "--ledger", "a b.db"]


def causes_of(*rows):
    causes = Causes()
    for number, (state, reason, *held) in enumerate(rows):
        causes.add(
            Stuck(f"row{number}", f"t.csv:{number + 2}", JobState(state), bool(held), reason)
        )
    return causes.sorted()


def test_messages_that_differ_in_a_link_a_time_or_a_number_are_one_cause():
    """Ninety rows with one cause are one line and not ninety."""
    [cause] = causes_of(
        ("failed", "video URL https://x/1.mp4 is not accessible (404) at 04:10"),
        ("failed", "video URL https://x/2.mp4 is not accessible (404) at 04:11"),
    )

    assert cause.rows == 2
    assert cause.text == "video URL … is not accessible (404) at …"
    assert [row.reference_id for row in cause.examples] == ["row0", "row1"]


def test_doubt_comes_first_then_the_largest():
    """What may have been paid twice is looked at before what was not paid."""
    causes = causes_of(("rejected", "a"), ("failed", "b"), ("failed", "b"), ("in_doubt", "c"))

    assert [cause.name for cause in causes] == ["in doubt", "failed", "rejected"]


def test_examples_are_few_and_causes_are_bounded():
    """A million messages that differ must not fill the memory or the page."""
    many = causes_of(*[("failed", f"reason {'x' * number}") for number in range(300)])
    alike = causes_of(*[("failed", "the same")] * 50)

    assert len(many) == 101
    assert sum(cause.rows for cause in many) == 300
    assert (alike[0].rows, len(alike[0].examples)) == (50, 8)


@pytest.mark.parametrize(
    ("row", "fix", "command"),
    [
        (("in_doubt", "lost"), "list settles", ["reconcile", *BOTH]),
        (("in_doubt", "2xx without an id", "held"), "Nobody but you",
         ["show", "--ledger", "a b.db", "row0"]),
        (("failed", "video URL is not accessible"), "private window",
         ["retry", "--failed", "--error", "video URL is not accessible", *BOTH]),
        (("failed", ""), "may have been paid", ["retry", "--failed", *BOTH]),
        (("rejected", "invalid request body"), "unpaid",
         ["retry", "--rejected", "--error", "invalid request body", *BOTH]),
        (("pending", f"its link dies; {FRESH_LINKS}", "held"), FRESH_LINKS,
         ["run", *BOTH, "t.csv"]),
        (("pending", "the same media as `x`", "held"), "--allow-same-media",
         ["run", *BOTH, "t.csv"]),
    ],
)  # fmt: skip
def test_each_cause_has_a_fix_and_a_command(row, fix, command):
    """Exact enough to be pasted."""
    [cause] = causes_of(row)

    assert fix in cause.fix()
    assert shlex.split(cause.command(LEAD)) == ["batchdub", *command]


@pytest.mark.parametrize("state", ["failed", "rejected", "in_doubt"])
def test_a_commands_error_is_in_every_message_of_its_cause(state):
    """`retry --error` chooses by a part of the text: it must choose these rows."""
    messages = ["cannot fetch https://x/1 within 30 s", "cannot fetch https://x/2 within 31 s"]
    [cause] = causes_of(*[(state, message) for message in messages])
    words = shlex.split(cause.command(LEAD))

    if "--error" in words:
        part = words[words.index("--error") + 1]
        assert all(part in message for message in messages)
    else:
        assert state == "in_doubt"
