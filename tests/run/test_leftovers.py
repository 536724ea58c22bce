"""`resume`: whatever the ledger has left, found again in its manifests."""

from __future__ import annotations

import json

import pytest

from batchdub.clock import SystemClock
from batchdub.errors import ManifestError, UnusableInputError
from batchdub.exits import Exit
from batchdub.ledger import Ledger, open_for_reading
from batchdub.manifest import Problems, read_manifests
from batchdub.run.leftovers import open_leftovers
from batchdub.run.options import RunOptions
from batchdub.run.source import Choice, open_source
from batchdub.run.tonight import Person, Target, Tonight, order, settle
from batchdub.sandbox.books import Books
from batchdub.sandbox.calls import make_call
from batchdub.sandbox.faults import Fate
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox
from batchdub.sandbox.settings import SandboxSettings
from batchdub.select import parse_selection
from batchdub.states import JobState
from batchdub.units import UNLIMITED
from tests.support.night import KEY

HEADER = "reference_id,video_url,audio_url,language\n"


def write(path, *names, language="ja"):
    """Write a manifest of these rows."""
    lines = (
        f"{name},https://cdn.example.com/{name}.mp4,https://cdn.example.com/{name}.wav,{language}\n"
        for name in names
    )
    path.write_text(HEADER + "".join(lines))
    return str(path)


class Studio:
    """A sandbox over real HTTP, and runs as the commands make them."""

    def __init__(self, folder, base_url, provider):
        self.ledger_path = folder / "batchdub.db"
        self.base_url = base_url
        self.provider = provider
        self.said = []

    def tonight(self, **options):
        options = {"rate": UNLIMITED, "settle_s": 0.2, "canary": False} | options
        target = Target(self.base_url, KEY, "sandbox")
        return Tonight(
            self.ledger_path, target, RunOptions(**options), "run", "0", SystemClock()
        )  # fmt: skip

    def person(self, confirm=lambda _totals, _offer, _waiting: None):
        return Person(self.said.append, lambda _: None, confirm)

    def run(self, *paths, choice=None, skip_invalid=False, **options):
        source = open_source(paths, choice or Choice(), self.said.append, skip_invalid=skip_invalid)
        return order(self.tonight(**options), source, self.person())

    def resume(self, **options):
        source = open_leftovers(self.ledger_path, self.said.append)
        return source and order(self.tonight(**options), source, self.person())


@pytest.fixture
def studio(tmp_path):
    """A studio whose API is up."""
    settings = SandboxSettings(rate=UNLIMITED, get_rate=UNLIMITED)
    provider = Provider(Books(), settings, SystemClock().now)
    with RunningSandbox(provider) as sandbox:
        yield Studio(tmp_path, sandbox.base_url, provider)


@pytest.mark.real_time
def test_a_capped_run_is_resumed_without_naming_a_manifest(studio, tmp_path):
    """Only what is left is sent; then nothing is left."""
    first = write(tmp_path / "one.csv", "a", "b")
    second = write(tmp_path / "two.csv", "c", "d", "e")
    assert studio.run(first, second, max_jobs=2).exit_code == Exit.CAP

    assert studio.resume().exit_code == 0
    assert studio.resume() is None
    assert sorted(order.reference_id for order in studio.provider.books.orders) == list("abcde")


@pytest.mark.real_time
def test_a_manifest_that_is_gone_is_told_and_its_rows_are_named(studio, tmp_path):
    """The others are ordered all the same; the exit code tells that some are not."""
    first = write(tmp_path / "one.csv", "a", "b")
    second = write(tmp_path / "two.csv", "c")
    studio.run(first, second, max_jobs=0)
    (tmp_path / "two.csv").unlink()

    result = studio.resume()

    assert result.exit_code == Exit.ROWS_FAILED
    assert result.standing.missing == 1
    assert ("c", "in no manifest any more") in [
        (left.reference_id, left.why) for left in result.standing.left_out
    ]
    assert any("two.csv" in line and "gone" in line for line in studio.said)


@pytest.mark.real_time
def test_a_row_that_is_gone_from_its_manifest_is_named(studio, tmp_path):
    """It cannot be sent, for its links are nowhere."""
    path = write(tmp_path / "one.csv", "a", "b")
    studio.run(path, max_jobs=0)
    write(tmp_path / "one.csv", "b")

    result = studio.resume()

    assert (result.exit_code, result.ordered) == (Exit.ROWS_FAILED, 1)
    assert result.standing.left_out[0].reference_id == "a"


@pytest.mark.real_time
def test_without_any_manifest_nothing_can_be_resumed(studio, tmp_path):
    """Said before the ledger is locked."""
    studio.run(write(tmp_path / "one.csv", "a"), max_jobs=0)
    (tmp_path / "one.csv").unlink()

    with pytest.raises(UnusableInputError, match="none of its manifests"):
        studio.resume()


@pytest.mark.real_time
def test_a_missing_row_that_was_in_doubt_and_is_settled_is_no_longer_missing(studio, tmp_path):
    """What the list shows as ordered needs no manifest."""
    path = write(tmp_path / "one.csv", "a", "b")
    other = write(tmp_path / "two.csv", "c")
    studio.run(path, other, max_jobs=0)
    with Ledger(studio.ledger_path, SystemClock()) as ledger, ledger.transaction():
        ledger.begin_run("other", "run", host="h", pid=1, version="0")
        job = ledger.latest_jobs(["c"])["c"]
        ledger.begin_attempt(job.job_id)
        ledger.recover()
    _order_directly(studio, "c")
    (tmp_path / "two.csv").unlink()

    result = studio.resume()

    assert (result.exit_code, result.standing.missing, result.adopted) == (0, 0, 1)


def _order_directly(studio, reference_id):
    inputs = [
        {"type": kind, "url": f"https://cdn.example.com/{reference_id}"}
        for kind in ("video", "audio")
    ]
    body = json.dumps({"inputs": inputs, "reference_id": reference_id}).encode()
    headers = {"authorization": "Bearer x", "content-type": "application/json"}
    call = make_call("POST", "/api/v1/lipsync/generate", headers, body)
    assert studio.provider.handle(call, fate=Fate()).status == 200


@pytest.mark.real_time
def test_settling_alone_sends_nothing(studio, tmp_path):
    """`reconcile`: doubts are looked up, and what is absent goes back to pending."""
    path = write(tmp_path / "one.csv", "a", "b")
    studio.run(path, max_jobs=0)
    with Ledger(studio.ledger_path, SystemClock()) as ledger, ledger.transaction():
        ledger.begin_run("other", "run", host="h", pid=1, version="0")
        ledger.begin_attempt(ledger.latest_jobs(["a"])["a"].job_id)

    result = settle(studio.tonight(), studio.person())

    assert result.exit_code == 0
    assert result.standing.states == {JobState.PENDING: 1}
    assert any("cut short" in line for line in studio.said)
    assert studio.provider.books.orders == []


@pytest.mark.real_time
def test_whoever_declines_leaves_no_trace_of_the_rows(studio, tmp_path):
    """The question stands before anything is written."""
    source = open_source([write(tmp_path / "one.csv", "a")], Choice(), studio.said.append)

    def decline(totals, offer, _waiting):
        assert totals.to_send == offer.orders == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        order(studio.tonight(), source, studio.person(decline))
    with open_for_reading(studio.ledger_path) as ledger:
        assert not ledger.counts()


# -- the source: manifests read twice -------------------------------------------------------------


def test_limit_takes_the_first_rows_and_only_chooses_among_them(tmp_path):
    """`--limit` is about the manifest, `--only` about the rows."""
    one = write(tmp_path / "one.csv", "a", "b")
    two = write(tmp_path / "two.csv", "c", language="ko")
    first_two = Choice(rows=parse_selection(["language=ja,ko"]), limit=2)
    source = open_source([one, two], first_two, lambda _: None)
    assert source.rows == 2
    assert [row.reference_id for _, row in source.numbered()] == ["a", "b"]


def test_rows_are_chosen_by_their_columns_with_their_place_in_the_manifest(tmp_path):
    """The place is what a report is ordered by."""
    one = write(tmp_path / "one.csv", "a", "b")
    two = write(tmp_path / "two.csv", "c", language="ko")
    choice = Choice(rows=parse_selection(["language=ko"]))
    source = open_source([one, two], choice, lambda _: None)
    assert [(place, row.reference_id) for place, row in source.numbered()] == [(3, "c")]
    assert [item.fate for item in source.planned(None, allow_same_media=False)] == ["new"]


def test_a_choice_of_nothing_is_explained(tmp_path):
    """With what there is to choose from."""
    one = write(tmp_path / "one.csv", "a", "b")
    with pytest.raises(UnusableInputError, match="language"):
        open_source([one], Choice(rows=parse_selection(["language=jaa"])), lambda _: None)


def test_a_manifest_that_changes_between_its_two_readings_is_refused(tmp_path):
    """What was validated must be what is sent.

    Faults: F-62.
    """
    one = write(tmp_path / "one.csv", "a", "b")
    source = open_source([one], Choice(limit=1), lambda _: None)
    write(tmp_path / "one.csv", "a", "c")
    with pytest.raises(UnusableInputError, match="changed while it was read"):
        list(source.numbered())


def test_a_manifest_that_changes_during_its_second_reading_is_refused(tmp_path):
    """Rows that were good once are not looked at again, so their bytes must be the same.

    Faults: F-62.
    """
    one = write(tmp_path / "one.csv", "a", "b")
    source = open_source([one], Choice(), lambda _: None)
    for more in ("a,not a link,no link at all,ja\n", '"', "c,d\n"):
        rows = source.numbered()
        assert next(rows)[1].reference_id == "a"
        with (tmp_path / "one.csv").open("a") as file:
            file.write(more)
        with pytest.raises(UnusableInputError, match="changed while it was read"):
            list(rows)
        write(tmp_path / "one.csv", "a", "b")


@pytest.mark.parametrize("sound", [True, False])
def test_the_second_reading_gives_the_rows_of_the_first(tmp_path, sound):
    """Whether or not there is a row that has to be left out again."""
    bad = "" if sound else "c,no link,https://cdn.example.com/c.wav,ja\n"
    path = tmp_path / "one.csv"
    write(path, "a", "")
    path.write_text(path.read_text().replace("/.", "/d.") + bad)
    source = open_source([str(path)], Choice(), lambda _: None, skip_invalid=True)
    assert (source.sound, source.invalid) == (sound, not sound)
    assert [row for _, row in source.numbered()] == list(read_manifests([str(path)], Problems()))


def test_invalid_rows_end_it_or_are_left_out_as_wanted(tmp_path):
    """All problems in one go; left out, they are told as warnings."""
    path = tmp_path / "one.csv"
    write(path, "a", "b")
    path.write_text(path.read_text().replace("https://cdn.example.com/b.mp4", "b.mp4"))
    with pytest.raises(ManifestError):
        open_source([str(path)], Choice(), lambda _: None)

    warned = []
    source = open_source([str(path)], Choice(), warned.append, skip_invalid=True)
    assert (source.rows, source.invalid) == (1, 1)
    assert any("left out" in line for line in warned)
