"""When a download is tried again, and when it is given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchdub.run.tries import Tries
from batchdub.wire import Trouble

TROUBLES = st.sampled_from(list(Trouble))


@given(st.lists(st.tuples(TROUBLES, st.integers(0, 60_000)), min_size=15, max_size=15))
def test_without_getting_on_it_ends(moves):
    """Whatever goes wrong, in whatever order: 14 tries of a small file are more than enough."""
    tries = Tries(0)

    assert any(tries.after(trouble, length).gives_up for trouble, length in moves)


@given(st.lists(TROUBLES.filter(lambda trouble: trouble is not Trouble.CHANGED), max_size=40))
def test_as_long_as_it_gets_on_it_goes_on(troubles):
    """A bad line takes its time, and costs nothing but that."""
    tries = Tries(0)

    verdicts = [tries.after(each, 70_000 * (turn + 1)) for turn, each in enumerate(troubles)]

    assert not any(verdict.gives_up for verdict in verdicts)


def test_what_begins_anew_gets_on_only_beyond_the_last_try():
    """A file without a version that is cut at the same place each time would never end."""
    tries = Tries(0)

    verdicts = [tries.after(Trouble.CUT, 500_000) for _ in range(6)]

    assert [verdict.gives_up for verdict in verdicts] == [False] * 4 + [True] * 2


def test_each_trouble_has_its_remedy():
    assert Tries(0).after(Trouble.GONE, 0).fresh_link
    assert Tries(0).after(Trouble.GONE, 0).failures == 0, "at once"
    assert Tries(0).after(Trouble.CHANGED, 0).from_the_start
    assert Tries(0).after(Trouble.UNFIT, 0).fresh_link
    cut = Tries(0).after(Trouble.CUT, 0)
    assert (cut.fresh_link, cut.from_the_start, cut.failures) == (False, False, 1)
