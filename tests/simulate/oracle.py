"""What must be true: watched at every call, after every run, and over the whole season."""

from __future__ import annotations

from collections import Counter

from batchdub.exits import Exit
from batchdub.ledger import check_ledger, open_for_reading
from batchdub.models import JobKey
from batchdub.run.audit import Verdict
from batchdub.run.reconcile import NEARLY_REASON
from batchdub.sandbox.lifecycle import progress
from batchdub.states import ORDERED
from tests.simulate import disk, people, polling
from tests.simulate.faults import Fault
from tests.simulate.season import SIGNATURE
from tests.simulate.spending import Spending

_HOST = "api.example.com"
_STOPS = frozenset({401, 412})
_EPSILON_S = 1e-6
_LOSSES = (Fault.LEDGER_DELETED, Fault.LEDGER_DELETED_RUNNING, Fault.LEDGER_RESTORED)
_ORDERED = frozenset(map(str, ORDERED))
# What nothing but an audit can see, or polling: calls that were answered well, and yet wrongly.
_ONLY_BY_AUDIT = frozenset({Fault.PROXY_TWICE, Fault.ANOTHER_MACHINE, Fault.SWAPPED_ID})


class Oracle:
    """Holds what happened against what was promised; `world.violation` hears of it."""

    def __init__(self, world) -> None:
        self.world = world
        self.cancelled: set[str] = set()
        self.flagged_by_audit = 0
        self._posts: list[tuple[int, float]] = []
        self._epoch = 0
        self._sent_at: dict[int, float] = {}
        self._spending = Spending()
        self.process_begins()

    def process_begins(self) -> None:
        """A new process knows of no pause and no stop."""
        self._paused_until_s = float("-inf")
        self._refused_at_s = float("-inf")
        self._stopped_at_s: float | None = None
        self._spending.begin_run(self._day())
        self._commit_failed = False

    def forget_pace(self) -> None:
        """From here on no ledger and no clock can tell when the last order went out."""
        self._epoch += 1

    # -- at every call ------------------------------------------------------------------------

    def call_begins(self, passing) -> None:
        """Look at a call before it leaves."""
        request = passing.request
        if request.url.host != _HOST:
            self.world.violation(f"a call to {request.url.host}")
        if passing.orders:
            now_s = self.world.true_s()
            passing.began_s = now_s
            passing.day = self._day()
            self._require_intent(passing, now_s)
            self._require_patience(passing, now_s)
            self._posts.append((self._epoch, now_s))

    def _day(self):
        return self.world.clock.now().astimezone().date()

    def _require_intent(self, passing, now_s: float) -> None:
        world = self.world
        gone_s = world.deleted_at_s
        if gone_s is not None and now_s > gone_s + _EPSILON_S:
            world.violation(f"{passing.reference_id} was sent after the ledger was gone")
        connection = world.process.connections[-1]
        if connection.in_transaction:
            world.violation(f"{passing.reference_id} was sent before its intent was committed")
            return
        state = connection.execute(
            "SELECT state FROM jobs WHERE latest = 1"
            " AND reference_id || CASE revision WHEN 1 THEN '' ELSE '~r' || revision END = ?",
            (passing.reference_id,),
        ).fetchone()
        if state is None or state[0] != "sending":
            world.violation(f"{passing.reference_id} was sent without an intent ({state})")

    def _require_patience(self, passing, now_s: float) -> None:
        if self._refused_at_s + _EPSILON_S < now_s < self._paused_until_s - _EPSILON_S:
            self.world.violation(
                f"{passing.reference_id} was sent {self._paused_until_s - now_s:.2f} s"
                " before the pause after a 429 was over"
            )
        if self._stopped_at_s is not None and now_s > self._stopped_at_s + _EPSILON_S:
            self.world.violation(f"{passing.reference_id} was sent after the API had said stop")

    def call_ends(self, passing, answer) -> None:
        """Look at an answer as it reaches us."""
        if not passing.orders:
            return
        now_s = self.world.true_s()
        # A call that left before the last refusal says nothing about the time after it.
        if answer.status == 429 and passing.began_s > self._refused_at_s:
            asked_s = float(answer.headers.get("retry-after", "0"))
            least_s = 0.0 if self.world.plan.rate.auto else 1.0
            self._refused_at_s = now_s
            self._paused_until_s = now_s + max(asked_s, least_s)
        if answer.status in _STOPS and self._stopped_at_s is None:
            self._stopped_at_s = now_s

    def order_taken(self, passing, order) -> None:
        """Count what a run has really spent."""
        self._spending.take(passing, order)

    # -- after every process ------------------------------------------------------------------

    def ledger_noted(self) -> None:
        """Enter the ledger's rows into the trace, and search everything for planted secrets."""
        world = self.world
        for job in people.ask(
            world.ledger_path,
            "SELECT reference_id, revision, state, request_id, held IS NOT NULL, attempts FROM jobs"
            " ORDER BY reference_id, revision",
        ):
            world.tell("  " + " ".join(map(str, job)))
        moves = people.ask(world.ledger_path, "SELECT from_state, event FROM transitions")
        for move, number in Counter(moves).items():
            world.moves[move] = max(world.moves[move], number)
        self._search_secrets()

    def _search_secrets(self) -> None:
        world = self.world
        planted = [SIGNATURE, "planted-key"]
        kept = disk.bytes_of(world.ledger_path)
        said = "\n".join(world.said)
        for secret in planted:
            if secret.encode() in kept:
                world.violation(f"the ledger holds the planted secret {secret}")
            if secret in said or any(secret in line for line in world.trace[-60:]):
                world.violation(f"the planted secret {secret} was said")

    def judge_night(self, ending, night) -> None:
        """Hold one run's end against what it left behind."""
        world = self.world
        lost = any(world.hits[fault] for fault in _LOSSES)
        for broken in self._spending.beyond(night, lost=lost):
            world.violation(broken)
        if ending.killed:
            return
        states = dict(people.ask(
            world.ledger_path, "SELECT reference_id, state FROM jobs WHERE latest = 1"
        ))  # fmt: skip
        if "sending" in states.values() and ending.code is not Exit.LEDGER_UNUSABLE:
            world.violation("a run that ended by itself left a row `sending`")
        if ending.code is Exit.DONE and world.deleted_at_s is None:
            for reference_id in world.season.references:
                if states.get(reference_id) not in (*_ORDERED, "cancelled"):
                    world.violation(f"exit 0, but {reference_id} is {states.get(reference_id)}")
        self._judge_echoes()

    def _judge_echoes(self) -> None:
        """No job may have ended on the word of an answer under another reference_id."""
        query = "SELECT reference_id, request_id FROM jobs WHERE state IN ('completed', 'failed')"
        for reference_id, request_id in people.ask(self.world.ledger_path, query):
            if polling.nature(self.world.adversary, request_id) is Fault.FOREIGN_ECHO:
                self.world.violation(f"{reference_id} ended on an answer about another row")

    # -- over the season ----------------------------------------------------------------------

    def judge_season(self, campaign) -> None:
        """Hold the provider's books against the ledger."""
        world = self.world
        with open_for_reading(world.ledger_path) as ledger:
            for finding in check_ledger(ledger):
                world.violation(f"ledger check: {finding}")
            known = set(ledger.request_ids())
        rows = {
            row[0]: row[1:]
            for row in people.ask(
                world.ledger_path,
                "SELECT reference_id, revision, state, request_id, attempts, held FROM jobs"
                " WHERE latest = 1",
            )
        }
        audited = people.audit(campaign)
        held = {reference_id: row[-1] for reference_id, row in rows.items() if row[-1]}
        for reference_id in sorted({*world.season.references, *world.ours.values()}):
            self._judge_orders(reference_id, known, audited, held)
        for reference_id in world.season.references:
            self._judge_row(reference_id, rows.get(reference_id), audited)
        self._judge_pace()

    def _judge_orders(self, reference_id: str, known, audited, held) -> None:
        world = self.world
        orders = [
            order.request_id
            for order in world.books.by_reference(reference_id)
            if order.request_id in world.ours or order.request_id in world.theirs
        ]
        uncovered = world.adversary.uncovered.get(reference_id, [])
        if len(orders) > 1 + len(uncovered):
            world.violation(
                f"{reference_id} was ordered {len(orders)} times, and {uncovered or 'nothing'}"
                " explains it"
            )
        unknown = [request_id for request_id in orders if request_id not in known]
        if not unknown or self._lost_with_the_ledger(reference_id):
            return
        # An audit asks for the manifest's rows alone.
        told = audited.get(reference_id)
        if told is None and uncovered:
            return
        # Held for a person, with what the list shows as the reason: every run and report says so.
        # Of a row that is in no manifest any more one run says so, then status and the report.
        if reference_id in held and (told is not None or held[reference_id] == NEARLY_REASON):
            return
        verdicts = {Verdict.TWICE, Verdict.UNKNOWN}
        # A list that forgets shows neither, and the audit says that ours is missing there.
        verdicts |= {Verdict.MISSING} if world.plan.short_memory else set()
        flagged = told is not None and told.verdict in verdicts
        # A restored ledger may be older than a retry; only an audit, or the next one, can see that.
        restored = "~r" in reference_id and self.world.hits[Fault.LEDGER_RESTORED]
        if flagged and (restored or _ONLY_BY_AUDIT & set(uncovered)):
            self.flagged_by_audit += 1
            return
        world.violation(f"{reference_id}: the ledger does not know {unknown}")

    def _lost_with_the_ledger(self, reference_id: str) -> bool:
        """Whether nothing can know of a row: gone from the manifest, and its ledger lost."""
        row = reference_id.partition("~r")[0]
        return row not in self.world.season.references and any(
            self.world.hits[fault] for fault in _LOSSES
        )

    def _judge_row(self, reference_id: str, row, audited) -> None:
        world = self.world
        if row is None:
            world.violation(f"{reference_id} is not in the ledger")
            return
        revision, state, request_id, attempts, held = row
        sent_as = JobKey(reference_id, revision).sent_as
        if state in _ORDERED:
            self._judge_ordered(sent_as, request_id, audited.get(sent_as))
            self._judge_end(reference_id, state, request_id)
            return
        excused = {
            "rejected": sent_as in world.adversary.refused_rows,
            # After a loss a row is taken out that was ordered as a revision nothing leads to.
            "cancelled": reference_id in self.cancelled or self._has_later(reference_id, revision),
            # Other media under an id that was tried: told as a conflict, and left to people.
            "pending": (attempts or revision > 1) and reference_id in world.season.changed,
            "in_doubt": held and reference_id in world.season.changed,
        }
        if not excused.get(state):
            world.violation(f"{reference_id} is lost: {state} {held or ''}")

    def _has_later(self, reference_id: str, revision: int) -> bool:
        """Whether the books have a later revision of a row."""
        names = {order.reference_id for order in self.world.books.orders}
        return any(
            JobKey(reference_id, number).sent_as in names
            for number in range(revision + 1, revision + 20)
        )

    def _judge_ordered(self, reference_id: str, request_id, finding) -> None:
        world = self.world
        order = world.books.by_id(request_id)
        if Fault.SWAPPED_ID in world.adversary.uncovered.get(reference_id, ()):
            told = finding is not None and finding.verdict is not Verdict.ONCE
            if not told and (order is None or order.reference_id != reference_id):
                world.violation(f"{reference_id} has another row's order, and no audit tells")
            return
        if order is None or order.reference_id != reference_id:
            world.violation(f"{reference_id} has the request of {order and order.reference_id}")
            return
        foreign = request_id not in world.ours
        if foreign and Fault.ANOTHER_MACHINE not in world.adversary.uncovered.get(reference_id, ()):
            world.violation(f"{reference_id} has adopted an order that is not ours: {request_id}")
        alone = not world.plan.short_memory and len(world.books.by_reference(reference_id)) == 1
        if alone and (finding is None or finding.verdict is not Verdict.ONCE):
            world.violation(f"{reference_id} was ordered once, but the audit says {finding}")

    def _judge_end(self, reference_id: str, state: str, request_id) -> None:
        """Hold what the ledger says of a dub against what became of it."""
        world = self.world
        order = world.books.by_id(request_id)
        if order is None or not world.plan.waits:
            return
        came = progress(order, world.server_now()).status
        # A row in conflict is left to people, and nobody waits for its older order.
        excused = state == "submitted" and reference_id in world.season.changed
        if state != came and not excused:
            world.violation(f"{reference_id} is {state}, but its dub is {came}")

    def _judge_pace(self) -> None:
        rate = self.world.plan.rate
        if rate.unlimited or rate.auto:
            return
        for epoch in {epoch for epoch, _ in self._posts}:
            times = [at_s for other, at_s in self._posts if other == epoch]
            for first, last in zip(times, times[int(rate.calls) :], strict=False):
                if last - first < rate.window_s - _EPSILON_S:
                    self.world.violation(
                        f"{int(rate.calls) + 1} orders within {last - first:.3f} s at {rate}"
                    )
                    return
