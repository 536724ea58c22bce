"""The sandbox's transport on a bad night: answers take time, clocks lie, whole hours are down."""

from __future__ import annotations

from batchdub.sandbox.calls import error_answer
from tests.support.sandbox_transport import SandboxTransport


class NightTransport(SandboxTransport):
    """As `SandboxTransport`, with what may happen to any call.

    `before_post` is called with each order before the provider hears of it. `latency_s` gives how
    long a call takes to arrive. `date_skews_s` gives how wrong the next answer's Date is, or None
    for an answer without one. `down` holds (method, from, until) in seconds of the clock: all such
    calls get a 500 then, and nothing comes of them. `rewrite` may change an answer to a GET.
    """

    def __init__(self, provider, clock) -> None:
        super().__init__(provider, clock)
        self.before_post = lambda _request: None
        self.latency_s = lambda: 0.0
        self.date_skews_s = None
        self.down: list[tuple[str, float, float]] = []
        self.rewrite = lambda _request, answer: answer

    def gets(self):
        """Give the free calls."""
        return [call for call in self.calls if call.method == "GET"]

    async def handle_async_request(self, request):
        if request.method == "POST":
            self.before_post(request)
        await self.clock.sleep(self.latency_s())
        return await super().handle_async_request(request)

    def _answer(self, step, request, body):
        now_s = self.clock.monotonic_s()
        if any(method == request.method and a <= now_s < b for method, a, b in self.down):
            return error_answer(500, "internal error")
        answer = super()._answer(step, request, body)
        return self.rewrite(request, answer) if request.method == "GET" else answer

    def _response(self, answer, request):
        if self.date_skews_s is not None:
            self.date_skew_s = self.date_skews_s()
        return super()._response(answer, request)
