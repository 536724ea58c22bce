"""The stand-in API, without sockets: orders, look-ups, limits, and each fault."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from batchdub.errors import UnusableInputError
from batchdub.sandbox.books import Books, FileBooks
from batchdub.sandbox.faults import Fate, Kind
from batchdub.sandbox.limits import WindowKind
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import DOCUMENTED_RATE, UNLIMITED, Rate
from tests.sandbox.driving import GENERATE, REQUESTS, START, Driver, error_of, json_of

INTERNAL = (500, "internal error")


def test_an_order_is_acknowledged_with_the_id_that_the_books_have():
    """The answer and the books are one."""
    driver = Driver()
    answer = json_of(driver.order("S01E01-ja"))
    assert answer == {"status": "success", "request_id": driver.books.orders[0].request_id}
    assert driver.provider.orders("S01E01-ja") == 1
    assert driver.provider.orders("S01E01") == 0


def test_the_same_reference_id_orders_again():
    """It is no idempotency key: that is why this program exists."""
    driver = Driver()
    ids = {json_of(driver.order("ref"))["request_id"] for _ in range(3)}
    assert len(ids) == 3
    assert driver.total("ref") == 3


def test_a_request_shows_what_it_has_and_nothing_else():
    """As the reference shows it: no output before the end, no inputs at all."""
    driver = Driver()
    request_id = json_of(driver.order("ref"))["request_id"]
    queued = json_of(driver.get(f"{REQUESTS}/{request_id}"))
    assert queued == {
        "id": request_id,
        "created_at": "2026-03-01T22:00:00.000Z",
        "status": "queued",
        "reference_id": "ref",
    }
    driver.wait(10)
    done = json_of(driver.get(f"{REQUESTS}/{request_id}"))
    assert done.keys() == queued.keys() | {"started_at", "finished_at", "output_url"}
    assert done["status"] == "completed"


def test_an_order_without_a_reference_id_has_none():
    """The field is left out, not empty."""
    driver = Driver()
    request_id = json_of(driver.order(None))["request_id"]
    assert "reference_id" not in json_of(driver.get(f"{REQUESTS}/{request_id}"))


def test_a_look_up_by_reference_id_finds_the_newest():
    """With several under one id, the last one."""
    driver = Driver()
    driver.order("a b/ü")
    driver.wait(1)
    newest = json_of(driver.order("a b/ü"))["request_id"]
    assert json_of(driver.get(f"{REQUESTS}/a%20b%2F%C3%BC"))["id"] == newest


def test_an_unknown_request_is_not_found():
    """In the API's words."""
    answer = Driver().get(f"{REQUESTS}/no-such")
    assert error_of(answer) == (404, "lipsync request not found")


def test_the_list_filters_exactly_and_counts_what_matches():
    """No prefix, no other case: the total is the proof that a row was ordered once."""
    driver = Driver()
    for reference_id in ("ref", "ref-2", "REF", "ref"):
        driver.order(reference_id)
    assert driver.total("ref") == 2
    assert driver.total("re") == 0
    assert len(driver.list_ids()) == 4
    assert len(driver.list_ids("reference_id=")) == 4


def test_pages_cover_the_list_without_overlap():
    """`limit`, `offset` and `total` as the answer reads them back."""
    driver = Driver(list_limit_max=3)
    for number in range(7):
        driver.order(f"ref-{number}")
    pages = [driver.list_ids(f"limit=3&offset={offset}") for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert len({one for page in pages for one in page}) == 7
    clamped = json_of(driver.get(f"{REQUESTS}?limit=50"))
    assert clamped["pagination"] == {"limit": 3, "offset": 0, "total": 7}


def test_a_page_holds_twenty_unless_asked():
    """The documented default."""
    driver = Driver()
    for number in range(25):
        driver.order(f"ref-{number}")
    assert len(driver.list_ids()) == 20


def test_the_list_is_sorted_as_set():
    """The real order is not documented, so clients are tried with each."""
    found = {}
    for by in ("desc", "asc", "hash"):
        driver = Driver(list_order=by)
        entered = [json_of(driver.order(f"ref-{n}"))["request_id"] for n in range(9)]
        found[by] = driver.list_ids()
    assert found["asc"] == entered
    assert found["desc"] == entered[::-1]
    assert found["hash"] not in (entered, entered[::-1])
    assert set(found["hash"]) == set(entered)


def test_health_needs_no_key_and_users_me_names_the_account():
    """The two free checks."""
    driver = Driver(account_name="rehearsal")
    assert json_of(driver.call("GET", "/api/health", headers={})) == {"status": "ok"}
    assert json_of(driver.get("/api/v1/users/me")) == {"name": "rehearsal"}


@pytest.mark.parametrize("path", ["/", "/api", "/health", "/api/v2/x", f"{GENERATE}/", "/api/v1"])
def test_an_unknown_path_is_not_found(path):
    """Also without `/api` in front: a wrong base URL must show."""
    assert error_of(Driver().get(path)) == (404, "not found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", GENERATE, "POST"), ("POST", REQUESTS, "GET"), ("DELETE", f"{REQUESTS}/x", "GET")],
)
def test_another_method_is_not_allowed(method, path, allowed):
    """There is nothing to cancel or delete."""
    answer = Driver().call(method, path)
    assert error_of(answer) == (405, "method not allowed")
    assert answer.headers["allow"] == allowed


def test_a_head_is_a_get():
    """As HTTP has it."""
    assert Driver().call("HEAD", "/api/health").status == 200


def test_sixty_orders_a_minute_and_no_more():
    """The documented limit is the default; what is turned away is not ordered."""
    driver = Driver(rate=DOCUMENTED_RATE)
    answers = [driver.order(f"ref-{number}") for number in range(61)]
    assert [answer.status for answer in answers] == [200] * 60 + [429]
    assert error_of(answers[-1]) == (429, "rate limit exceeded")
    assert "retry-after" not in answers[-1].headers
    assert driver.provider.orders("ref-60") == 0
    driver.wait(60)
    assert driver.order("ref-60").status == 200


def test_the_limit_of_look_ups_is_its_own():
    """Generous, but it can be set; and with `retry_after` the wait is told in whole seconds."""
    driver = Driver(get_rate=Rate(2, 60.0), retry_after=True, window=WindowKind.SLIDING)
    assert [driver.get(path).status for path in (REQUESTS, f"{REQUESTS}/x", REQUESTS)] == [
        200,
        404,
        429,
    ]
    driver.wait(0.5)
    assert driver.get().headers["retry-after"] == "60"
    assert driver.order().status == 200
    assert driver.get("/api/health").status == 200


def test_each_order_takes_a_token_until_they_are_spent():
    """Then 412, whatever comes; a body that is refused takes none."""
    driver = Driver(tokens=2)
    driver.post(b"{")
    assert [driver.order(f"ref-{n}").status for n in range(3)] == [200, 200, 412]
    assert error_of(driver.order("ref-3")) == (412, "token limit reached")
    assert len(driver.books.orders) == 2


def test_a_restart_keeps_orders_tokens_and_the_rate_window(tmp_path):
    """A crash loop must not be a way around the limits."""
    settings = {"rate": Rate(3, 60.0), "tokens": 4}
    for life in range(4):
        books = FileBooks(tmp_path / "books.jsonl")
        driver = Driver(books=books, start=START + timedelta(seconds=life), **settings)
        statuses = [driver.order(f"ref-{life}-{n}").status for n in range(2)]
        assert statuses == [[200, 200], [200, 429], [429, 429], [429, 429]][life]
        books.close()
    books = FileBooks(tmp_path / "books.jsonl")
    driver = Driver(books=books, start=START + timedelta(minutes=5), **settings)
    assert [driver.order(f"ref-4-{n}").status for n in range(2)] == [200, 412]
    assert driver.provider.orders("ref-0-0") == 1
    books.close()


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("drop-before", 0),
        ("drop-after", 1),
        ("error-before", 0),
        ("error-after", 1),
        ("gateway-before", 0),
        ("gateway-after", 1),
        ("junk-after", 1),
    ],
)
def test_before_leaves_no_order_and_after_leaves_one(kind, taken):
    """What the caller cannot know, the books know. No ending gives a usable id."""
    driver = Driver(f"{kind}=1")
    answer = driver.order("ref")
    assert driver.provider.orders("ref") == driver.total("ref") == taken
    assert answer.drop == kind.startswith("drop")
    if kind.startswith("error"):
        assert error_of(answer) == INTERNAL


def test_gateway_faults_are_pages_of_html():
    """Some 502, some 504; never the API's JSON."""
    driver = Driver("gateway-after=1")
    answers = [driver.order(f"ref-{number}") for number in range(20)]
    assert {answer.status for answer in answers} == {502, 504}
    assert all(answer.headers["content-type"].startswith("text/html") for answer in answers)
    assert all(str(answer.status).encode() in answer.body for answer in answers)


def test_junk_is_a_200_that_is_no_answer():
    """Some a page of HTML, some JSON cut short."""
    driver = Driver("junk-after=1")
    answers = [driver.order(f"ref-{number}") for number in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["content-type"][:9] for answer in answers} == {"text/html", "applicati"}
    for answer in answers:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(answer.body)


def test_a_late_order_is_there_only_from_its_time_on():
    """Dropped now, ordered in two seconds: no look before that can find it."""
    driver = Driver("late=1:2s")
    assert driver.order("ref").drop
    request_id = driver.books.orders[0].request_id
    for waited, there in ((0.0, 0), (1.9, 0), (0.1, 1)):
        driver.wait(waited)
        assert driver.provider.orders("ref") == driver.total("ref") == there
        status = driver.get(f"{REQUESTS}/{request_id}").status
        assert status == (200 if there else 404)
    assert json_of(driver.get(f"{REQUESTS}/ref"))["created_at"] == "2026-03-01T22:00:02.000Z"


def test_a_late_order_outlives_a_restart(tmp_path):
    """The real API would not forget it because our process was killed."""
    books = FileBooks(tmp_path / "books.jsonl")
    Driver("late=1:2s", books=books).order("ref")
    books.close()
    books = FileBooks(tmp_path / "books.jsonl")
    reborn = Driver(books=books)
    assert reborn.total("ref") == 0
    reborn.wait(2)
    assert reborn.total("ref") == 1
    books.close()


def test_a_slow_answer_belongs_to_an_order_that_is_taken():
    """The caller may have gone by then; the order stays."""
    driver = Driver("slow=1:30s")
    answer = driver.order("ref")
    assert (answer.status, answer.delay_s) == (200, 30.0)
    assert driver.provider.orders("ref") == 1


def test_a_lagging_list_shows_an_order_later_but_its_id_at_once():
    """An index that lags: the list and the reference_id, not the request_id."""
    driver = Driver("list-lag=1:3s")
    request_id = json_of(driver.order("ref"))["request_id"]
    assert driver.total("ref") == 0
    assert driver.get(f"{REQUESTS}/ref").status == 404
    assert driver.get(f"{REQUESTS}/{request_id}").status == 200
    driver.wait(3)
    assert driver.total("ref") == 1
    assert driver.get(f"{REQUESTS}/ref").status == 200


def test_a_list_error_hits_the_list_alone():
    """And not for ever: each look draws anew."""
    driver = Driver("list-error=0.5")
    driver.order("ref")
    statuses = [driver.get(f"{REQUESTS}?reference_id=ref").status for _ in range(30)]
    assert set(statuses) == {200, 500}
    assert {driver.get(f"{REQUESTS}/ref").status for _ in range(30)} == {200}
    failing = Driver("list-error=1")
    assert error_of(failing.get()) == INTERNAL


def test_a_failing_order_is_taken_and_ends_failed():
    """As unreachable media do: told late, and perhaps paid."""
    driver = Driver("fail=1")
    request_id = json_of(driver.order("ref"))["request_id"]
    driver.wait(10)
    found = json_of(driver.get(f"{REQUESTS}/{request_id}"))
    assert (found["status"], found["error_message"]) == ("failed", "video URL is not accessible")
    assert "output_url" not in found


def test_an_order_that_failed_stays_failed_whatever_the_next_settings(tmp_path):
    """A terminal status never changes."""
    books = FileBooks(tmp_path / "books.jsonl")
    Driver("fail=1", books=books).order("ref")
    books.close()
    books = FileBooks(tmp_path / "books.jsonl")
    reborn = Driver(books=books)
    reborn.wait(10)
    assert json_of(reborn.get(f"{REQUESTS}/ref"))["status"] == "failed"
    books.close()


def night(seed, order_of_rows):
    """Order every row until it is in the books; give what happened to each."""
    driver = Driver("drop-before=0.3", "drop-after=0.2", "error-before=0.3", "fail=0.2", seed=seed)
    story = {}
    for row in order_of_rows:
        story.setdefault(row, []).append(driver.order(row))
    ids = {order.reference_id: (order.request_id, order.fails) for order in driver.books.orders}
    return {row: [(one.status, one.drop) for one in answers] for row, answers in story.items()}, ids


def test_one_seed_is_one_night_in_whatever_order_the_rows_come():
    """Faults, ids and endings stay with their rows, however many workers there are."""
    rows = [f"row-{number}" for number in range(40)] * 3
    shuffled = sorted(rows, key=lambda row: row[::-1])
    assert night(7, rows) == night(7, shuffled)
    assert night(7, rows) != night(8, rows)


def test_a_fault_does_not_stick_to_a_row():
    """Each order of a row draws anew, so a retry can succeed."""
    driver = Driver("drop-before=0.5")
    for row in range(20):
        assert {driver.order(f"row-{row}").drop for _ in range(30)} == {True, False}


def test_a_restart_goes_on_with_the_draws(tmp_path):
    """Else a row would meet the same fault in each life."""
    whole = Driver("error-after=0.5")
    expected = [whole.order("ref").status for _ in range(20)]
    found = []
    for _ in range(20):
        books = FileBooks(tmp_path / "books.jsonl")
        found.append(Driver("error-after=0.5", books=books).order("ref").status)
        books.close()
    assert found == expected
    assert set(found) == {200, 500}


def test_a_restart_changes_no_time(tmp_path):
    """The books keep milliseconds, so the answers have no more either."""
    books = FileBooks(tmp_path / "books.jsonl")
    Driver("list-lag=1:1.23456s", books=books, start=START.replace(microsecond=123_999)).order()
    books.close()
    again = FileBooks(tmp_path / "books.jsonl")
    assert again.orders == books.orders
    assert again.orders[0].created_at.microsecond == 123_000
    again.close()


def test_a_call_that_is_turned_away_draws_no_fault():
    """Else the pace, which depends on the machine, would move the faults."""
    fast, slow = Driver("error-before=0.5"), Driver("error-before=0.5", rate=Rate(1, 1.0))
    slow.order("other")
    assert slow.order("ref").status == 429
    slow.wait(1)
    assert slow.order("ref").status == fast.order("ref").status


def test_a_throttle_turns_everyone_away_for_a_while():
    """A burst of 429: nothing is ordered, no token is spent, and no slot of the limit is used."""
    driver = Driver(rate=Rate(1, 60.0), retry_after=True)
    refused = driver.order("ref", fate=Fate(Kind.THROTTLE, throttle_s=3.0))
    assert error_of(refused) == (429, "rate limit exceeded")
    assert refused.headers["retry-after"] == "3"
    driver.wait(2.9)
    assert driver.order("other").status == 429
    assert driver.get().status == 200
    driver.wait(0.1)
    assert driver.order("other").status == 200
    assert [order.reference_id for order in driver.books.orders] == ["other"]


def test_a_fate_from_outside_overrules_the_faults():
    """A scripted test decides itself."""
    driver = Driver("drop-before=1")
    assert driver.order("ref", fate=Fate()).status == 200
    assert driver.order("ref", fate=Fate(Kind.DROP_AFTER)).drop
    assert driver.provider.orders("ref") == 2


class _FullBooks(Books):
    def append(self, order):
        raise OSError("No space left on device")


def test_an_order_that_cannot_be_entered_is_not_taken():
    """No books, no order: the answer says that something is wrong."""
    driver = Driver(books=_FullBooks())
    assert error_of(driver.order("ref")) == INTERNAL
    assert driver.total("ref") == 0


@pytest.mark.parametrize("settings", [{"tokens": -1}, {"list_limit_max": 0}])
def test_absurd_settings_are_refused(settings):
    """At once, not in the night."""
    with pytest.raises(UnusableInputError):
        SandboxSettings(rate=UNLIMITED, **settings)
