"""Answers and transports for tests of the wire: the fake is the network, the rest is real."""

from __future__ import annotations

import random

import httpx

from batchdub.redact import Secret

KEY = Secret("sk-planted-0123456789")
BASE = "https://api.example.com/api"
AN_ID = "8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a"
ACCEPTED = {"status": "success", "request_id": AN_ID}


class Wire(httpx.AsyncBaseTransport):
    """Answers each request by the next of its answers: a response, or an exception to raise."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.closed = False

    async def handle_async_request(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def aclose(self):
        self.closed = True


def a_request(request_id=AN_ID, **fields):
    return {"id": request_id, "created_at": "2026-03-01T22:00:00Z", "status": "queued", **fields}


def a_page(*requests, limit=100, offset=0, total=None):
    total = len(requests) if total is None else total
    return {
        "data": list(requests),
        "pagination": {"limit": limit, "offset": offset, "total": total},
    }


def seeded(seed):
    return random.Random(seed)  # noqa: S311  chance that can be repeated is the point
