"""Signed links that die while their row waits: nothing is paid for what cannot be fetched."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdub.exits import Exit
from batchdub.link_life import life_of
from batchdub.states import JobState
from batchdub.units import parse_rate
from tests.support import links
from tests.support.night import Night, make_row, make_rows
from tests.support.virtual import EPOCH, virtual_run

LIMITED = {"error": "rate limit exceeded"}
SLOW = {"rate": parse_rate("60/min"), "concurrency": 1}


def signed(name, lasts_s, line=2, make=links.aws_v4):
    """Make a row whose video link dies so many seconds after the night began."""
    until = EPOCH + timedelta(seconds=lasts_s)
    return make_row(name, line, video=make(until, f"https://cdn.example.com/{name}.mp4"))


def watch_links(night, margin_s):
    """Note every order that leaves with a link that is not good for the margin."""
    late = []

    def look(request):
        for item in json.loads(request.content)["inputs"]:
            life = life_of(item["url"])
            if life is not None and not life.is_good_at(night.clock.now(), margin_s):
                late.append(item["url"])

    night.transport.before_post = look
    return late


async def test_a_link_that_dies_before_its_turn_is_held_and_named(night):
    """F-60: the others are ordered; the row stays pending, with file, line and what to do."""
    dying = signed("dying", 900 + 10, line=47)
    rows = [*make_rows(20), dying, *make_rows(3, "S02E")]

    result = await night.run(rows, **SLOW)

    assert result.exit_code == Exit.ROWS_FAILED
    assert night.state("dying") is JobState.PENDING
    assert night.attempts("dying") == []
    assert sum(night.orders().values()) == 23
    (told,) = result.standing.left_out
    assert (told.source, told.reference_id) == ("tonight.csv:47", "dying")
    assert told.why.startswith("held back: its video link (AWS V4) dies on ")
    assert "fresh links" in night.job("dying").held


async def test_a_link_that_dies_while_the_run_is_paused_by_429s_is_not_sent(night):
    """F-60: its turn was in time as planned, but not as it came."""
    late = watch_links(night, 900.0)
    rows = [*make_rows(5), signed("dying", 900 + 60, 7), signed("good", 2 * 3600, 8)]
    night.transport.script("pass", times=2)
    night.transport.script("reply", 429, LIMITED, headers={"retry-after": "120"})

    result = await night.run(rows, rate=SLOW["rate"], concurrency=8)

    assert late == []
    assert result.exit_code == Exit.ROWS_FAILED
    assert "dying" not in night.orders()
    assert night.orders()["good"] == 1
    assert "dies on" in night.job("dying").held
    assert result.standing.held_back == 1


async def test_a_doubt_that_proves_empty_is_not_sent_again_with_a_dead_link(night):
    """F-60: the settle window is time that the link has not got."""
    night.transport.script("drop")

    result = await night.run([signed("dying", 900 + 4)])

    assert len(night.transport.posts()) == 1
    assert result.exit_code == Exit.ROWS_FAILED
    assert night.state("dying") is JobState.PENDING
    assert "dies on" in night.job("dying").held


async def test_fresh_links_free_a_held_row(night):
    """F-59: another signature is the same row, and the reason goes with its cause."""
    await night.run([signed("row", 60)])
    assert night.job("row").held

    fresh = signed("row", 24 * 3600)
    held = await night.run([fresh], max_jobs=0)

    assert held.standing.held_back == 0
    assert night.job("row").held is None
    assert (await night.run([fresh])).exit_code == 0
    assert night.orders() == {"row": 1}


async def test_a_row_that_is_ordered_may_have_a_dead_link(night):
    """The same manifest again, the morning after, is no error."""
    row = signed("row", 2 * 3600)
    await night.run([row])
    await night.clock.sleep(3 * 3600)

    result = await night.run([row])

    assert (result.exit_code, night.job("row").held) == (0, None)


async def test_dead_rows_do_not_use_up_the_slots_of_those_that_are_sent(night):
    """A hundred links that died during a pause must not cost a hundred slots."""
    night.transport.script("reply", 429, LIMITED, headers={"retry-after": "600"})
    rows = [
        make_row("first"),
        *(signed(f"d{n}", 900 + 500, n) for n in range(100)),
        make_row("last"),
    ]

    await night.run(rows, **SLOW)

    posts = night.transport.posts()
    assert [post.reference_id for post in posts] == ["first", "first", "last"]
    assert posts[2].at_s - posts[1].at_s < 3


async def test_the_servers_clock_counts_where_it_is_known(night):
    """F-60: ours may be hours slow, and then every dead link would look good."""
    night.clock.skew_s = -2 * 3600.0
    result = await night.run([signed("dying", 600)])

    assert result.exit_code == Exit.ROWS_FAILED
    assert night.transport.posts() == []


async def test_without_a_date_our_own_clock_counts(night):
    """F-51: a server that says no time."""
    night.transport.date_skew_s = None
    night.transport.script("reply", 429, LIMITED, headers={"retry-after": "120"})

    await night.run([signed("dying", 900 + 60)], **SLOW)

    assert len(night.transport.posts()) == 1
    assert "dies on" in night.job("dying").held


async def test_a_margin_of_nothing_is_allowed(night):
    """Who knows that media are fetched at once."""
    await night.run([signed("row", 60)], link_margin_s=0.0)
    assert night.orders() == {"row": 1}


@pytest.mark.parametrize("make", links.ALL.values(), ids=links.ALL)
async def test_every_cloud_is_held_and_freed_alike(night, make):
    """F-59 and F-60, per cloud."""
    await night.run([signed("row", 800, make=make)])
    assert (night.orders(), bool(night.job("row").held)) == ({}, True)

    await night.run([signed("row", 1000, make=make)])
    assert (night.orders(), night.job("row").held) == ({"row": 1}, None)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 4000), min_size=1, max_size=12),
    st.lists(st.integers(0, 900), max_size=4),
    st.sampled_from([0.0, 60.0, 900.0]),
)
def test_no_order_ever_leaves_with_a_link_that_is_dead_within_the_margin(
    tmp_path_factory, lives_s, pauses_s, margin_s
):
    """F-60: whatever pauses come; and a row that is not sent is held, with the reason."""
    night = Night(tmp_path_factory.mktemp("night"))
    late = watch_links(night, margin_s)
    for pause_s in pauses_s:
        night.transport.script("pass", times=2)
        night.transport.script("reply", 429, LIMITED, headers={"retry-after": str(pause_s)})
    rows = [signed(f"r{n}", lasts_s, n + 2) for n, lasts_s in enumerate(lives_s)]

    virtual_run(night.run(rows, rate=parse_rate("6/min"), link_margin_s=margin_s))

    assert late == []
    held = {row.reference_id for row in rows if night.job(row.reference_id).held}
    assert held == {row.reference_id for row in rows} - set(night.orders())
