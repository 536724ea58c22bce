"""Probing on the virtual clock: how many at once, how fast, and what is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

from batchdub.ledger import Ledger
from batchdub.models import MediaLook
from batchdub.plan import Fate, decide
from batchdub.run.probing import known_looks, links_of, probe
from tests.ledger.support import open_ledger
from tests.support import links
from tests.support.night import make_row, make_rows
from tests.support.virtual import EPOCH, VirtualClock

GOOD = MediaLook(200, "", 5)


class Media:
    """Servers that take a second for each look, and keep count."""

    def __init__(self, looks=None):
        self.looks = looks or {}
        self.asked = []
        self.now = Counter()
        self.most = Counter()

    async def look(self, url):
        host = urlsplit(url).netloc
        self.asked.append(url)
        for name in (host, "all"):
            self.now[name] += 1
            self.most[name] = max(self.most[name], self.now[name])
        await asyncio.sleep(1.0)
        for name in (host, "all"):
            self.now[name] -= 1
        return self.looks.get(url, GOOD)


def planned(rows):
    return [decide(row, place, None) for place, row in enumerate(rows, 1)]


async def test_few_at_each_host_and_some_at_once():
    """Somebody else's server is no place for a storm."""
    media = Media()
    rows = [
        make_row(f"r{n}", n, video=f"https://{'ab'[n % 2]}.example.com/{n}.mp4") for n in range(40)
    ]

    probed = await probe(links_of(planned(rows)), media, VirtualClock())

    assert len(media.asked) == len(set(media.asked)) == 80
    assert media.most.pop("all") <= 8
    assert set(media.most.values()) <= {1, 2, 3, 4}
    assert len(probed.looks) == 80


async def test_a_medium_of_many_rows_is_looked_at_once_and_an_ordered_one_never():
    """One video has many languages."""
    media = Media()
    rows = [make_row(f"r{n}", n, video="https://a.example.com/v.mp4") for n in range(5)]
    plan = planned(rows)
    plan[0] = plan[0].__class__(plan[0].row, 1, Fate.SUBMITTED, "already")

    await probe(links_of(plan), media, VirtualClock())

    assert len(media.asked) == 1 + 4


async def test_what_is_doomed_holds_its_rows_and_what_is_doubtful_is_told():
    """With file and line; the turn of a row comes after that."""
    rows = make_rows(3)
    media = Media({rows[0].audio_url: MediaLook(404), rows[1].video_url: MediaLook(503)})

    probed = await probe(links_of(planned(rows)), media, VirtualClock())
    said, warned = [], []
    probed.tell(said.append, warned.append)

    assert [bool(probed.holds(row)) for row in rows] == [True, False, False]
    assert probed.holds(rows[0]).startswith(
        "its audio cannot be fetched: its server answers HTTP 404"
    )
    assert probed.before(lambda _row, _ahead: "later")(rows[1], 0) == "later"
    assert [str(problem).partition(" (")[0] for problem in probed.problems.first()] == [
        "tonight.csv:2: audio_url: cannot be fetched: its server answers HTTP 404"
    ]
    assert said == ["probe: 6 links looked at, 1 of no use"]
    assert warned[0].startswith("tonight.csv:3: video_url: could not be checked: HTTP 503")


async def test_only_a_screenful_of_doubts_is_told():
    """The rest is counted."""
    rows = make_rows(15)
    media = Media({url: MediaLook(503) for row in rows for url in (row.video_url, row.audio_url)})
    probed = await probe(links_of(planned(rows)), media, VirtualClock())
    warned = []

    probed.tell(lambda _: None, warned.append)

    assert (len(warned), warned[-1]) == (21, "… and 10 more links in doubt")


def remember(tmp_path, url, look) -> Ledger:
    ledger = open_ledger(tmp_path / "batchdub.db")
    with ledger.transaction():
        ledger.remember_media(url, look)
    return ledger


async def test_what_a_run_saw_good_is_known_for_an_hour(tmp_path):
    """Of this very link: under another signature it is another answer."""
    ledger = remember(tmp_path, rows_url := make_row("a").video_url, MediaLook(200, "video/mp4", 5))
    now = ledger._clock.now()
    media = Media()

    probed = await probe(
        links_of(planned([make_row("a")])), media, VirtualClock(), known_looks(ledger, now)
    )

    assert (len(media.asked), probed.cached) == (1, 1)
    assert known_looks(ledger, now + timedelta(hours=2))(rows_url) is None
    said = []
    probed.tell(said.append, said.append)
    assert "1 link looked at, 1 known from less than an hour ago" in said[0]


async def test_no_bad_look_is_known_and_none_without_an_answer_kept(tmp_path):
    """What was bad may have been mended; and a timeout says nothing of the file."""
    url = links.aws_v4(EPOCH)
    ledger = remember(tmp_path, url, MediaLook(200, "video/mp4", 7, '"v1"', "Wed"))
    now = ledger._clock.now()
    with ledger.transaction():
        ledger.remember_media(url, MediaLook(failure="no answer"))
    assert ledger.media_look(url, EPOCH)[0] == MediaLook(200, "video/mp4", 7, '"v1"', "Wed")

    with ledger.transaction():
        ledger.remember_media(links.aws_v2(EPOCH), MediaLook(404))

    assert known_looks(ledger, now)(url) is None
    assert list(ledger.ask("SELECT count(*), max(status) FROM media")) == [(1, 404)]
    assert known_looks(None, now)(url) is None
