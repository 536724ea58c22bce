"""Who decides what goes wrong with a call, and carries out what the server's side of it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from batchdub.sandbox.calls import Answer, error_answer, make_call
from batchdub.sandbox.faults import Fate, Kind
from tests.simulate.faults import Fault
from tests.simulate.lists import distort
from tests.simulate.scenario import dice

_DEADLINE_S = 70.0
_ENDINGS = {
    Fault.DROP_BEFORE: Kind.DROP_BEFORE,
    Fault.DROP_AFTER: Kind.DROP_AFTER,
    Fault.ERROR_BEFORE: Kind.ERROR_BEFORE,
    Fault.ERROR_AFTER: Kind.ERROR_AFTER,
    Fault.GATEWAY_BEFORE: Kind.GATEWAY_BEFORE,
    Fault.GATEWAY_AFTER: Kind.GATEWAY_AFTER,
    Fault.JUNK_AFTER: Kind.JUNK_AFTER,
    Fault.HANG_BEFORE: Kind.DROP_BEFORE,
    Fault.HANG_AFTER: Kind.DROP_AFTER,
    Fault.LATE: Kind.LATE,
    Fault.LATE_TOO: Kind.LATE,
}
_TRUNCATED = frozenset({Fault.CUT_BODY})
_WINDOW_ANSWERS = {
    Fault.STORM: (429, "rate limit exceeded"),
    Fault.NO_TOKENS: (412, "token limit reached"),
    Fault.FLAPPING_TOKENS: (412, "token limit reached"),
    Fault.KEY_REVOKED: (401, "invalid token"),
}
_LIST_ANSWERS = {
    Fault.LIST_ERROR: (500, "internal error"),
    Fault.LIST_TOO_MANY: (429, "rate limit exceeded"),
}
_HTML = b"<!doctype html><html><body><h1>We will be back soon</h1></body></html>"


@dataclass(slots=True, eq=False)
class Passing:
    """A call between us and the server; `fault` is what befalls it."""

    request: Any
    body: bytes
    reference_id: str | None
    fault: Fault | None = None
    delivered: bool = False
    cut_body: bool = False
    began_s: float = 0.0
    day: date | None = None
    """The day on which it was sent, by our own wall clock."""

    @property
    def orders(self) -> bool:
        """Whether it could order something."""
        return self.request.method == "POST"


class Adversary:
    """Rules over the calls of one world, by its scenario while the season lasts, then not at all.

    `quiet` ends all faults but those that are the server's nature (page size, order, formats).
    """

    def __init__(self, world) -> None:
        self.world = world
        self.plan = world.plan
        self.quiet = False
        self.dice = dice("adversary", world.seed)
        self.windows = ()
        self.tried: dict[str, int] = {}
        self.refused_rows: set[str] = set()
        self.forgotten: set[str] = set()
        self.uncovered: dict[str, list[Fault]] = {}
        self._night_s = 0.0
        self._frozen_date = None

    def begin_night(self, windows) -> None:
        """Take up the windows of a new night; the last ones are over."""
        self.windows = windows
        self._night_s = self.world.true_s()
        self._frozen_date = None

    # -- ruling -------------------------------------------------------------------------------

    def rule(self, passing: Passing) -> None:
        """Decide what befalls a call that is being made."""
        if self.quiet:
            return
        lasting = self._lasting(passing)
        if lasting is not None:
            passing.fault = lasting
        elif passing.orders:
            passing.fault = self._draw(self.plan.order_faults)
            passing.fault = self._fitting(passing, passing.fault)
        else:
            passing.fault = self._draw(self.plan.list_faults)

    def _draw(self, odds) -> Fault | None:
        for fault, chance in odds.items():
            if self.dice.random() < chance:
                return fault
        return None

    def _fitting(self, passing: Passing, fault: Fault | None) -> Fault | None:
        tried = self.tried.get(passing.reference_id, 0)
        if fault is Fault.REFUSED_AFTER_DOUBT and not tried:
            return Fault.DROP_BEFORE if self.dice.random() < 0.5 else Fault.LATE
        if fault is Fault.SWAPPED_ID and not self._another_row(passing.reference_id):
            return None
        return fault

    def _another_row(self, reference_id) -> str:
        """Give the request_id of the latest order of ours that is another row's, if any."""
        ours = self.world.ours
        for request_id in reversed(ours):
            if ours[request_id] != reference_id:
                return request_id
        return ""

    def _lasting(self, passing: Passing) -> Fault | None:
        since_s = self.world.true_s() - self._night_s
        for window in self.windows:
            if not window.from_s <= since_s < window.until_s:
                continue
            if (window.fault is Fault.LIST_OUTAGE) is passing.orders:
                continue
            if window.fault is Fault.FLAPPING_TOKENS and self.dice.random() < 0.5:
                continue
            return window.fault
        return None

    def latency_s(self) -> float:
        """Give the time one way."""
        return self.dice.uniform(0.01, 0.2)

    # -- the server's side --------------------------------------------------------------------

    def deliver(self, passing: Passing) -> Answer:
        """Have the server do what it does with a call that has reached it."""
        passing.delivered = True
        if passing.fault is not None:
            self.world.hit(passing.fault)
        if passing.orders:
            answer = self._take_order(passing)
            self.tried[passing.reference_id] = self.tried.get(passing.reference_id, 0) + 1
            return answer
        return self._show(passing)

    def _take_order(self, passing: Passing) -> Answer:
        fault = passing.fault
        if not self.quiet and self.dice.random() < self.plan.another_machine:
            victim = self.dice.choice(self.world.season.references)
            self.note_uncovered(victim, Fault.ANOTHER_MACHINE)
            self.world.hit(Fault.ANOTHER_MACHINE)
            self.world.order_elsewhere(victim)
        if fault in _WINDOW_ANSWERS:
            return self._error(*_WINDOW_ANSWERS[fault])
        if fault is Fault.TOO_MANY:
            return self._error(429, "rate limit exceeded")
        if fault in (Fault.REFUSED_ROW, Fault.REFUSED_AFTER_DOUBT):
            self.refused_rows.add(passing.reference_id)
            return error_answer(self.dice.choice((400, 422)), "video URL is not supported")
        if fault is Fault.REDIRECT:
            return Answer(307, {"location": "https://elsewhere.example.net/api/generate"})
        if fault is Fault.ODD_STATUS and self.dice.random() < 0.5:
            return error_answer(self.dice.choice((408, 409, 425)), "try again")
        return self._fulfil(passing)

    def _fulfil(self, passing: Passing) -> Answer:
        fault = passing.fault
        swapped = self._another_row(passing.reference_id)
        answer = self.accept(passing, self._fate(passing))
        if fault is Fault.PROXY_TWICE:
            self.note_uncovered(passing.reference_id, fault)
            self.accept(passing, Fate())
        if answer.status != 200:
            return answer
        if fault is Fault.TOO_MANY_AFTER:
            return self._error(429, "rate limit exceeded")
        if fault is Fault.ODD_STATUS:
            return error_answer(self.dice.choice((408, 409, 425)), "try again")
        if fault is Fault.SLOW:
            return replace(answer, delay_s=self.dice.uniform(1, 50))
        if fault is Fault.SWAPPED_ID:
            if self.uncovered.get(self.world.ours[swapped]):
                # It may be a second order that no row has, so only a look at it can tell.
                self.note_uncovered(passing.reference_id, fault)
            given = json.dumps({"status": "success", "request_id": swapped}).encode()
            return replace(answer, body=given)
        passing.cut_body = fault in _TRUNCATED
        return answer

    def _fate(self, passing: Passing) -> Fate:
        fault = passing.fault
        late_s = 0.0
        if fault is Fault.LATE:
            late_s = self.plan.late_s * self.dice.uniform(0.5, 1)
        elif fault is Fault.LATE_TOO:
            late_s = self.plan.settle_s * self.dice.uniform(1.5, 8) + self.dice.uniform(0, 200)
            self.note_uncovered(passing.reference_id, fault)
        lag_s = 0.0 if self.quiet else self.plan.lag_s * self.dice.choice((0.0, 0.5, 1.0))
        if fault is Fault.TOO_MANY_AFTER:
            # One look stands between a 429 and the next try: it must show what there is.
            lag_s = 0.0
        if lag_s:
            self.world.hit(Fault.LIST_LAG)
        fails = not self.quiet and self.dice.random() < 0.1
        if fails:
            self.world.hit(Fault.DUB_FAILS)
        return Fate(
            _ENDINGS.get(fault),
            late_s=late_s,
            list_lag_s=lag_s,
            fails=fails,
            coin=self.dice.random() < 0.5,
        )

    def accept(self, passing: Passing, fate: Fate) -> Answer:
        """Hand an order to the provider; what it takes is ours."""
        provider = self.world.provider_of(passing.request)
        before = len(provider.books.orders)
        answer = provider.handle(_call_of(passing), fate=fate)
        self.world.taken(provider, passing, provider.books.orders[before:])
        return replace(answer, delay_s=_DEADLINE_S) if _hangs(passing, answer) else answer

    def note_uncovered(self, reference_id, fault: Fault) -> None:
        """Remember that this row met what no promise covers: now it may be paid twice."""
        self.uncovered.setdefault(reference_id, []).append(fault)

    def lost_on_the_way(self, passing: Passing) -> None:
        """Decide about an order that nobody waits for any more: it may arrive all the same."""
        if passing.orders and not passing.delivered and self.dice.random() < 0.5:
            passing.delivered = True
            passing.fault = None
            self.world.hit(Fault.KILLED_ON_THE_WIRE)
            late_s = self.plan.late_s * self.dice.random()
            self.accept(passing, Fate(Kind.LATE, late_s=late_s))

    def process_died(self, process) -> None:
        """Decide about all that was under way when a process died."""
        for passing in list(process.in_flight):
            self.lost_on_the_way(passing)

    def _error(self, status: int, text: str) -> Answer:
        if status == 429 and self.dice.random() < 0.3:
            return error_answer(status, text, retry_after=str(self.dice.randint(1, 20)))
        return error_answer(status, text)

    # -- look-ups -----------------------------------------------------------------------------

    def _show(self, passing: Passing) -> Answer:
        fault = passing.fault
        if fault is Fault.LIST_OUTAGE:
            fault = self.dice.choice((Fault.LIST_ERROR, Fault.LIST_TOO_MANY, Fault.LIST_HANG))
            passing.fault = fault
        if fault is Fault.KEY_REVOKED:
            return self._error(401, "invalid token")
        if fault in _LIST_ANSWERS:
            return self._error(*_LIST_ANSWERS[fault])
        if fault is Fault.LIST_JUNK:
            return Answer(200, {"content-type": "text/html"}, _HTML)
        if fault is Fault.LIST_DROP:
            return Answer(0, {}, drop=True)
        if fault is Fault.LIST_HANG:
            return Answer(0, {}, drop=True, delay_s=_DEADLINE_S)
        return distort(self, passing, _call_of(passing))

    # -- the clock that the server shows ------------------------------------------------------

    def date(self):
        """Give the Date of an answer; None for none."""
        now = self.world.provider.now()
        if self.quiet:
            return now
        if self.dice.random() < self.plan.no_date:
            self.world.hit(Fault.NO_DATE)
            return None
        if self.plan.cached_date and self.dice.random() < 0.9:
            self._frozen_date = self._frozen_date or now
            self.world.hit(Fault.CACHED_DATE)
            return self._frozen_date
        skew_s = self.dice.choice(self.plan.node_skews_s)
        if skew_s:
            self.world.hit(Fault.SKEWED_NODES)
        return now + timedelta(seconds=skew_s)


def _call_of(passing: Passing):
    request = passing.request
    target = request.url.raw_path.decode("ascii")
    return make_call(request.method, target, request.headers, passing.body)


def _hangs(passing: Passing, answer: Answer) -> bool:
    return passing.fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER) and answer.drop
