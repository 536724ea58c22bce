"""Known-bad variants of the program, each a small patch: the simulation must catch every one.

A variant that survives means that the adversary lacks a fault, not that the variant is harmless.
"""

from __future__ import annotations

from tests.simulate import mutants_of_looking, mutants_of_polling, mutants_of_sending
from tests.simulate.breaking import MUTANTS, mutated

__all__ = [
    "MUTANTS",
    "mutants_of_looking",
    "mutants_of_polling",
    "mutants_of_sending",
    "mutated",
]
