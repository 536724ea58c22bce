"""Media that change after their order: told, and ordered again once, only where that is wanted."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from batchdub.errors import NeedsALookError
from batchdub.exits import Exit
from batchdub.ledger import Ledger
from batchdub.models import MediaLook, RemoteRequest
from batchdub.plan import Fate
from batchdub.run.again import Again
from batchdub.states import Event, JobState
from tests.ledger.support import PERSON
from tests.support import links
from tests.support.night import Disk, Night, make_row, make_rows
from tests.support.virtual import EPOCH, VirtualClock

NAME = "S01E001"
BOTH = {NAME: 1, f"{NAME}~r2": 1}
NO_ANSWER = MediaLook(failure="no answer")


class Host:
    """Servers of media: each file has a version, and `answers` may say anything instead."""

    def __init__(self):
        self.versions = Counter()
        self.answers = {}
        self.asked = []

    def change(self, *urls):
        for url in urls:
            self.versions[url] += 1

    async def look(self, url):
        self.asked.append(url)
        version = self.versions[url.partition("?")[0]]
        dated = format_datetime(EPOCH + timedelta(days=version), usegmt=True)
        kind = "video/mp4" if ".mp4" in url else "audio/wav"
        honest = MediaLook(200, kind, 100 + version, f'"{version}"', dated)
        answer = self.answers.get(url, honest)
        return answer(honest) if callable(answer) else answer


@pytest.fixture
def host():
    return Host()


async def done(night, rows, **options):
    """Order rows, and have all of them completed."""
    await night.run(rows, **options)
    finish(night)


def finish(night, state="completed"):
    with night.ledger() as ledger:
        names = [job.key.reference_id for job in ledger.jobs_in(JobState.SUBMITTED)]
    night.end(**dict.fromkeys(names, state))


async def test_a_change_is_told_and_nothing_is_sent(night, host):
    """The row was ordered once and is done: no failure, and a person decides."""
    rows = make_rows(3)
    await done(night, rows, media=host)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host)

    assert (result.exit_code, result.ordered) == (Exit.DONE, 0)
    assert result.totals.fates == {Fate.CHANGED: 1, Fate.COMPLETED: 2}
    [told] = result.changed
    assert told.source == "tonight.csv:2"
    assert told.why.startswith("audio changed since it was ordered: size 100 → 101; completed as")
    assert told.why.endswith("--reorder-changed orders it again")
    assert set(night.orders().values()) == {1}


async def test_what_changed_is_ordered_again_once_and_the_first_stays(night, host):
    """The same command once more orders nothing: the new revision has versions of its own."""
    rows = make_rows(2)
    await done(night, rows, media=host)
    first = night.job(NAME)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host, reorder_changed="ana")
    again = [await night.run(rows, media=host, reorder_changed="ana")]
    finish(night)
    again.append(await night.run(rows, media=host, reorder_changed="ana"))

    assert (result.exit_code, result.ordered) == (Exit.DONE, 1)
    assert result.totals.fates[Fate.REORDERED] == 1
    assert [each.ordered for each in again] == [0, 0]
    assert night.orders() == {**BOTH, "S01E002": 1}
    with night.ledger() as ledger:
        history = ledger.history(NAME)
        kept, new = ledger.all_revisions([NAME])[NAME]
    assert (kept.request_id, kept.state) == (first.request_id, JobState.COMPLETED)
    assert new.request_id not in {None, first.request_id}
    [decided] = [step for step in history["transitions"] if step["actor"]]
    assert (decided["event"], decided["actor"]) == ("reorder", "ana")
    assert decided["note"] == "audio changed since it was ordered: size 100 → 101"
    assert night.findings() == []


async def test_each_further_change_is_one_further_revision(night, host):
    """Without end, and never one without a change."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    for _ in range(3):
        host.change(rows[0].video_url)
        for _ in range(2):
            await done(night, rows, media=host, reorder_changed="ana")

    assert night.orders() == {NAME: 1, **{f"{NAME}~r{number}": 1 for number in (2, 3, 4)}}


async def test_a_rotated_signature_is_the_same_file(night, host):
    """What was seen under yesterday's link is compared with today's."""
    video, audio = "https://b.s3.amazonaws.com/v.mp4", "https://b.s3.amazonaws.com/a.wav"

    def signed(day):
        until = VirtualClock().now() + timedelta(days=day)
        return [make_row(NAME, video=links.aws_v4(until, video), audio=audio)]

    await done(night, signed(1), media=host)
    same = await night.run(signed(2), media=host, reorder_changed="ana")
    host.change(video)
    changed = await night.run(signed(3), media=host)

    assert same.ordered == 0
    assert changed.changed[0].why.startswith("video changed since it was ordered")


@pytest.mark.parametrize(
    "answer",
    [
        NO_ANSWER,
        MediaLook(404),
        MediaLook(200, "text/html", 3, '"login"'),
        lambda honest: replace(honest, etag="", last_modified="", length=None),
        lambda honest: replace(honest, etag=f"W/{honest.etag}"),
        lambda honest: replace(honest, etag='"another node"'),
        lambda honest: replace(honest, last_modified="Sun, 01 Jan 2023 00:00:00 GMT"),
    ],
)
async def test_what_shows_no_change_is_none(night, host, answer):
    """No answer, no headers, a node's own tag; and a dead link of a finished row is no problem."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    host.answers[rows[0].audio_url] = answer

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert (result.exit_code, result.ordered) == (Exit.DONE, 0)
    assert result.totals.fates == {Fate.COMPLETED: 1}


async def test_what_was_ordered_without_a_probe_has_not_changed_as_far_as_anybody_knows(
    night, host
):
    """And a later probe does not pretend to know what it was then."""
    rows = make_rows(1)
    await done(night, rows)
    await night.run(rows, media=host)
    host.change(rows[0].audio_url)

    probed = await night._probe(rows, host)
    result = await night.run(rows, media=host, reorder_changed="ana")

    assert (probed.unknown, host.asked) == (1, [])
    said = []
    probed.tell(said.append, said.append)
    assert said[1].startswith("1 row was ordered without a probe")
    assert result.ordered == 0


async def test_a_look_that_a_run_had_an_hour_ago_is_not_believed_of_ordered_rows(night, host):
    """It would show that nothing has changed within the hour."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    host.change(rows[0].audio_url)
    await night.run(rows, media=host)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host)

    assert "size 100 → 102" in result.changed[0].why


@pytest.mark.parametrize("state", ["submitted", "failed"])
async def test_only_what_is_done_is_ordered_again_for_a_change(night, host, state):
    """What is being made may be made of the new media; what has failed is for `retry`."""
    rows = make_rows(1)
    await night.run(rows, media=host)
    if state == "failed":
        finish(night, state)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert result.ordered == 0
    assert result.totals.fates == {Fate(state): 1}
    assert result.totals.making == (state == "submitted")
    assert night.orders() == {NAME: 1}


async def test_what_is_in_doubt_is_never_ordered_again_for_a_change(night, host):
    """It is settled from the API's list, as always."""
    rows = make_rows(1)
    night.transport.script("accept_then_hang")
    await night.run_killed(rows, after_s=1.0, media=host)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert (result.ordered, result.adopted) == (0, 1)
    assert night.orders() == {NAME: 1}


async def test_an_order_that_was_found_at_the_api_is_known_by_what_its_tries_saw(night, host):
    """Its only try saw the old media."""
    rows = make_rows(1)
    night.transport.script("accept_then_drop")
    await night.run(rows, media=host)
    finish(night)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host)

    assert result.totals.fates == {Fate.CHANGED: 1}


async def test_a_restored_row_has_not_changed(night, host):
    """`ledger rebuild` knows the order, and not what it was made from."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    job = night.job(NAME)
    night.ledger_path.unlink()
    with pytest.raises(NeedsALookError):
        await night.run(rows)
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        found = RemoteRequest(job.request_id, night.clock.now(), "completed", NAME)
        fresh = ledger.latest_jobs([NAME])[NAME]
        ledger.adopt(fresh.job_id, JobState.PENDING, found)
        ledger.record_status(fresh.job_id, found, Event.COMPLETED)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert (result.ordered, result.totals.fates) == (0, {Fate.COMPLETED: 1})


async def test_a_restored_revision_has_not_changed_though_the_first_one_had(night, host):
    """What an earlier revision was made from says nothing of a later one."""
    rows = make_rows(1)
    rows.append(make_row("with the same audio", 3, audio=rows[0].audio_url))
    await done(night, rows, media=host)
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        job = ledger.latest_jobs([NAME])[NAME]
        anew = ledger.next_revision(
            job.job_id, Event.REORDER, PERSON, rows[0], manifest_id=1, position=1
        )
        found = RemoteRequest("elsewhere", night.clock.now(), "completed", f"{NAME}~r2")
        ledger.adopt(anew, JobState.PENDING, found)
        ledger.record_status(anew, found, Event.COMPLETED)
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert result.totals.fates == {Fate.COMPLETED: 1, Fate.REORDERED: 1}
    assert night.job(NAME).key.revision == 2


async def test_what_was_made_from_other_links_is_no_dub_of_these(night, host):
    """The first revision saw just such a file, and under another link."""
    other = make_row(NAME, audio="https://cdn.example.com/mix-2.wav")
    await done(night, make_rows(1), media=host)
    host.change(other.audio_url)
    again = Again(Event.REORDER, PERSON, frozenset({NAME}))
    await done(night, [other], media=host, again=again)
    host.versions[other.audio_url] = 0

    result = await night.run([other], media=host, reorder_changed="ana")

    assert (result.ordered, night.job(NAME).key.revision) == (1, 3)


async def test_what_was_put_back_is_told_and_not_bought_again(night, host):
    """The dub of the first mix is there; two nodes that never agree cost two dubs, not a night."""
    rows = make_rows(1)
    old, new = (MediaLook(200, "audio/wav", 9, f'"{each}"') for each in "ab")
    for answer in (old, new, old, new, old):
        host.answers[rows[0].audio_url] = answer
        await done(night, rows, media=host, reorder_changed="ana")

    assert night.orders() == BOTH


async def test_a_row_that_may_not_be_sent_stays_what_it_is_and_is_told(night, host):
    """A dead video, and a new mix: an order would be spent for nothing, so this one is held."""
    rows = make_rows(2)
    await done(night, rows, media=host)
    host.change(rows[0].audio_url, rows[1].audio_url)
    host.answers[rows[0].video_url] = MediaLook(404)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert (result.exit_code, result.ordered) == (Exit.ROWS_FAILED, 1)
    assert "not ordered again: its video cannot be fetched" in result.standing.left_out[0].why
    assert result.standing.left_out_total == 1
    assert night.job(NAME).key.revision == 1
    assert night.job(NAME).held is None
    assert night.states() == {JobState.COMPLETED: 1, JobState.SUBMITTED: 1}


async def test_a_row_with_a_duplicate_that_nobody_has_seen_is_not_ordered_again(night, host):
    """One of the two may be the dub that is wanted."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    late = replace(night.books.orders[0], request_id="5d1f7a52-6a0e-4d5b-9c43-0f2b8a6f7c11")
    with Ledger(night.ledger_path, night.clock) as ledger, ledger.transaction():
        other = RemoteRequest(late.request_id, night.clock.now(), "completed", NAME)
        ledger.record_other(night.job(NAME).job_id, other, "duplicate")
    host.change(rows[0].audio_url)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert (result.exit_code, result.ordered) == (Exit.NEEDS_A_LOOK, 0)
    assert "reconcile --acknowledge" in result.standing.left_out[0].why


async def test_the_cap_holds_and_the_rest_goes_another_time(night, host):
    """As with all that was decided: pending, and any run orders it once."""
    rows = make_rows(3)
    await done(night, rows, media=host)
    host.change(*(row.audio_url for row in rows))

    first = await night.run(rows, media=host, reorder_changed="ana", max_jobs=2)
    second = await night.run(rows)

    assert (first.exit_code, first.ordered) == (Exit.CAP, 2)
    assert (second.exit_code, second.ordered) == (Exit.DONE, 1)
    assert set(night.orders().values()) == {1}


async def test_a_reorder_by_hand_keeps_what_it_was_made_from_as_well(night, host):
    """Whoever orders again with a probe is not told the same change twice."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    host.change(rows[0].audio_url)
    again = Again(Event.REORDER, PERSON, frozenset({NAME}))
    await done(night, rows, media=host, again=again)

    result = await night.run(rows, media=host, reorder_changed="ana")

    assert result.ordered == 0
    assert night.orders() == BOTH


# -- deaths -----------------------------------------------------------------------------------


async def test_a_decision_that_was_not_committed_was_never_made(night, host):
    """And the same command makes it."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    host.change(rows[0].audio_url)
    night.on_session = Disk(0).watch
    with pytest.raises(Exception, match="the disk is full"):
        await night.run(rows, media=host, reorder_changed="ana")
    night.on_session = lambda _session: None
    assert night.job(NAME).key.revision == 1

    await night.run(rows, media=host, reorder_changed="ana")

    assert night.orders() == BOTH


@pytest.mark.parametrize("probes", [True, False])
async def test_a_death_between_decision_and_order_ends_in_exactly_one_order(night, host, probes):
    """Whether or not the next run looks, and whatever it sees."""
    rows = make_rows(1)
    await done(night, rows, media=host)
    host.change(rows[0].audio_url)
    night.on_session = Disk(1).watch  # the decision is the first commit
    try:
        await night.run(rows, media=host, reorder_changed="ana")
    finally:
        night.on_session = lambda _session: None
    assert (night.job(NAME).key.revision, night.orders()) == (2, {NAME: 1})

    for _ in range(2):
        more = {"media": host, "reorder_changed": "ana"} if probes else {}
        await done(night, rows, **more)

    assert night.orders() == BOTH
    assert night.findings() == []


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_a_row_is_ordered_again_at_most_once_for_a_change(tmp_path, seed):
    """Nodes that disagree, servers that fail, lost replies and deaths, in any order."""
    dice = random.Random(seed)  # noqa: S311  chance that can be repeated
    night = Night(tmp_path, "drop-after=0.2", "drop-before=0.1", seed=seed)
    rows, host, changes = make_rows(3), Host(), Counter()
    noise = [
        NO_ANSWER,
        MediaLook(503),
        lambda honest: replace(honest, etag=f'"node {dice.random()}"'),
        lambda honest: replace(honest, etag=f"W/{honest.etag}"),
        lambda honest: replace(honest, etag="", last_modified=""),
        lambda honest: replace(honest, length=None, etag=""),
    ]
    for _ in range(8):
        row = dice.choice(rows)
        if dice.random() < 0.5:
            host.change(dice.choice([row.video_url, row.audio_url]))
            changes[row.reference_id] += 1
        urls = [url for each in rows for url in (each.video_url, each.audio_url)]
        host.answers = {url: dice.choice(noise) for url in urls if dice.random() < 0.3}
        options = {"media": host, "reorder_changed": dice.choice(["ana", ""])}
        if dice.random() < 0.4:
            await night.run_killed(rows, after_s=dice.uniform(0.0, 8.0), **options)
        else:
            await night.run(rows, **options)
        if dice.random() < 0.8 and night.ledger_path.exists():
            finish(night, dice.choice(["completed", "completed", "failed"]))
    await night.run(rows)

    assert set(night.orders().values()) == {1}
    for row in rows:
        again = night.job(row.reference_id).key.revision - 1
        assert again <= changes[row.reference_id]
    assert night.findings() == []


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_server_says_no_version_is_bought_twice(tmp_path, seed):
    """An answer may be any, and come back: of each pair of answers there is one order at most."""
    dice = random.Random(seed)  # noqa: S311  as above
    night, host, rows, pairs = Night(tmp_path), Host(), make_rows(1), set()
    answers = [
        MediaLook(200, "", length, etag, dated)
        for length in (None, 10, 12)
        for etag in ("", '"a"', '"b"', 'W/"a"')
        for dated in ("", "Mon, 02 Mar 2026 10:00:00 GMT")
    ]
    few = dice.sample(answers, 4)
    for _ in range(14):
        pair = dice.choice(few), dice.choice(few)
        host.answers = dict(zip((rows[0].video_url, rows[0].audio_url), pair, strict=True))
        pairs.add(pair)
        await done(night, rows, media=host, reorder_changed="ana")

    assert len(night.books.orders) <= len(pairs)
    assert set(night.orders().values()) == {1}
