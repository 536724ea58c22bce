"""A night in one room: a real ledger on disk, the real client, the sandbox's provider in process.

The provider's books are the oracle. Time is the virtual clock's, so an hour costs nothing; the
provider's wall clock is always right, ours (`night.clock`) may be set wrong by its `skew_s`.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

from batchdub.errors import BatchdubError, LedgerWriteError
from batchdub.ledger import Ledger, check_ledger, open_for_reading
from batchdub.media_url import media_key
from batchdub.models import RemoteRequest, Row, Source
from batchdub.plan import Fate, PlannedRow, plan_rows
from batchdub.redact import Secret
from batchdub.run.again import put_back
from batchdub.run.changes import with_changes
from batchdub.run.destinations import destinations
from batchdub.run.file_names import parse_name_template
from batchdub.run.options import Download, RunOptions
from batchdub.run.prepare import register
from batchdub.run.probing import Probed, keep_looks, links_of, probe
from batchdub.run.runner import Outside, run_orders
from batchdub.run.session import open_session
from batchdub.run.source import starting_at, turns_of
from batchdub.sandbox.books import Books
from batchdub.sandbox.faults import parse_fault
from batchdub.sandbox.media import make_mp4
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.settings import SandboxSettings
from batchdub.states import Event, JobState
from batchdub.units import UNLIMITED
from batchdub.wire import ApiClient, DownloadClient
from tests.support.night_transport import NightTransport
from tests.support.virtual import EPOCH, VirtualClock

KEY = Secret("planted-key-0123456789")
BASE_URL = "https://api.example.com/api"
SETTLE_S = 5.0


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
        settings.setdefault("get_rate", UNLIMITED)
        self.settings = SandboxSettings(
            faults=tuple(map(parse_fault, faults)), seed=seed, **settings
        )
        self.provider = Provider(self.books, self.settings, _server_now)
        self.transport = NightTransport(self.provider, self.clock)
        self.said: list[str] = []
        self.snapshots = []
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311  chance that can be repeated
        self.on_session = lambda _session: None
        self.aside = _at_once
        self.files = []

    @property
    def dubs(self) -> Path:
        """Where downloads go."""
        return self.folder / "dubs"

    async def run(self, rows, *, key=KEY, target=BASE_URL, **options):
        """Run these rows as the command would, or order them `again`; gives the result.

        With `media`, a client, what it sees is taken into account; `reorder_changed` is who has
        rows whose media changed ordered again. `download` is a template for the names of dubs,
        which are then waited for and fetched.
        """
        if template := options.pop("download", None):
            options["wait"] = True
            options["download"] = Download(self.dubs, parse_name_template(template), 2)
            self.dubs.mkdir(exist_ok=True)
        allow_same_media = options.pop("allow_same_media", False)
        again = options.pop("again", None)
        probed = await self._probe(rows, options.pop("media", None), again)
        decider = options.pop("reorder_changed", "")
        options.setdefault("rate", UNLIMITED)
        options.setdefault("settle_s", SETTLE_S)
        options.setdefault("canary", False)
        wanted = RunOptions(**options)
        rng = random.Random(self.seed)  # noqa: S311  as above
        with open_session(
            self.ledger_path, clock=self.clock, command="run", target=target, version="0"
        ) as session:
            ledger = session.ledger
            self.on_session(session)
            with ledger.transaction():
                paths = {row.source.path for row in rows}
                ids = {path: ledger.remember_manifest(path, "0" * 64) for path in sorted(paths)}
                if again is not None:
                    put_back(ledger, again, enumerate(rows, 1), ids)
                first_at = starting_at(wanted.window.opens_at, self.clock)
                turns = turns_of(ledger, wanted.rate, wanted.link_margin_s, first_at)
                planned = plan_rows(
                    enumerate(rows, 1),
                    ledger.latest_jobs,
                    ledger.jobs_of_media,
                    allow_same_media=allow_same_media,
                    holds=probed.before(turns.holds),
                    revise=with_changes(ledger, probed, reorder=bool(decider)),
                )
                prepared = register(ledger, planned, ids, decider)
                keep_looks(ledger, probed, [*prepared.orders, *prepared.doubtful.values()])
                prepared.names = destinations(ledger, prepared.scope, wanted.download)
            api = ApiClient(BASE_URL, key, self.transport, self.clock, version="0")
            outside = Outside(api, key, self.clock, self.said.append, self.snapshots.append, rng,
                              self._fetching(key))  # fmt: skip
            result = await run_orders(session, prepared, wanted, outside)
            session.exit_code = result.exit_code
            return result

    async def _probe(self, rows, media, again=None):
        """Look at the rows' media as the command would: `media` is a client, or None."""
        probed = Probed()
        if media is None:
            return probed
        with ExitStack() as stack:
            known = self.ledger_path.exists()
            ledger = stack.enter_context(self.ledger()) if known else None
            planned = plan_rows(
                enumerate(rows, 1),
                ledger.latest_jobs if known else lambda _: {},
                ledger.jobs_of_media if known else lambda _: {},
            )
            if again is not None:
                planned = [PlannedRow(row, place, Fate.NEW) for place, row in enumerate(rows, 1)]
            links = links_of(planned, None if again else ledger, probed)
            return await probe(links, media, self.clock, probed=probed)

    def _fetching(self, key):
        client = DownloadClient(BASE_URL, key, lambda _: None, self.clock, transport=self.transport)
        return client, self.aside, lambda *event: self.files.append(event)

    def dub(self, reference_id) -> bytes:
        """Give the bytes that the provider has for a row's first order."""
        order = next(each for each in self.books.orders if each.reference_id == reference_id)
        return make_mp4(order.request_id)

    async def run_killed(self, rows, *, after_s, **options):
        """Run, and have the process die after so long; True if it died before its end.

        A dead process writes nothing more: every commit from then on fails, and nobody is told.
        """
        disk = Disk()
        self.on_session = disk.watch
        task = asyncio.ensure_future(self.run(rows, **options))

        def die() -> None:
            disk.refuse()
            task.cancel()

        timer = asyncio.get_running_loop().call_later(after_s, die)
        try:
            await task
        except (asyncio.CancelledError, BatchdubError):
            if not disk.refuses:
                raise
        finally:
            timer.cancel()
            self.on_session = lambda _session: None
        return disk.refuses

    def end(self, **states):
        """Have orders end as polling would: `S01E001="failed"`."""
        with Ledger(self.ledger_path, self.clock) as ledger, ledger.transaction():
            for reference_id, state in states.items():
                job = ledger.latest_jobs([reference_id])[reference_id]
                seen = RemoteRequest(job.request_id, self.clock.now(), state, job.key.sent_as)
                ledger.record_status(job.job_id, seen, Event(state))

    def signal_at(self, *seconds: float, number=signal.SIGINT) -> None:
        """Have a real signal come to this process at these times from now."""
        loop = asyncio.get_running_loop()
        for after_s in seconds:
            loop.call_later(after_s, signal.raise_signal, number)

    def orders(self):
        """Count the provider's orders by reference_id: what was really paid for."""
        return Counter(order.reference_id for order in self.books.orders)

    def state(self, reference_id) -> JobState:
        """Read a job's state from the ledger, as another process would."""
        return self.job(reference_id).state

    def job(self, reference_id):
        """Read a job from the ledger, as another process would."""
        with self.ledger() as ledger:
            return ledger.latest_jobs([reference_id])[reference_id]

    def states(self):
        """Count the ledger's jobs by state."""
        with self.ledger() as ledger:
            return dict(ledger.counts())

    def attempts(self, reference_id):
        """Read a job's attempts from the ledger."""
        with self.ledger() as ledger:
            return ledger.history(reference_id)["attempts"]

    def ledger(self):
        """Open the ledger for questions."""
        return open_for_reading(self.ledger_path)

    def findings(self):
        """Check the ledger's own invariants, and that it knows every order of the books."""
        with self.ledger() as ledger:
            known = set(ledger.request_ids())
            missing = [each for each in self.books.orders if each.request_id not in known]
            return [*check_ledger(ledger), *(f"{each.reference_id} unknown" for each in missing)]


async def _at_once(work):
    """Do what blocks where it stands: threads know nothing of a virtual clock."""
    return work()


def _server_now():
    """Give the server's time; a fixture makes a night before any loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return EPOCH
    return VirtualClock().now()


class Disk:
    """The ledger's disk, which may refuse: from one commit on, or from a moment on.

    `after_commits` counts the commits that still go well. With `lies` the one that is refused
    reaches the disk all the same, as when a process dies between the commit and its return.
    """

    def __init__(self, after_commits: int | None = None, *, lies: bool = False) -> None:
        self.left = after_commits
        self.lies = lies
        self.refuses = False

    def refuse(self) -> None:
        """Refuse every commit from now on."""
        self.refuses = True

    def watch(self, session) -> None:
        """Stand between this session's ledger and its disk."""
        ledger = session.ledger
        real = ledger.transaction

        @contextmanager
        def transaction():
            if self.refuses:
                raise LedgerWriteError(f"{ledger.path}: the disk is full")
            self._count()
            if self.refuses and self.lies:
                with real():
                    yield
                raise LedgerWriteError(f"{ledger.path}: the disk is full")
            with real():
                yield
                if self.refuses:
                    raise LedgerWriteError(f"{ledger.path}: the disk is full")

        ledger.transaction = transaction

    def _count(self) -> None:
        if self.left is not None:
            self.left -= 1
            self.refuses = self.left < 0
