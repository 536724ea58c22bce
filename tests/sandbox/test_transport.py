"""The in-process transport: it must look to a client as the real one does."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp
import httpx
import httpx_aiohttp
import pytest

from batchdub.sandbox.books import Books
from batchdub.sandbox.faults import parse_faults
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED
from tests.sandbox.driving import AUDIO, VIDEO
from tests.support.sandbox_transport import SandboxTransport
from tests.support.virtual import VirtualClock

AUTH = {"Authorization": "Bearer a-key"}
BODY = {"inputs": [VIDEO, AUDIO], "reference_id": "ref"}
BASE = "http://127.0.0.1:9/api"


class Night:
    def __init__(self, *faults, **options):
        self.clock = VirtualClock()
        settings = SandboxSettings(rate=UNLIMITED, faults=parse_faults(faults))
        self.provider = Provider(Books(), settings, self.clock.now)
        self.transport = SandboxTransport(self.provider, self.clock, **options)
        self.client = httpx.AsyncClient(transport=self.transport, base_url=BASE, headers=AUTH)

    async def order(self, **options):
        return await self.client.post("/v1/lipsync/generate", json=BODY, **options)

    async def total(self):
        found = await self.client.get("/v1/lipsync/requests", params={"reference_id": "ref"})
        return found.json()["pagination"]["total"]


async def test_an_order_is_answered_and_recorded():
    """Who called what, when, and for which row."""
    night = Night()
    await night.clock.sleep(5)
    answer = await night.order()
    assert answer.status_code == 200
    assert night.transport.orders("ref") == 1
    assert await night.total() == 1
    post, get = night.transport.calls
    assert night.transport.posts() == [post]
    assert (post.method, post.path, post.reference_id, post.at_s) == (
        "POST",
        "/api/v1/lipsync/generate",
        "ref",
        5.0,
    )
    assert (get.method, get.path, get.reference_id) == ("GET", "/api/v1/lipsync/requests", "ref")
    assert post.at == night.clock.now()


@pytest.mark.parametrize(("step", "taken"), [("drop", 0), ("accept_then_drop", 1)])
async def test_a_drop_is_the_error_of_a_lost_reply(step, taken):
    """Class and cause as over real sockets."""
    night = Night()
    night.transport.script(step)
    with pytest.raises(httpx.ConnectTimeout) as caught:
        await night.order()
    assert isinstance(caught.value.__cause__, aiohttp.ServerDisconnectedError)
    assert night.transport.orders("ref") == taken
    assert (await night.order()).status_code == 200


async def test_a_refused_connection_reaches_nobody():
    """The one error that proves that nothing was sent."""
    night = Night()
    night.transport.script("refuse_connection", times=2)
    for _ in range(2):
        with pytest.raises(httpx.ConnectTimeout, match="Cannot connect to host 127") as caught:
            await night.order()
        assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert night.transport.orders("ref") == 0
    assert len(night.transport.posts()) == 2


@pytest.mark.real_time
async def test_a_really_refused_connection_raises_the_same():
    """Measured against the transport that is really used, so that the copy stays true."""
    transport = httpx_aiohttp.AiohttpTransport()
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectTimeout) as caught:
            await client.get("http://127.0.0.1:1/")
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert "Cannot connect to host 127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize(("step", "taken"), [("hang", 0), ("accept_then_hang", 1)])
async def test_silence_ends_at_the_clients_own_timeout(step, taken):
    """As a server that never answers; the virtual clock pays for the wait."""
    night = Night()
    night.transport.script(step)
    with pytest.raises(httpx.ReadTimeout) as caught:
        await night.order(timeout=30)
    assert isinstance(caught.value.__cause__, aiohttp.SocketTimeoutError)
    assert night.clock.monotonic_s() == 30
    assert night.transport.orders("ref") == taken


async def test_a_slow_answer_comes_in_its_time():
    """Within the client's patience it is an answer, beyond it a timeout."""
    night = Night("slow=1:10s")
    assert (await night.order(timeout=None)).status_code == 200
    assert night.clock.monotonic_s() == 10
    with pytest.raises(httpx.ReadTimeout):
        await night.order(timeout=5)
    assert night.transport.orders("ref") == 2


@pytest.mark.parametrize(("step", "taken"), [("reply", 0), ("accept_then_reply", 1)])
async def test_a_reply_can_be_scripted(step, taken):
    """With or without an order behind it."""
    night = Night()
    night.transport.script("pass")
    night.transport.script(step, 503, "<html>", headers={"Retry-After": "7"})
    night.transport.script(step, 200, {"status": "success"})
    await night.order()
    answer = await night.order()
    assert (answer.status_code, answer.text) == (503, "<html>")
    assert answer.headers["retry-after"] == "7"
    assert (await night.order()).json() == {"status": "success"}
    assert night.transport.orders("ref") == 1 + 2 * taken


async def test_what_is_turned_away_is_not_replaced():
    """`accept_then_reply` needs an order that was accepted."""
    night = Night()
    night.transport.script("accept_then_reply", 200, b"{}")
    answer = await night.client.post("/v1/lipsync/generate", json={})
    assert answer.status_code == 400


async def test_an_order_can_be_taken_later():
    """Dropped now; there after its time."""
    night = Night()
    night.transport.script("accept_later", late_s=20)
    with pytest.raises(httpx.ConnectTimeout):
        await night.order()
    assert await night.total() == 0
    await night.clock.sleep(20)
    assert await night.total() == 1


async def test_look_ups_can_be_scripted_too():
    """Each method has its own script."""
    night = Night()
    night.transport.script("drop", method="GET")
    night.transport.script("hang", method="GET")
    night.transport.script("reply", 500, {"error": "internal error"}, method="GET")
    assert (await night.order()).status_code == 200
    with pytest.raises(httpx.ConnectTimeout):
        await night.total()
    with pytest.raises(httpx.ReadTimeout):
        await night.total()
    assert (await night.client.get("/v1/lipsync/requests")).status_code == 500
    assert await night.total() == 1


async def test_the_date_is_the_providers_and_can_be_wrong_or_missing():
    """A client may rely on differences alone, and must bear its absence."""
    for skew_s in (0.0, 7200.0, None):
        night = Night(date_skew_s=skew_s)
        answer = await night.order()
        if skew_s is None:
            assert "date" not in answer.headers
        else:
            told = parsedate_to_datetime(answer.headers["date"])
            assert (told - night.clock.now()).total_seconds() == skew_s


async def test_a_misspelt_step_is_told():
    """A script that does nothing would be a test that proves nothing."""
    with pytest.raises(ValueError, match="no such step"):
        Night().transport.script("acept_then_drop")


async def test_a_head_has_no_body_and_any_body_can_be_recorded():
    """What is not JSON has no reference_id."""
    night = Night()
    assert (await night.client.head("/health")).content == b""
    for body in (b"{", b"[]"):
        await night.client.post("/v1/lipsync/generate", content=body)
    assert [call.reference_id for call in night.transport.calls] == [None] * 3
