"""The stand-in API itself: calls in, answers out, books in between.

Everything is synchronous and follows from the calls, the settings and the time, so that a
simulation can drive thousands of nights without a socket. A server only carries the answers.
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from batchdub.sandbox.bodies import read_form_order, read_json_order, read_list_query, refuse_key
from batchdub.sandbox.calls import (
    DROP,
    Answer,
    error_answer,
    gateway_answer,
    json_answer,
    junk_answer,
)
from batchdub.sandbox.faults import Kind, draw_fate, hit
from batchdub.sandbox.lifecycle import progress
from batchdub.sandbox.limits import Window, admit, limit_of, replay
from batchdub.sandbox.listing import find_one, find_page, request_row, taken
from batchdub.sandbox.orders import Order
from batchdub.sandbox.outputs import LINK_REFUSED, link_is_good, output_answer, output_link, spoilt

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdub.sandbox.bodies import NewOrder
    from batchdub.sandbox.books import Books
    from batchdub.sandbox.calls import Call
    from batchdub.sandbox.faults import Fate
    from batchdub.sandbox.settings import SandboxSettings

_GENERATE = ("v1", "lipsync", "generate")
_WITH_MEDIA = ("v1", "lipsync", "generate-with-media")
_OUR_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "sandbox.batchdub.invalid")
_INTERNAL = error_answer(500, "internal error")


class Provider:
    """The state of one stand-in API: its books, its rate windows, and who has called how often.

    `now` gives the API's own time, in UTC. After a restart on the same books the orders, the
    tokens used and the rate window of the POSTs are as before. Not for several threads at once.
    """

    def __init__(
        self, books: Books, settings: SandboxSettings, now: Callable[[], datetime]
    ) -> None:
        self.books = books
        self.settings = settings
        self.now = now
        self._accepted_of = Counter(order.subject for order in books.orders)
        self._seen_of = Counter(self._accepted_of)
        self._looks_at: Counter[str] = Counter()
        self._fetches_of: Counter[str] = Counter()
        self._posts = limit_of(settings.rate, settings.window)
        self._gets = limit_of(settings.get_rate, settings.window)
        times_s = sorted(order.created_at.timestamp() for order in taken(books.orders, now()))
        self._post_window = replay(self._posts, times_s)
        self._get_window = Window()
        self._throttled_until = now()

    def orders(self, reference_id: str) -> int:
        """Count the orders taken by now under exactly this reference_id: the oracle of tests."""
        return len(taken(self.books.by_reference(reference_id), self.now()))

    def handle(self, call: Call, *, fate: Fate | None = None) -> Answer:
        """Answer one call. An order that is taken is in the books before this returns.

        `fate` overrules what the settings' faults would do to an order.
        """
        allowed = _allowed_method(call.segments)
        if not allowed:
            return error_answer(404, "not found")
        if call.verb != allowed:
            return error_answer(405, "method not allowed", allow=allowed)
        match call.segments[1:]:
            case ("health",):
                return json_answer({"status": "ok"})
            case ("outputs", name):
                return self._output(call, name.removesuffix(".mp4"))
        return self._behind_the_key(call, fate)

    def _behind_the_key(self, call: Call, fate: Fate | None) -> Answer:
        refusal = refuse_key(call.headers, self.settings.key)
        if refusal is not None:
            return error_answer(401, refusal)
        match call.segments[1:]:
            case ("v1", "users", "me"):
                return json_answer({"name": self.settings.account_name})
            case ("v1", "lipsync", "requests", *wanted):
                return self._look_up(call, *wanted)
        return self._order(call, fate)

    def _order(self, call: Call, fate: Fate | None) -> Answer:
        now = self.now()
        if now < self._throttled_until:
            return self._turn_away((self._throttled_until - now).total_seconds())
        window_before = self._post_window
        self._post_window, wait_s = admit(self._posts, self._post_window, now.timestamp())
        if wait_s:
            return self._turn_away(wait_s)
        read = read_json_order if call.segments[1:] == _GENERATE else read_form_order
        new = read(call)
        if isinstance(new, str):
            return error_answer(400, new)
        if self.settings.tokens is not None and len(self.books.orders) >= self.settings.tokens:
            return error_answer(412, "token limit reached")
        fate = fate or self._draw_fate(new)
        self._seen_of[new.subject] += 1
        if fate.ending is Kind.THROTTLE:
            self._post_window = window_before  # what is turned away is not counted
            self._throttled_until = now + timedelta(seconds=fate.throttle_s)
            return self._turn_away(fate.throttle_s)
        return self._fulfil(new, fate, now)

    def _draw_fate(self, new: NewOrder) -> Fate:
        faults, seed = self.settings.faults, self.settings.seed
        return draw_fate(faults, seed, new.subject, self._seen_of[new.subject])

    def _fulfil(self, new: NewOrder, fate: Fate, now: datetime) -> Answer:
        request_id = self._next_id(new)
        if fate.taken:
            try:
                self.books.append(_make_order(new, fate, request_id, now))
            except OSError:
                # The disk under the books is full: the order is not in them, and not taken.
                return _INTERNAL
            self._accepted_of[new.subject] += 1
        return replace(_ending(fate, request_id), delay_s=fate.slow_s)

    def _next_id(self, new: NewOrder) -> str:
        """Make an id that the order of arrival does not change."""
        count = self._accepted_of[new.subject]
        return str(uuid.uuid5(_OUR_IDS, f"{self.settings.seed} {count} {new.subject}"))

    def _look_up(self, call: Call, wanted: str | None = None) -> Answer:
        now = self.now()
        if wait_s := self._admit_get(now):
            return self._turn_away(wait_s)
        if wanted is None:
            return self._list(call, now)
        order = find_one(self.books, wanted, now)
        if order is None:
            return error_answer(404, "lipsync request not found")
        return json_answer(request_row(order, self._link(order, call, now), now))

    def _admit_get(self, now: datetime) -> float:
        if self.settings.one_limit:
            self._post_window, wait_s = admit(self._posts, self._post_window, now.timestamp())
        else:
            self._get_window, wait_s = admit(self._gets, self._get_window, now.timestamp())
        return wait_s

    def _list(self, call: Call, now: datetime) -> Answer:
        query = read_list_query(call.query, self.settings.list_limit_max)
        if isinstance(query, str):
            return error_answer(400, query)
        subject = query.reference_id or f"page {query.limit} {query.offset}"
        self._looks_at[subject] += 1
        faults, seed = self.settings.faults, self.settings.seed
        if hit(faults, Kind.LIST_ERROR, seed, subject, self._looks_at[subject]):
            return _INTERNAL
        orders, total = find_page(self.books, query, self.settings.list_order, now)
        rows = [request_row(order, self._link(order, call, now), now) for order in orders]
        pagination = {"limit": query.limit, "offset": query.offset, "total": total}
        return json_answer({"data": rows, "pagination": pagination})

    def _link(self, order: Order, call: Call, now: datetime) -> str:
        # What is fetched next decides, so that the number of looks moves no fault.
        faults, seed = self.settings.faults, self.settings.seed
        fetch_no = self._fetches_of[order.subject] + 1
        lapse = hit(faults, Kind.OUTPUT_LAPSE, seed, order.subject, fetch_no)
        good_s = self.settings.link_ttl_s if lapse is None else lapse.duration_s
        expires_at = now + timedelta(seconds=good_s)
        host = call.headers.get("host", "127.0.0.1")
        return output_link(host, order.request_id, expires_at, self.settings.seed)

    def _output(self, call: Call, request_id: str) -> Answer:
        now = self.now()
        order = self.books.by_id(request_id)
        if order is None or progress(order, now).status != "completed":
            return error_answer(404, "not found")
        if not link_is_good(call.query, request_id, now, self.settings.seed):
            return LINK_REFUSED
        self._fetches_of[order.subject] += 1
        faults, seed, count = self.settings.faults, self.settings.seed, self._fetches_of
        kinds = (Kind.OUTPUT_EXPIRED, Kind.OUTPUT_PAGE, Kind.OUTPUT_DROP, Kind.OUTPUT_SLOW)
        hits = [hit(faults, kind, seed, order.subject, count[order.subject]) for kind in kinds]
        return spoilt(output_answer(request_id, call.headers), [each for each in hits if each])

    def _turn_away(self, wait_s: float) -> Answer:
        if self.settings.retry_after:
            return error_answer(429, "rate limit exceeded", retry_after=str(math.ceil(wait_s)))
        return error_answer(429, "rate limit exceeded")


def _allowed_method(segments: tuple[str, ...]) -> str:
    """Give the one method of a path, or nothing where there is no such path."""
    match segments:
        case ("api", *rest) if tuple(rest) in (_GENERATE, _WITH_MEDIA):
            return "POST"
        case (
            ("api", "health")
            | ("api", "outputs", _)
            | ("api", "v1", "users", "me")
            | ("api", "v1", "lipsync", "requests")
            | ("api", "v1", "lipsync", "requests", _)
        ):
            return "GET"
    return ""


def _make_order(new: NewOrder, fate: Fate, request_id: str, now: datetime) -> Order:
    # Whole milliseconds, as the books keep them: a restart changes no time.
    received_at = now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000)
    created_at = received_at + _milliseconds(fate.late_s)
    return Order(
        request_id=request_id,
        reference_id=new.reference_id,
        created_at=created_at,
        listed_at=created_at + _milliseconds(fate.list_lag_s),
        inputs=new.inputs,
        disable_active_speaker_detection=new.disable_active_speaker_detection,
        fails=fate.fails,
    )


def _milliseconds(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))


def _ending(fate: Fate, request_id: str) -> Answer:
    accepted = json_answer({"status": "success", "request_id": request_id})
    match fate.ending:
        case None:
            return accepted
        case Kind.ERROR_BEFORE | Kind.ERROR_AFTER:
            return _INTERNAL
        case Kind.GATEWAY_BEFORE | Kind.GATEWAY_AFTER:
            status, reason = (502, "Bad Gateway") if fate.coin else (504, "Gateway Timeout")
            return gateway_answer(status, reason)
        case Kind.JUNK_AFTER:
            return junk_answer(accepted, html=fate.coin)
    return DROP
