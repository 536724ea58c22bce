"""The census of faults: each one that was foreseen is claimed by a test, or by a reason."""

from __future__ import annotations

import ast

from tests import faults


def test_every_fault_is_proven_by_a_test():
    """Or it is said why not yet; `python -m tests.faults` prints who claims what."""
    missing = [each for each in faults.unclaimed(faults.claims()) if each not in faults.NOT_YET]

    assert missing == []


def test_nothing_is_claimed_that_is_not_on_the_list():
    """A slip in a number would leave a fault unproven and another one proven twice."""
    assert set(faults.claims()) <= set(faults.FAULTS)
    assert set(faults.NOT_YET) <= set(faults.FAULTS)


def test_a_claim_is_read_from_every_kind_of_docstring():
    """And from nothing else: UTF-8 is no fault."""
    module = ast.parse(
        '"""UTF-8, F-1."""\n'
        "class Some:\n    '''F-2.'''\n    A = 'a'\n    '''F-3.'''\n    B = 'F-9'\n"
        "    def test_it(self):\n        '''F-4, F-118.'''\n"
        "async def test_that():\n    '''F-5'''\n"
    )

    found = {name: faults._MARK.findall(text) for name, text in faults.documented(module)}

    assert found == {
        "": ["1"], "Some": ["2"], "Some.A": ["3"], "test_it": ["4", "118"], "test_that": ["5"],
    }  # fmt: skip
