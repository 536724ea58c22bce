"""The transport of the simulation: every call passes the adversary, and the oracle sees it."""

from __future__ import annotations

import asyncio
from email.utils import format_datetime

import aiohttp
import httpx

from batchdub.sandbox.calls import Answer
from tests.simulate.adversary import Passing
from tests.simulate.faults import Fault
from tests.support.sandbox_transport import _raise_dropped, _raise_refused, _reference_of


class HostileTransport(httpx.AsyncBaseTransport):
    """Carries the calls of the process that is alive now."""

    def __init__(self, world) -> None:
        self.world = world
        self.process = world.process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request there and its answer back."""
        body = await request.aread()
        reference_id = request.url.params.get("reference_id") or _reference_of(body)
        passing = Passing(request, body, reference_id)
        self.world.oracle.call_begins(passing)
        self.world.adversary.rule(passing)
        if passing.fault is Fault.REFUSED_CONNECTION:
            self.world.hit(passing.fault)
            self.world.note(passing, "refused")
            _raise_refused(request)
        self.process.in_flight[passing] = True
        try:
            answer = await self._there_and_back(passing)
        except asyncio.CancelledError:
            self.world.adversary.lost_on_the_way(passing)
            raise
        finally:
            self.process.in_flight.pop(passing, None)
        return self._response(passing, answer)

    async def _there_and_back(self, passing: Passing) -> Answer:
        adversary = self.world.adversary
        await asyncio.sleep(adversary.latency_s())
        answer = adversary.deliver(passing)
        self.world.note(passing, answer.status or "dropped")
        await self._wait(answer.delay_s, passing.request)
        await asyncio.sleep(adversary.latency_s())
        if answer.drop:
            _raise_dropped(passing.request)
        if passing.orders:
            for _ in range(self.process.about_to_answer()):
                await asyncio.sleep(0)
        return answer

    async def _wait(self, delay_s: float, request: httpx.Request) -> None:
        patience_s = request.extensions["timeout"]["read"]
        if delay_s > patience_s:
            await asyncio.sleep(patience_s)
            cause = aiohttp.SocketTimeoutError("Timeout on reading data from socket")
            raise httpx.ReadTimeout(str(cause), request=request) from cause
        await asyncio.sleep(delay_s)

    def _response(self, passing: Passing, answer: Answer) -> httpx.Response:
        headers = dict(answer.headers)
        date = self.world.adversary.date()
        if date is not None:
            headers["date"] = format_datetime(date, usegmt=True)
        self.world.oracle.call_ends(passing, answer)
        if passing.cut_body:
            stream = _BrokenOff(answer.body, passing.request)
            return httpx.Response(
                answer.status, headers=headers, stream=stream, request=passing.request
            )
        return httpx.Response(
            answer.status, headers=headers, content=answer.body, request=passing.request
        )


class _BrokenOff(httpx.AsyncByteStream):
    """A body of which only the beginning comes."""

    def __init__(self, body: bytes, request: httpx.Request) -> None:
        self._body = body
        self._request = request

    async def __aiter__(self):
        yield self._body[: len(self._body) // 2]
        cause = aiohttp.ClientPayloadError("Response payload is not completed")
        raise httpx.ReadError(str(cause), request=self._request) from cause
