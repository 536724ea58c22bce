"""A download killed at any point and run again ends with exactly the right bytes."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import contextmanager

import pytest

from batchdub.errors import LedgerWriteError
from batchdub.ledger.outputs import known_output
from batchdub.run import showing
from batchdub.run.output_files import give_name
from batchdub.sandbox import calls
from tests.support.night import Night, make_rows

REF = "S01E001"
NAME = "{reference_id}.mp4"
ROWS = make_rows(1)
_NO_MORE = LedgerWriteError("a dead process commits nothing")


class Death:
    """Kills the process at one of the points around each step on disk: a file's or the ledger's.

    `point` counts from 1. A dead process does nothing more; `died` tells whether it came so far.
    """

    def __init__(self, night, point) -> None:
        self.night = night
        self.left = point
        self.died = False
        self.task = None

    def pass_point(self, error=asyncio.CancelledError) -> None:
        if not self.died:
            self.left -= 1
            self.died = self.left == 0
        if self.died:
            self.task.cancel()
            raise error

    async def aside(self, work):
        self.pass_point()
        done = work()
        self.pass_point()
        return done

    def watch(self, session) -> None:
        real = session.ledger.transaction

        @contextmanager
        def transaction():
            if self.died:
                raise _NO_MORE
            with real():
                yield
                self.pass_point(_NO_MORE)
            self.pass_point(_NO_MORE)

        session.ledger.transaction = transaction

    async def strike(self) -> bool:
        """Run until then; True if it died on the way."""
        before = self.night.aside
        self.night.on_session, self.night.aside = self.watch, self.aside
        self.task = asyncio.ensure_future(self.night.run(ROWS, download=NAME))
        try:
            await self.task
        except (asyncio.CancelledError, LedgerWriteError):
            assert self.died
        finally:
            self.night.aside = before
            self.night.on_session = lambda _: None
        return self.died


@pytest.fixture(autouse=True)
def _few_snapshots(monkeypatch):
    monkeypatch.setattr(showing, "_SHOW_EVERY_S", 5.0)


def lose_what_was_not_synced(night):
    """Have the disk forget what no sync has promised to keep: zeros stand there then."""
    with night.ledger() as ledger:
        known = known_output(ledger, night.job(REF).job_id)
    kept = known.kept if known else 0
    for part in night.dubs.glob("*.part"):
        content = part.read_bytes()
        part.write_bytes(content[:kept] + bytes(len(content) - kept))


async def test_killed_at_any_point_it_ends_with_the_right_bytes(tmp_path, monkeypatch):
    """F-114, F-118: around every write, sync, note, link and commit; every other time the power
    goes as well, and the disk forgets what was not synced."""
    monkeypatch.setattr(calls, "_PIECES", 6)
    night = Night(tmp_path, "output-slow=1:4s")
    await night.run(ROWS, wait=True)
    ordered = night.ledger_path.read_bytes()
    deaths, resumed, point = 0, 0, 0
    while True:
        point += 1
        shutil.rmtree(night.dubs, ignore_errors=True)
        night.ledger_path.write_bytes(ordered)
        if not await Death(night, point).strike():
            break
        deaths += 1
        if point % 2:
            lose_what_was_not_synced(night)

        result = await night.run(ROWS, download=NAME)

        assert (result.exit_code, result.ordered) == (0, 0)
        assert (night.dubs / f"{REF}.mp4").read_bytes() == night.dub(REF), f"point {point}"
        assert sorted(path.name for path in night.dubs.iterdir()) == [
            f"{REF}.mp4", f"{REF}.mp4.json",
        ]  # fmt: skip
        assert night.findings() == []
        resumed += 0 < result.downloads.received < len(night.dub(REF))
    assert deaths >= 40
    assert resumed > 5, "most of them went on where they were"


async def test_between_its_name_and_the_ledger_it_is_known_by_its_hash(tmp_path):
    """F-118: read through, not fetched again, and above all not ordered again."""
    night = Night(tmp_path)
    await night.run(ROWS, wait=True)
    death = Death(night, 10**9)
    real = death.aside

    async def aside(work):
        done = await real(work)
        if getattr(work, "func", None) is give_name:
            death.left = 1
        return done

    death.aside = aside
    assert await death.strike()
    assert (night.dubs / f"{REF}.mp4").exists()
    with night.ledger() as ledger:
        assert known_output(ledger, night.job(REF).job_id).sha256 is None
    fetched = len(night.transport.calls)

    result = await night.run(ROWS, download=NAME)

    assert (result.exit_code, result.downloads.present, result.downloads.fetched) == (0, 1, 0)
    assert not [call for call in night.transport.calls[fetched:] if "/outputs/" in call.path]
    assert night.orders() == {REF: 1}


async def test_a_file_that_only_looks_like_it_is_not_taken_for_it(tmp_path):
    """F-118: the note beside it proves its bytes, not its name."""
    night = Night(tmp_path)
    await night.run(ROWS, download=NAME)
    file = night.dubs / f"{REF}.mp4"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    night.ledger_path.unlink()
    for left in night.folder.glob("batchdub.db-*"):
        left.unlink()
    night.books.orders.clear()
    night.books._by_reference.clear()

    result = await night.run(ROWS, download=NAME)

    assert result.exit_code == 8
    assert "another file stands there" in result.downloads.failed[0]
