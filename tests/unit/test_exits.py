"""One exit code for every way a command can end."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub import errors
from batchdub.exits import Exit, choose_exit

CONTRACT = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, 143)
ORDER = (1, 130, 143, 10, 3, 6, 4, 9, 8, 5)


def test_the_codes_are_the_contracts():
    """Scripts rely on the numbers; people on what help says they mean."""
    assert tuple(int(code) for code in Exit) == CONTRACT
    assert all(code.meaning for code in Exit)
    assert len({code.meaning for code in Exit}) == len(CONTRACT)


def test_no_reason_is_done():
    """A command that ran to its end says nothing more."""
    assert choose_exit([]) is Exit.DONE
    assert choose_exit([Exit.DONE]) is Exit.DONE


@pytest.mark.parametrize(("worse", "milder"), list(combinations(ORDER, 2)))
def test_of_two_reasons_the_worse_is_told(worse, milder):
    """A signal, then 10, 3, 6, 4, 9, 8, 5: whatever the order they came in."""
    assert choose_exit([Exit(milder), Exit(worse)]) is Exit(worse)
    assert choose_exit([Exit(worse), Exit(milder), Exit.DONE]) is Exit(worse)


@given(st.lists(st.sampled_from(Exit)))
def test_the_choice_is_one_of_the_reasons(reasons):
    """Nothing is invented, and nothing but `done` is chosen where a reason holds."""
    chosen = choose_exit(iter(reasons))

    assert chosen in reasons or chosen is Exit.DONE
    assert (chosen is Exit.DONE) == (set(reasons) <= {Exit.DONE})


def test_every_error_has_a_code_that_is_a_failure():
    """An error that exits 0 would be lost in cron."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = [kind for kind in kinds if issubclass(kind, errors.BatchdubError)]

    assert len(ours) == 11
    assert all(kind.exit_code is not Exit.DONE for kind in ours)


def test_an_error_reads_as_its_message_and_its_hint():
    """Also where it is printed by something other than our own door."""
    assert str(errors.KeyRefusedError("no key", "set one")) == "no key (set one)"
    assert str(errors.KeyRefusedError("no key")) == "no key"
    assert errors.ManifestError(["a:1: wrong"], 1).message == "1 problem in the manifest"
    assert errors.ManifestError(["a:1: wrong"], 7).message == "7 problems in the manifest"
