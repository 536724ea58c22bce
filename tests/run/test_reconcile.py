"""The judgement on a doubt, as a pure function: when in doubt about a doubt, it stays one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.ledger import Doubt
from batchdub.models import JobKey, RemoteRequest, Source
from batchdub.run.lookup import Look, group_by_reference
from batchdub.run.reconcile import (
    NEARLY_REASON,
    POLICY_REASON,
    TOO_OLD_REASON,
    Absent,
    Adopt,
    FirstLook,
    Held,
    NotYet,
    candidates,
    judge,
    nearly_own,
)

T0 = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
SETTLE_S = 300.0
SECONDS = st.integers(-20_000, 20_000)


def at(seconds):
    return T0 + timedelta(seconds=seconds)


def request(request_id, seconds):
    return RemoteRequest(request_id, at(seconds), "queued", "row")


def doubt(*, held=None, first_s=0.0, doubted_s=0.0):
    first = None if first_s is None else at(first_s)
    return Doubt(1, JobKey("row"), Source("a.csv", 2), 1, held, at(doubted_s), first)


def look(began_s, server_s=0.0, requests=()):
    server = None if server_s is None else at(server_s)
    return Look(tuple(requests), began_s, began_s + 1, server, server)


def verdict(doubtful, seen, first=None, *, taken=(), now_s=0.0, hold_unknown=False):
    return judge(
        doubtful, seen, first, taken=taken, settle_s=SETTLE_S, now=at(now_s),
        hold_unknown=hold_unknown,
    )  # fmt: skip


FIRST = FirstLook(at(0), ended_s=0.0)


def test_the_earliest_of_its_own_is_adopted_and_the_others_come_with_it():
    """Whatever order the list has, and without those that are taken."""
    seen = look(0.0, requests=[request("c", 9), request("b", 5), request("x", 1), request("a", 5)])
    found = verdict(doubt(), seen, taken={"x"})
    assert isinstance(found, Adopt)
    assert [each.request_id for each in found.found] == ["a", "b", "c"]


def test_one_empty_look_proves_nothing():
    """It is where the settle window begins.

    Faults: F-38.
    """
    assert verdict(doubt(), look(0.0)) == NotYet()


@pytest.mark.parametrize(
    ("began_s", "server_s", "expected"),
    [
        (SETTLE_S, SETTLE_S + 1, Absent()),
        (SETTLE_S - 0.1, SETTLE_S + 1, NotYet()),
        (SETTLE_S, SETTLE_S + 0.9, NotYet()),
        (SETTLE_S, None, Absent()),
        (SETTLE_S - 0.1, None, NotYet()),
        (SETTLE_S, -7200, NotYet()),
        (1.0, 7200, NotYet()),
    ],
)
def test_the_window_must_have_passed_on_every_clock(began_s, server_s, expected):
    """The server's and ours; without a Date ours alone."""
    assert verdict(doubt(), look(began_s, server_s), FIRST) == expected


@pytest.mark.parametrize(
    ("doubtful", "requests", "hold_unknown", "reason"),
    [
        (doubt(held="asked to"), (), False, "asked to"),
        (doubt(doubted_s=-90_000), (), False, TOO_OLD_REASON),
        (doubt(), (), True, POLICY_REASON),
        (doubt(), (request("a", -3), ), False, NEARLY_REASON),
        (doubt(), (request("a", -10_000), ), False, NEARLY_REASON),
    ],
)  # fmt: skip
def test_what_a_person_must_decide_is_held(doubtful, requests, hold_unknown, reason):
    """Nothing there, but it may have been paid for all we know."""
    seen = look(SETTLE_S, SETTLE_S + 1, requests)
    assert verdict(doubtful, seen, FIRST, now_s=0, hold_unknown=hold_unknown) == Held(reason)


def test_an_order_of_another_day_does_not_stand_in_the_way():
    """Older by hours: no clock is that wrong."""
    seen = look(SETTLE_S, SETTLE_S + 1, [request("a", -11_000)])
    assert verdict(doubt(), seen, FIRST) == Absent()


@given(st.lists(SECONDS, max_size=6), st.one_of(st.none(), SECONDS))
def test_own_and_nearly_own_never_overlap_and_own_is_sorted(created_s, first_s):
    """What is adopted is not also left to a person."""
    requests = [request(f"r{index}", seconds) for index, seconds in enumerate(created_s)]
    first = None if first_s is None else at(first_s)
    own, near = candidates(requests, first, ()), nearly_own(requests, first, ())
    assert not {each.request_id for each in own} & {each.request_id for each in near}
    assert own == sorted(own, key=lambda each: (each.created_at, each.request_id))
    if first is None:
        assert len(own) == len(requests)
    else:
        assert all(each.created_at >= first - timedelta(seconds=2) for each in own)


@given(
    began_s=st.floats(0, 1000),
    server_s=st.one_of(st.none(), SECONDS),
    first_server_s=st.one_of(st.none(), SECONDS),
    now_s=SECONDS,
)
def test_no_mix_of_clocks_makes_absent_of_a_short_window(began_s, server_s, first_server_s, now_s):
    """Whichever clocks lie, one that tells the truth is enough to wait."""
    first_at = None if first_server_s is None else at(first_server_s)
    first = FirstLook(first_at, ended_s=0.0)
    found = verdict(doubt(doubted_s=now_s), look(began_s, server_s), first, now_s=now_s)
    if began_s < SETTLE_S:
        assert found == NotYet()


def test_requests_are_sorted_under_exactly_their_ids():
    """No prefix, no other case, nobody else's.

    Faults: F-43.
    """
    others = [RemoteRequest("1", T0, "queued", name) for name in ("row", "ROW", "row2", None)]
    assert group_by_reference(others, ["row", "gone"]) == {"row": (others[0],), "gone": ()}
