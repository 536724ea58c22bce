"""A list is whole or it is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import Cause, Outcome, Page, RemoteRequest
from batchdub.states import Event
from batchdub.wire import CallFailedError, list_all
from batchdub.wire.listing import MAX_READINGS
from tests.support.virtual import virtual_run

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def request(number, reference_id="a"):
    return RemoteRequest(str(number), T0, "queued", reference_id)


class Books:
    """A list that gives at most `most` a page, and may change before a page is read."""

    def __init__(self, *requests, most=100, changes=None):
        self.requests, self.most, self.changes = list(requests), most, changes or {}
        self.reads = 0

    async def list_requests(self, *, reference_id=None, limit=100, offset=0):
        self.reads += 1
        self.changes.get(self.reads, lambda _: None)(self.requests)
        size = min(limit, self.most)
        date = T0 + timedelta(seconds=self.reads)
        page = tuple(self.requests[offset : offset + size])
        return Page(page, size, offset, len(self.requests), date)


async def no_pace():
    pass


def read(books, **options):
    return virtual_run(list_all(books, before_each=no_pace, **options))


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 50))
def test_every_request_is_read_once_whatever_the_page_size(count, most, limit):
    """The server may clamp the limit without a word.

    Faults: F-44.
    """
    books = Books(*map(request, range(count)), most=most)
    listing = read(books, limit=limit)
    assert [found.request_id for found in listing.requests] == list(map(str, range(count)))
    assert listing.complete
    assert listing.total == count


def test_the_dates_are_those_of_the_first_and_the_last_page():
    """Absence counts from the moment at which the list was seen."""
    listing = read(Books(*map(request, range(5)), most=2))
    assert (listing.began_at, listing.ended_at) == (
        T0 + timedelta(seconds=1),
        T0 + timedelta(seconds=3),
    )


def test_a_total_that_changes_starts_the_reading_anew():
    """An insert at the front shifts a request from a page not yet read to one already read.

    Faults: F-41.
    """
    books = Books(
        *map(request, range(4)), most=2, changes={2: lambda rows: rows.insert(0, request(9))}
    )
    assert {found.request_id for found in read(books).requests} == {"0", "1", "2", "3", "9"}


def test_a_page_that_repeats_starts_the_reading_anew():
    """The same total with one twice and one missing: the order changed meanwhile.

    Faults: F-41.
    """
    books = Books(*map(request, range(4)), most=2, changes={2: lambda rows: rows.reverse()})
    assert len(read(books).requests) == 4
    assert books.reads == 4


def test_an_empty_page_before_the_end_starts_the_reading_anew():
    """Else it would never end."""
    gone = {1: lambda rows: None}
    books = Books(*map(request, range(3)), most=0, changes=gone)
    with pytest.raises(CallFailedError, match="changed"):
        read(books)
    assert books.reads == MAX_READINGS


def test_a_list_that_never_stands_still_is_a_failure():
    """A failed look-up proves nothing, least of all absence."""
    grow = {n: lambda rows: rows.append(request(len(rows))) for n in range(1, 100)}
    with pytest.raises(CallFailedError, match="changed"):
        read(Books(*map(request, range(4)), most=3, changes=grow))


def test_other_reference_ids_are_left_out_and_told():
    """A filter that matches by prefix, or not at all, says that the server is not as documented.

    Faults: F-43.
    """
    listing = read(Books(request(1, "a"), request(2, "a1"), request(3, "A")), reference_id="a")
    assert [found.request_id for found in listing.requests] == ["1"]
    assert listing.foreign
    assert listing.complete


def test_without_a_filter_nothing_is_foreign():
    """The account's list holds every reference_id."""
    assert not read(Books(request(1, "a"), request(2, None))).foreign


def test_a_reading_that_was_cut_says_so():
    """The start look reads only so many pages."""
    listing = read(Books(*map(request, range(9)), most=2), max_pages=2)
    assert not listing.complete
    assert len(listing.requests) == 4


def test_a_list_without_end_is_a_failure(monkeypatch):
    """Memory is bounded."""
    monkeypatch.setattr("batchdub.wire.listing.MAX_PAGES", 3)
    with pytest.raises(CallFailedError, match="more than 3 pages"):
        read(Books(*map(request, range(9)), most=2))


def test_the_pace_is_kept_before_each_page():
    """GETs have a limit too."""
    slots = []

    async def slot():
        slots.append(1)

    virtual_run(list_all(Books(*map(request, range(5)), most=2), before_each=slot))
    assert len(slots) == 3


def test_a_failing_call_is_not_an_empty_list():
    """It comes through as it is.

    Faults: F-42.
    """

    failure = CallFailedError("x", Outcome(Event.LOST, Cause.SERVER, "y"))

    class Failing:
        async def list_requests(self, **_):
            raise failure

    with pytest.raises(CallFailedError) as caught:
        read(Failing())
    assert caught.value is failure
