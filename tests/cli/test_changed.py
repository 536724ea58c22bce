"""Changed media on the command line: files that are written to, a real probe, and real books."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.cli.again import end_orders, last_decision, revisions
from tests.cli.nights import ids, sandbox_on_a_port, told

pytestmark = pytest.mark.real_time
WHAT = "audio changed since it was ordered: size 9 → 12"


class Studio:
    """A sandbox with media of three rows; `cli` calls batchdub there, as on any night."""

    def __init__(self, cli, folder, there, books):
        self.folder, self.books = folder, books
        self._cli, self._there = cli, there
        root = there[1].removesuffix("/api")
        rows = [
            f"{ids(n)},{root}/media/{n}.mp4,{root}/media/{n}.wav,{'ko' if n == 3 else 'ja'}"
            for n in (1, 2, 3)
        ]
        header = "reference_id,video_url,audio_url,language"
        (folder / "tonight.csv").write_text("\n".join([header, *rows]) + "\n")

    def run(self, *options):
        return self._cli("run", *options, *self._there)

    def plan(self, *options):
        return self._cli("plan", *options, *self._there[:2])

    def fates(self, *options):
        printed = self.plan("tonight.csv", *options, "--format", "jsonl").out
        return [json.loads(line)["fate"] for line in printed.splitlines()]

    def write(self, name, text):
        (self.folder / "media" / name).write_bytes(text)

    def finish(self, *numbers):
        end_orders(self.folder, "completed", *map(ids, numbers))

    def orders(self):
        return Counter(order.reference_id for order in self.books.orders)


@contextmanager
def opened(cli, folder):
    media = folder / "media"
    media.mkdir()
    for number in (1, 2, 3):
        (media / f"{number}.mp4").write_bytes(b"film")
        (media / f"{number}.wav").write_bytes(b"first mix")
    with sandbox_on_a_port(media=media) as (there, books):
        yield Studio(cli, folder, there, books)


@pytest.fixture
def studio(cli, tmp_path, monkeypatch):
    """Three rows that were ordered with a probe and are done, and two new mixes."""
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted-key-4f9a1c77")
    with opened(cli, tmp_path) as studio:
        assert studio.run("tonight.csv", "--probe").code == 0
        studio.finish(1, 2, 3)
        studio.write("2.wav", b"second mix!!")
        studio.write("3.wav", b"second mix!!")
        yield studio


def test_a_plan_tells_and_a_run_tells_and_neither_sends(studio):
    """With a hint; exit 0, for what was ordered is done."""
    planned, ran = studio.plan("tonight.csv", "--probe"), studio.run("tonight.csv", "--probe")

    assert studio.fates("--probe") == ["completed", "changed", "changed"]
    assert "3 rows: 1 completed, 2 changed" in planned.err
    assert (planned.code, ran.code) == (0, 0)
    assert "3 rows: 3 completed, 2 of them with media changed since" in ran.err
    assert f"warning: tonight.csv:3: `{ids(2)}`: {WHAT}; completed as" in ran.err
    for result in (planned, ran):
        assert (
            "hint: the same command with --reorder-changed orders what changed again" in result.err
        )
    assert told(ran) == ["batchdub report --format csv --output report.csv"]
    assert sum(studio.orders().values()) == 3
    assert studio.fates() == ["completed"] * 3


def test_a_finished_row_needs_no_media_any_more(studio):
    """They may be gone: that is no problem of the manifest, and no change."""
    (studio.folder / "media" / "1.wav").unlink()

    result = studio.run("tonight.csv", "--probe")

    assert result.code == 0
    assert "1 link of ordered rows told nothing that could be compared" in result.err
    assert "probe: 6 links looked at, 0 of no use" in result.err
    assert studio.fates("--probe")[0] == "completed"


def test_reorder_changed_orders_what_was_chosen_and_only_once(studio):
    """It probes without being told to; the first dub stays, and who decided is on record."""
    chosen = ("tonight.csv", "--reorder-changed", "--only", "language=ja")

    fates, first, second = studio.fates(*chosen[1:]), studio.run(*chosen), studio.run(*chosen)

    assert fates == ["completed", "reordered"]
    assert (first.code, second.code) == (0, 0)
    assert "1 ordered" in first.err
    assert "0 ordered" in second.err
    assert studio.orders() == {ids(1): 1, ids(2): 1, ids(3): 1, f"{ids(2)}~r2": 1}
    event, _, who, why = last_decision(studio.folder, ids(2))
    assert (event, why) == ("reorder", WHAT)
    assert "@" in who
    shown = studio._cli("show", ids(2), "--format", "json")
    seen = [each["audio_seen"]["bytes"] for each in json.loads(shown.out)["revisions"]]
    assert seen == [9, 12]
    assert "audio_seen    9 bytes, dated" in studio._cli("show", ids(2)).out


def test_caps_hold_for_what_is_reordered(studio):
    """And the plan says how many fit."""
    price = ("--price", "1.20/job", "--max-cost", "2")

    planned = studio.plan("tonight.csv", "--reorder-changed", *price)
    ran = studio.run("tonight.csv", "--reorder-changed", *price)

    assert "within `--max-cost 2.00`: 1 of 2 orders" in planned.err
    assert ran.code == 5
    assert sum(studio.orders().values()) == 4


def test_a_saved_plan_reorders_exactly_what_it_says(studio):
    """Its own resume included: a run that was cut off after the decision goes on with it."""
    saved = studio.plan("tonight.csv", "--reorder-changed", "--output", "p.json")
    assert "1 completed, 2 reordered" in saved.err

    codes = [studio.run("--plan", "p.json", "--max-jobs", n).code for n in ("0", "1", "9", "9")]

    assert codes == [5, 5, 0, 0]
    assert set(studio.orders().values()) == {1}
    assert revisions(studio.folder) == {ids(1): 1, ids(2): 2, ids(3): 2}
    studio.finish(2, 3)
    studio.write("2.wav", b"a third mix, and longer")
    stale = studio.run("--plan", "p.json")
    assert stale.code == 2
    assert f"`{ids(2)}`: was at revision 1, is at 2" in stale.err
    assert sum(studio.orders().values()) == 5


def test_a_plan_is_stale_once_further_media_have_changed(studio):
    """What was agreed to was what had been seen."""
    studio.plan("tonight.csv", "--reorder-changed", "--output", "p.json")
    studio.write("1.wav", b"a third mix, and longer")

    result = studio.run("--plan", "p.json")

    assert result.code == 2
    assert "was `completed`, is `reordered`" in result.err
    assert sum(studio.orders().values()) == 3


def test_a_plan_of_changed_rows_needs_no_probe_to_be_applied(studio):
    """It orders none of them, so nothing can be missed."""
    studio.plan("tonight.csv", "--probe", "--output", "p.json")

    assert studio.run("--plan", "p.json").code == 0
    both = studio.run("--plan", "p.json", "--reorder-changed")

    assert both.code == 2
    assert "`--reorder-changed` beside `--plan`" in both.err
    assert sum(studio.orders().values()) == 3


def test_rows_that_nobody_looked_at_are_counted_and_those_in_work_are_held(
    cli, tmp_path, monkeypatch
):
    """Two ways not to know."""
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted-key-4f9a1c77")
    with opened(cli, tmp_path) as studio:
        studio.run("tonight.csv", "--limit", "1")
        studio.run("tonight.csv", "--probe")
        studio.write("2.wav", b"second mix!!")

        result = studio.run("tonight.csv", "--reorder-changed")

        assert result.code == 0
        assert "1 row was ordered without a probe, or restored" in result.err
        assert "hint: 1 row is still being made of media that changed meanwhile" in result.err
        planned = studio.plan("tonight.csv", "--probe").out
        assert f"{WHAT}: its dub is still being made, from the one or the other" in planned
        assert set(studio.orders().values()) == {1}
