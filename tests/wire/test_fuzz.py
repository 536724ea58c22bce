"""Whatever an answer is made of: a value of ours comes out, soon, and within bounded memory."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdub.states import Event
from batchdub.wire import ApiClient, CallFailedError
from tests.fuzz.targets import read_reply
from tests.support.virtual import VirtualClock, virtual_run
from tests.wire.answers import ACCEPTED, BASE, KEY, Wire, a_page, a_request
from tests.wire.real_servers import BODY, GOOD, calling, says, serving

_MIB = 1024 * 1024
_WHOLE = [
    json.dumps(each).encode()
    for each in (ACCEPTED, {"error": "invalid token"}, a_page(a_request()), a_request())
]


@given(st.binary(max_size=300))
@settings(max_examples=120)
def test_any_bytes_give_only_values_of_ours(data):
    """Status, headers and body: none of them is trusted.

    Faults: F-13, F-15, F-45.
    """
    read_reply(data, virtual_run)


@given(
    st.sampled_from(_WHOLE),
    st.integers(0, 899),
    st.integers(0, 63),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=3))
    ),
)
@settings(max_examples=120)
def test_good_answers_with_a_few_bytes_changed_give_only_values_of_ours(
    body, status, headers, changes
):
    """They reach further into the readers than noise does (F-13, F-45)."""
    for where, cut, put in changes:
        start = int(where * len(body))
        body = body[:start] + put + body[start + cut :]

    read_reply(status.to_bytes(2, "big") + bytes([headers]) + body, virtual_run)


_DEEP = 300_000
_HUGE = {
    "lists": b"[" * _DEEP,
    "objects": b'{"data":' * _DEEP,
    "an id": b'{"status":"success","request_id":"' + b"x" * 900_000 + b'"}',
    "a number": b'{"data":[],"pagination":{"limit":1,"offset":0,"total":' + b"9" * 900_000 + b"}}",
    "an error": b'{"error":"' + b"\\u0000" * 150_000 + b'"}',
    "many names": b"{" + b",".join(b'"%d":0' % n for n in range(90_000)) + b"}",
    "100 MB": b" " * 100 * _MIB,
}


@pytest.mark.parametrize("what", _HUGE)
async def test_what_is_too_deep_or_too_large_costs_no_memory(what):
    """The body is read to a mebibyte, and a doubt is no crash (F-15)."""
    answers = [httpx.Response(200, stream=_Pieces(_HUGE[what])) for _ in range(2)]
    api = ApiClient(BASE, KEY, Wire(*answers), VirtualClock())
    tracemalloc.start()
    try:
        outcome = await api.generate(BODY)
        with pytest.raises(CallFailedError):
            await api.list_requests()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome.event is Event.LOST
    assert len(outcome.message) <= 300
    assert peak_bytes < 64 * _MIB


async def test_a_page_that_unpacks_to_far_more_is_cut_short():
    """A bomb of gzip in a gateway's answer (F-14)."""
    bomb = gzip.compress(b"0" * 40 * _MIB)
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Pieces(bomb))
    tracemalloc.start()
    try:
        outcome = await ApiClient(BASE, KEY, Wire(answer), VirtualClock()).generate(BODY)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome.event is Event.LOST
    assert peak_bytes < 16 * _MIB


class _Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces of 64 KiB."""

    def __init__(self, content):
        self.content = content

    async def __aiter__(self):
        for start in range(0, len(self.content), 65536):
            yield self.content[start : start + 65536]


@pytest.mark.real_time
async def test_any_bytes_in_place_of_http_are_an_outcome():
    """On real sockets, where aiohttp's own parser stands before ours (F-15)."""
    rng = random.Random(7)  # noqa: S311  the same bytes in every run

    def spoilt():
        data = bytearray(GOOD)
        for _ in range(rng.randint(1, 6)):
            start = rng.randrange(len(data))
            data[start : start + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        return bytes(data) if rng.random() < 0.8 else rng.randbytes(rng.randint(1, 200))

    async def script(writer):
        return await says(spoilt())(writer)

    async with serving(script) as (server, port), calling(port) as api:
        outcomes = [await api.generate(BODY) for _ in range(120)]

    assert {each.event for each in outcomes} <= {*Event} - {Event.NOT_SENT}
    assert all(each.message.isprintable() and len(each.message) <= 300 for each in outcomes)
    assert server.posts() == 120
