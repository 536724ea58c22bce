"""The world of one seed: true time, the server and its books, the machine, and who lives there."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
import sqlite3
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from batchdub.errors import LedgerInUseError
from batchdub.redact import Secret
from batchdub.run import account, connecting, showing
from batchdub.run.session import open_session
from batchdub.sandbox.books import Books
from batchdub.sandbox.orders import Order
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED
from tests.simulate import disk
from tests.simulate.adversary import Adversary
from tests.simulate.faults import Fault
from tests.simulate.keys import BASE_URL, KEYS, OTHER_KEY
from tests.simulate.oracle import Oracle
from tests.simulate.process import Process, SimClock
from tests.simulate.scenario import dice, draw
from tests.simulate.season import Season, reference_of
from tests.simulate.wire import HostileTransport
from tests.support.virtual import EPOCH

_OUR_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "simulation.batchdub.invalid")


class World:
    """Everything that one seed is about; `trace` and `violations` are what is left of it."""

    def __init__(self, seed: int, folder) -> None:
        self.seed = seed
        self.plan = draw(seed)
        self.dice = dice("world", seed)
        self.hits: Counter[Fault] = Counter()
        self.moves: Counter[tuple[str, str]] = Counter()
        self.trace: list[str] = []
        self.said: list[str] = []
        self.violations: list[str] = []
        self.t_s = 0.0
        self.wall_skew_s = 0.0
        self.key = self.old_key = KEYS[0]
        self.process: Process | None = None
        self.deleted_at_s: float | None = None
        self._folder = str(folder)
        self.ledger_path = folder / "batchdub.db"
        self.clock = SimClock(self)
        self.season = Season(
            folder / "tonight.csv", self.plan.rows, self.plan.first_rows, self.plan.second_rows
        )
        rate = self.plan.rate if self.plan.server_limits else UNLIMITED
        settings = SandboxSettings(
            rate=rate, get_rate=UNLIMITED, list_limit_max=self.plan.page_limit, seed=seed
        )
        self.books, self.other_books = Books(), Books()
        self.provider = Provider(self.books, settings, self.server_now)
        self.other_provider = Provider(self.other_books, settings, self.server_now)
        self.ours: dict[str, str] = {}
        self.theirs: dict[str, str] = {}
        self.adversary = Adversary(self)
        self.oracle = Oracle(self)
        self._elsewhere = 0
        self._furnish()

    def _furnish(self) -> None:
        """Enter what the account had before this season."""
        for _ in range(self.plan.foreign):
            self.order_elsewhere(ago_s=self.dice.uniform(3600, 20 * 86400))
        for number in self.plan.older:
            self.hit(Fault.OLDER_ORDER)
            self.order_elsewhere(reference_of(number), ago_s=self.dice.uniform(86400, 20 * 86400))

    # -- time ---------------------------------------------------------------------------------

    def true_s(self) -> float:
        """Give the seconds since the season began."""
        return self.t_s + (self.process.elapsed_s if self.process else 0.0)

    def server_now(self):
        """Give the server's own time."""
        return EPOCH + timedelta(seconds=self.true_s())

    def set_wall(self, skew_s: float) -> None:
        """Set our wall clock wrong by so much."""
        self.wall_skew_s = skew_s
        self.tell(f"the wall clock is wrong by {skew_s:.0f} s")

    # -- what is written down -----------------------------------------------------------------

    def hit(self, fault: Fault) -> None:
        """Count that a fault has really happened."""
        self.hits[fault] += 1

    def tell(self, line: str) -> None:
        """Enter a line into the trace."""
        # The folder has another name each time, and a trace must not.
        self.trace.append(f"{self.true_s():12.3f} {line.replace(self._folder, '~')}")

    def note(self, passing, what: object) -> None:
        """Enter a call into the trace."""
        request = passing.request
        self.tell(
            f"{request.method} {passing.reference_id or request.url.path}"
            f"{_page_of(request)} -> {what}" + (f" [{passing.fault}]" if passing.fault else "")
        )

    def say(self, line: str) -> None:
        """Hear what the program says; a dead process says nothing."""
        if self.process is not None and not self.process.dead:
            self.said.append(line)
            self.tell(f"says: {line}")

    def violation(self, what: str) -> None:
        """Record that a promise was broken."""
        self.violations.append(what)
        self.tell(f"VIOLATION: {what}")

    def digest(self) -> str:
        """Hash the trace: the same seed must leave the same one."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    # -- the server ---------------------------------------------------------------------------

    def provider_of(self, request) -> Provider:
        """Give the account that a request's key belongs to."""
        other = OTHER_KEY.reveal() in request.headers.get("authorization", "")
        return self.other_provider if other else self.provider

    @contextmanager
    def seen_from(self, provider: Provider, order: str, back_s: float):
        """Look at the list as an odd replica shows it: in its own order, from some time ago."""
        settings, now = provider.settings, provider.now
        provider.settings = replace(settings, list_order=order)
        provider.now = lambda: now() - timedelta(seconds=back_s)
        try:
            yield
        finally:
            provider.settings, provider.now = settings, now

    def taken(self, provider: Provider, passing, orders) -> None:
        """Remember which orders came from us."""
        for order in orders:
            self.ours[order.request_id] = order.reference_id
            if provider is self.other_provider:
                self.violation(f"{order.reference_id} was ordered in another account")
            self.oracle.order_taken(passing, order)

    def order_elsewhere(self, reference_id: str = "", *, ago_s: float = 0.0) -> None:
        """Have somebody else order something."""
        self._elsewhere += 1
        moment = self.server_now() - timedelta(seconds=round(ago_s))
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        name = reference_id or f"OTHER{self._elsewhere:04d}"
        request_id = str(uuid.uuid5(_OUR_IDS, f"{self.seed} {self._elsewhere}"))
        self.books.append(Order(request_id, name, moment, moment, (), False))
        if not ago_s:
            self.theirs[request_id] = name

    # -- the machine --------------------------------------------------------------------------

    def overlap(self) -> None:
        """Start a second run while one is going on: it must be refused."""
        self.hit(Fault.OVERLAP)
        running, self.process = self.process, None
        t_s, self.t_s = self.t_s, self.t_s + running.elapsed_s
        try:
            with open_session(
                self.ledger_path, clock=self.clock, command="run", target=BASE_URL, version="0"
            ):
                self.violation("a second run was let in beside the first")
        except LedgerInUseError:
            self.tell("a second run was refused")
        finally:
            self.process, self.t_s = running, t_s

    def delete_running(self) -> None:
        """Delete the ledger under a running process."""
        if self.ledger_path.exists():
            self.hit(Fault.LEDGER_DELETED_RUNNING)
            self.deleted_at_s = self.true_s()
            self.oracle.forget_pace()
            disk.delete(self.ledger_path)
            self.tell("the ledger was deleted while the run went on")

    def connect(self, *arguments, **named):
        """Stand in for `sqlite3.connect`: a writer's connection dies with its process."""
        if named.get("uri") or self.process is None:
            return disk.connect_really(*arguments, **named)
        connection = disk.connect_really(*arguments, factory=disk.MortalConnection, **named)
        connection.process = self.process
        connection.synced_bytes = disk.wal_bytes(self.ledger_path)
        self.process.connections.append(connection)
        return connection

    def _run_loop(self, main):
        """Stand in for `asyncio.run`, in whichever process is alive."""
        return self.process.run_loop(main)

    @contextmanager
    def installed(self):
        """Put this world in the place of the real one: time, chance, network, disk."""
        doors = (
            (asyncio, "run", self._run_loop),
            (sqlite3, "connect", self.connect),
            (connecting, "build_transport", lambda **_: HostileTransport(self)),
            (connecting, "random", SimpleNamespace(Random=lambda: dice("jitter", self.seed))),
            (account, "_fingerprint", _quick_fingerprint),
            (account, "random", SimpleNamespace(SystemRandom=lambda: random.Random(0))),  # noqa: S311  a salt to be repeated
            # A shell's background job ignores Ctrl-C, and a seed must be the same there.
            (signal, "getsignal", lambda _: signal.SIG_DFL),
            # Progress is for people, and nobody watches.
            (showing, "_SHOW_EVERY_S", 300.0),
        )
        kept = [(place, name, getattr(place, name)) for place, name, _ in doors]
        for place, name, stand_in in doors:
            setattr(place, name, stand_in)
        try:
            yield
        finally:
            for place, name, real in kept:
                setattr(place, name, real)


def _quick_fingerprint(key: Secret, salt: str) -> str:
    """Stand in for the stretched hash, which takes longer than a whole night here."""
    return hashlib.sha256((key.reveal() + salt).encode()).hexdigest()[:32]


def _page_of(request) -> str:
    offset = request.url.params.get("offset")
    return f"+{offset}" if offset not in (None, "0") else ""
