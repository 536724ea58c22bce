"""A night in one room: a real ledger on disk, the real client, the sandbox's provider in process.

The provider's books are the oracle. Time is the virtual clock's, so an hour costs nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from batchdub.ledger import open_for_reading
from batchdub.media_url import media_key
from batchdub.models import Row, Source
from batchdub.plan import plan_rows
from batchdub.redact import Secret
from batchdub.run.options import RunOptions
from batchdub.run.prepare import register
from batchdub.run.runner import Outside, run_orders
from batchdub.run.session import open_session
from batchdub.sandbox.books import Books
from batchdub.sandbox.faults import parse_fault
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.settings import SandboxSettings
from batchdub.states import JobState
from batchdub.units import UNLIMITED
from batchdub.wire import ApiClient
from tests.support.sandbox_transport import SandboxTransport
from tests.support.virtual import VirtualClock

KEY = Secret("planted-key-0123456789")
BASE_URL = "https://api.example.com/api"


def make_row(reference_id, line=2, *, video=None, audio=None, path="tonight.csv", **columns):
    """Make a row; its media follow from its reference_id unless they are given."""
    video = video or f"https://cdn.example.com/{reference_id}.mp4"
    audio = audio or f"https://cdn.example.com/{reference_id}.wav"
    return Row(
        reference_id=reference_id,
        source=Source(path, line),
        video_url=video,
        audio_url=audio,
        disable_active_speaker_detection=False,
        media_key=media_key(video, audio, disable_speaker_detection=False),
        columns=columns,
    )


def make_rows(number, prefix="S01E"):
    """Make so many different rows."""
    return [make_row(f"{prefix}{index:03d}", index + 1) for index in range(1, number + 1)]


class Night:
    """The provider, and runs against it from one ledger."""

    def __init__(self, folder: Path, *faults: str, seed: int = 1, **settings) -> None:
        self.clock = VirtualClock()
        self.folder = folder
        self.ledger_path = folder / "batchdub.db"
        self.books = Books()
        settings.setdefault("rate", UNLIMITED)
        self.settings = SandboxSettings(
            faults=tuple(map(parse_fault, faults)), seed=seed, **settings
        )
        self.provider = Provider(self.books, self.settings, self.clock.now)
        self.transport = SandboxTransport(self.provider, self.clock)
        self.said: list[str] = []
        self.snapshots = []
        self.seed = seed
        self.rng = random.Random(seed)

    async def run(self, rows, *, key=KEY, target=BASE_URL, allow_same_media=False, **options):
        """Run these rows as the command would; gives the result."""
        options.setdefault("rate", UNLIMITED)
        options.setdefault("settle_s", 5.0)
        options.setdefault("canary", False)
        rng = random.Random(self.seed)
        with open_session(
            self.ledger_path, clock=self.clock, command="run", target=target, version="0"
        ) as session:
            ledger = session.ledger
            with ledger.transaction():
                paths = {row.source.path for row in rows}
                ids = {path: ledger.remember_manifest(path, "0" * 64) for path in sorted(paths)}
            planned = plan_rows(
                enumerate(rows, 1), ledger.latest_jobs, ledger.jobs_of_media, allow_same_media=allow_same_media
            )
            with ledger.transaction():
                prepared = register(ledger, planned, ids)
            api = ApiClient(BASE_URL, key, self.transport, self.clock, version="0")
            outside = Outside(
                api, key, self.clock, self.said.append, self.snapshots.append, rng
            )
            result = await run_orders(session, prepared, RunOptions(**options), outside)
            session.exit_code = result.exit_code
            return result

    def orders(self):
        """Count the provider's orders by reference_id: what was really paid for."""
        return Counter(order.reference_id for order in self.books.orders)

    def state(self, reference_id) -> JobState:
        """Read a job's state from the ledger, as another process would."""
        with open_for_reading(self.ledger_path) as ledger:
            return ledger.latest_jobs([reference_id])[reference_id].state

    def ledger(self):
        """Open the ledger for questions."""
        return open_for_reading(self.ledger_path)
