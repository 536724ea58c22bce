"""Proof that the nights bite: every known-bad variant of the program is caught."""

from __future__ import annotations

import pytest

from tests.simulate.catching import CAUGHT_AT, catch
from tests.simulate.mutants import MUTANTS

_SEEDS = 500


@pytest.mark.parametrize("name", MUTANTS)
def test_a_known_bad_variant_is_caught(name):
    """A variant that survives means that a fault is missing among the adversary's."""
    assert catch(name, _SEEDS) is not None


def test_every_remembered_catch_is_of_a_variant():
    """The seeds to begin with must not outlive their variants."""
    assert set(CAUGHT_AT) <= set(MUTANTS)
    assert len(MUTANTS) >= 20
